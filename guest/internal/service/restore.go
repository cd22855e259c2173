package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/restore"
	"virtquorum.io/guest/internal/wire"
)

const elsewhereTo = "`virtquorum-guest archive restore` with --to copies it to a directory on any member"

// RestoreInPlace puts rows of an archive entry back where they were, for a person who is root here: on the primary alone, where that is a
// write like any other. What is in place now goes into an entry of its own first. All is put back or nothing, unless the answer says
// otherwise.
func (s *Service) RestoreInPlace(ctx context.Context, request restore.Request) restore.Answer {
	select {
	case <-ctx.Done():
		return nothing(errors.New("the time is over, and something else changes the guest; try it again"))
	case s.alone <- struct{}{}:
		defer func() { <-s.alone }()
	}
	of := s.configuredMember()
	if of == nil {
		return nothing(errors.New("the sidecar has not told this guest yet what its trees are; " + elsewhereTo))
	}
	if err := mayRestore(of, s.standing()); err != nil {
		return nothing(err)
	}
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nothing(err)
	}
	defer end()
	at, err := of.restored(ctx, all, request)
	if err != nil {
		return nothing(err)
	}
	prepared, err := of.prepareRestore(ctx, all, at, request)
	if err != nil {
		return nothing(err)
	}
	// Another may lead since the copies were made. From here on it comes to its end, in a later life of this program if need be.
	if err = mayRestore(of, s.standing()); err == nil && s.configuredMember() != of {
		err = errReconfigured
	}
	if err != nil {
		return nothing(errors.Join(err, prepared.Abandon(ctx)))
	}
	t := of.trees[at]
	result, err := prepared.CarryOut(ctx)
	if err != nil {
		t.endRepair(ctx, all[at], err)
		return restore.Answer{Sentence: fmt.Sprintf("It was interrupted, and is ended by now or when the tree is opened next: %v. What it replaced is in the archive.", err)}
	}
	if held, err := t.use(); err == nil {
		_, _ = t.walk(ctx, held.Rows) // an error is the tree's own trouble by then
	}
	return restore.Answer{Done: true, Sentence: restoredSentence(string(t.spec.Path), result)}
}

func nothing(why error) restore.Answer {
	return restore.Answer{Sentence: fmt.Sprintf("Nothing was put back: %v.", why)}
}

func restoredSentence(path string, result archive.Result) string {
	said := fmt.Sprintf("%d files and directories were put back below %s, as a write of yours on the primary", result.Rows, path)
	if result.Entry != "" {
		said += "; what was there before is in the archive entry " + result.Entry
	}
	return said + ". `virtquorum-guest commit` waits until it is committed."
}

// mayRestore says why nothing may be put back here.
func mayRestore(of *member, standing *wire.Standing) error {
	switch {
	case of.configure.ReadOnly || standing.GetReason() == reasonObserve:
		return errors.New("in mode Observe nothing in the guest is touched; " + elsewhereTo)
	case standing == nil:
		return errors.New("nobody tells this guest whether it is the primary, for its sidecar or the operator is not connected; " + elsewhereTo)
	case !standing.Primary:
		return errors.New("this member is not the primary, so a repair would take it away again; put it back on the primary; " + elsewhereTo)
	}
	return nil
}

// restored is the tree whose archive has all that is asked for.
func (of *member) restored(ctx context.Context, all []*archived, request restore.Request) (int, error) {
	at, trees := -1, []string(nil)
	for i, one := range all {
		if name := of.trees[i].spec.Name; request.Tree == "" || request.Tree == name {
			entries, err := one.List(ctx)
			if err != nil {
				return at, err
			}
			for _, entry := range entries {
				if entry.Name == request.Entry {
					at, trees = i, append(trees, name)
				}
			}
		}
	}
	switch {
	case len(trees) == 0:
		return at, fmt.Errorf("no archive of the cluster's trees has an entry %q; `virtquorum-guest archive list` shows those there are", request.Entry)
	case len(trees) > 1:
		return at, fmt.Errorf("the trees %s have an entry %q: say which is meant by -tree", strings.Join(trees, ", "), request.Entry)
	}
	missing, err := all[at].Missing(ctx, request.Entry, pathsIn(request))
	if err != nil {
		return at, err
	}
	for i, path := range missing {
		readable, _ := archive.Path(path).MarshalText()
		missing[i] = string(readable)
	}
	if len(missing) > 0 {
		return at, fmt.Errorf("the entry %s has no old version of %s; `virtquorum-guest archive show %s` tells what it has", request.Entry, strings.Join(missing, ", "), request.Entry)
	}
	return at, nil
}

func pathsIn(request restore.Request) []string {
	paths := make([]string, 0, len(request.Paths))
	for _, path := range request.Paths {
		paths = append(paths, strings.Trim(string(path), "/"))
	}
	return paths
}

// prepareRestore copies what comes, makes room for what it replaces, and makes the plan durable. After an error nothing is left of it.
func (of *member) prepareRestore(ctx context.Context, all []*archived, at int, request restore.Request) (*archive.Prepared, error) {
	plan, _, err := all[at].PlanRestore(ctx, request.Entry, pathsIn(request), time.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	coming, err := all[at].Need(ctx, plan)
	if err == nil {
		limits := of.limits()
		limits.Keep = request.Entry
		err = archive.MakeRoom(ctx, plain(all), coming, limits)
	}
	if err == nil {
		var prepared *archive.Prepared
		if prepared, err = all[at].Prepare(ctx, plan); err == nil {
			return prepared, nil
		}
	}
	return nil, errors.Join(err, all[at].Unstage(ctx, plan))
}
