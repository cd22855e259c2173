package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/memory"
)

// archived is the archive of an open tree, with its directories.
type archived struct {
	*archive.Archive
	directories []*beneath.Dir
}

func (a *archived) close() {
	for _, directory := range a.directories {
		directory.Close()
	}
}

// archiveOf opens the archive of a tree, and ends first what a crash interrupted.
func (s *Service) archiveOf(ctx context.Context, of *member, held *Held, t *tree) (*archived, error) {
	a, err := s.openArchive(of, held, t)
	if err != nil {
		return nil, err
	}
	if _, err := a.Finish(ctx); err != nil {
		a.close()
		return nil, fmt.Errorf("finishing a repair that was interrupted: %w", err)
	}
	return a, nil
}

func (s *Service) openArchive(of *member, held *Held, t *tree) (*archived, error) {
	if held.Store == nil {
		return nil, held.Why
	}
	a, tree := &archived{}, archive.Tree{Name: t.spec.Name, Live: held.Rows.Root(), SELinux: of.configure.Selinux}
	if s.options.Writers != nil {
		tree.Appended, tree.Written = appendedOn(s.options.Writers, held.Rows.Root()), t.stale.keep
	}
	for kind, to := range map[string]**beneath.Dir{memory.Stage: &tree.Stage, memory.Archive: &tree.Archive, memory.Journal: &tree.Journal} {
		directory, err := held.Store.Dir(kind)
		if err != nil {
			a.close()
			return nil, fmt.Errorf("opening its %s: %w", kind, err)
		}
		a.directories = append(a.directories, directory)
		*to = directory
	}
	a.Archive = archive.New(tree)
	return a, nil
}

// finishing is how long a repair that does not go well, or is not wanted any more, may take to its end before anything else is done.
const finishing = 10 * time.Second

// finishRepair ends what a crash interrupted, before anything else is done with the tree. Where that cannot be done the tree is not to be
// looked at, which is the error: what it holds would be voted on, and be replaced by that old repair at another time.
func (s *Service) finishRepair(ctx context.Context, of *member, held *Held, t *tree) error {
	if held.Store == nil {
		return nil
	}
	s.repairing.Lock()
	defer s.repairing.Unlock()
	one, err := s.openArchive(of, held, t)
	if err != nil {
		s.options.Log.Warn("opening the archive", "tree", t.spec.Name, "why", err)
		return nil
	}
	defer one.close()
	finished, err := one.Finish(ctx)
	if finished.Rows > 0 || err != nil {
		s.standings.repair()
	}
	if err == nil {
		s.findStale(ctx, one, t)
		return nil
	}
	s.options.Log.Warn("ending a repair that was interrupted", "tree", t.spec.Name, "why", err)
	return unfinished(err)
}

// endRepair ends a repair that failed half-way, though nobody waits for it any more; else the tree is not looked at until it is ended.
func (t *tree) endRepair(ctx context.Context, one *archived, why error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	if _, err := one.Finish(ctx); err != nil {
		t.openAgain(unfinished(errors.Join(why, err)))
	}
}

// unfinished is why a tree must not be looked at. What it is about is the repair, so only a failing disk is told as the tree's own trouble.
func unfinished(err error) error {
	if errors.Is(err, unix.EIO) {
		return fmt.Errorf("a repair was interrupted when files were being replaced, and cannot be ended: %w", err)
	}
	return fmt.Errorf("a repair was interrupted when files were being replaced, and cannot be ended: %v", err)
}

func (s *Service) archives(ctx context.Context, of *member) (all []*archived, end func(), err error) {
	s.repairing.Lock()
	end = func() {
		for _, one := range all {
			one.close()
		}
		s.repairing.Unlock()
	}
	for _, t := range of.trees {
		held, err := t.use()
		if err == nil {
			var one *archived
			if one, err = s.archiveOf(ctx, of, held, t); err == nil {
				all = append(all, one)
				continue
			}
		}
		end()
		return nil, nil, fmt.Errorf("the archive of %s: %w", t.spec.Name, err)
	}
	return all, end, nil
}

func plain(all []*archived) []*archive.Archive {
	archives := make([]*archive.Archive, 0, len(all))
	for _, one := range all {
		archives = append(archives, one.Archive)
	}
	return archives
}

// limits are those of the configuration; what it leaves out is as the API's defaults are.
func (of *member) limits() archive.Limits {
	limits := archive.Limits{Entries: int(of.configure.GetArchive().GetEntries()), Bytes: int64(of.configure.GetArchive().GetBytes())}
	if limits.Entries == 0 {
		limits.Entries = 20
	}
	if limits.Bytes == 0 {
		limits.Bytes = 1 << 30
	}
	return limits
}
