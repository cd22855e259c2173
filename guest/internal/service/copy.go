package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/verify"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostTargets = 1_000_000
	mostJoiners = 64
	mostListed  = 100
)

// targets are the rows of a request's body, by tree.
func (of *member) targets(ctx context.Context, call Call) ([][]*wire.Target, int, error) {
	targets, total := make([][]*wire.Target, len(of.trees)), 0
	for {
		piece, err := call.Body(ctx)
		if errors.Is(err, io.EOF) {
			return targets, total, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("taking the list of rows: %w", err)
		}
		if total += len(piece.Targets); total > mostTargets {
			return nil, 0, invalid("Targets", "more than %d rows are named", mostTargets)
		}
		for _, one := range piece.Targets {
			if int(one.Tree) >= len(targets) {
				return nil, 0, invalid("Targets", "there is no tree %d", one.Tree)
			}
			if n := len(one.Digest); n != 0 && n != len(fingerprint.Digest{}) {
				return nil, 0, invalid("Targets", "a digest has %d bytes", n)
			}
			targets[one.Tree] = append(targets[one.Tree], one)
		}
	}
}

func digestOf(target *wire.Target) (digest fingerprint.Digest) {
	copy(digest[:], target.Digest)
	return digest
}

func (of *member) hashing() (sync.Hashing, error) {
	key, err := fingerprint.NewKey(of.configure.Key)
	if err != nil {
		return sync.Hashing{}, fmt.Errorf("taking the cluster's key: %w", err)
	}
	return sync.Hashing{Key: key, SELinux: of.configure.Selinux}, nil
}

// fetch stages the rows of the body. What was staged is known until the next fetch.
func (s *Service) fetch(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetFetch()
	address, err := netip.ParseAddr(request.Address)
	if err != nil || request.Port == 0 || request.Port > 65535 || len(request.Pin) != len(sync.Pin{}) {
		return nil, invalid("Donor", "%q, port %d and a pin of %d bytes say no donor", request.Address, request.Port, len(request.Pin))
	}
	identity, err := sync.IdentityFromSeed(request.Seed)
	if err != nil {
		return nil, invalid("Seed", "%w", err)
	}
	order := sync.FetchOrder{
		Donor:    sync.Donor{Name: request.Donor, Address: netip.AddrPortFrom(address, uint16(request.Port)), Pin: sync.Pin(request.Pin)},
		Identity: identity,
	}
	if from, err := netip.ParseAddr(of.configure.SyncAddress); err == nil {
		order.From = from
	}
	if request.Output {
		return fetchOutput(ctx, call, order)
	}
	targets, total, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	hashing, err := of.hashing()
	if err != nil {
		return nil, err
	}
	order.Progress = func(rows int, bytes int64) {
		call.Progress(&wire.Progress{What: "fetching", Done: uint64(rows), Total: uint64(total), BytesDone: uint64(bytes)})
	}
	of.stage(nil)
	_, end, err := s.archives(ctx, of) // the stage may be what an interrupted repair is ended from
	if err != nil {
		return nil, err
	}
	end()
	for i, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return nil, void("%w", err)
		}
		if held.Store == nil {
			return nil, fmt.Errorf("staging for %s: %w", t.spec.Name, held.Why)
		}
		stage, err := held.Store.Dir(memory.Stage)
		if err != nil {
			return nil, fmt.Errorf("opening the stage of %s: %w", t.spec.Name, err)
		}
		defer stage.Close()
		tree := sync.FetchTree{Name: t.spec.Name, Live: held.Rows.Root(), Stage: stage, Hashing: hashing, Held: sync.HeldBy(held.Rows)}
		for _, target := range targets[i] {
			wanted := sync.Wanted{Path: string(target.Path), Digest: digestOf(target), Size: int64(target.Size)}
			if request.AnySize {
				wanted.Size = sync.AnySize
			}
			tree.Rows = append(tree.Rows, wanted)
		}
		order.Trees = append(order.Trees, tree)
	}
	report, err := sync.Fetch(ctx, order)
	if err != nil {
		return nil, fetchFailed(err)
	}
	of.stage(report.Staged)
	return &wire.Answer{Piece: &wire.Answer_Fetched{Fetched: of.fetched(report)}}, nil
}

func (of *member) fetched(report sync.Report) *wire.Fetched {
	fetched := &wire.Fetched{
		Sent: uint64(report.Sent), Received: uint64(report.Received), Kept: uint64(report.Kept), Copied: uint64(report.Copied),
		MovedTotal: uint64(report.MovedTotal),
	}
	for _, staged := range report.Staged {
		fetched.Rows += uint64(len(staged))
	}
	for _, moved := range report.Moved[:min(len(report.Moved), mostListed)] {
		fetched.Moved = append(fetched.Moved, &wire.Row{Tree: of.index(moved.Tree), Path: []byte(moved.Path), Trouble: moved.Why})
	}
	for !port.Fits(fetched) {
		fetched.Moved = fetched.Moved[:len(fetched.Moved)/2]
	}
	return fetched
}

func (of *member) index(name string) uint32 {
	for i, t := range of.trees {
		if t.spec.Name == name {
			return uint32(i)
		}
	}
	return uint32(len(of.trees))
}

func fetchFailed(err error) error {
	for detail, kind := range map[string]error{
		"DiskFull": sync.ErrFull, "DonorUnreachable": sync.ErrUnreachable, "DonorRefused": sync.ErrRefused, "DonorMisbehaved": sync.ErrMisbehaved,
	} {
		if errors.Is(err, kind) {
			return &port.Refused{Reason: wire.Reason_REASON_FAILED, Detail: detail, Err: err}
		}
	}
	return err
}

// prove reads the rows of the body back past the page cache, or all.
func (s *Service) prove(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	targets, total, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	if total == 0 {
		targets = nil
	}
	proven, err := of.proveRows(ctx, call, targets)
	if err != nil {
		return nil, err
	}
	for !port.Fits(proven) {
		proven.Differing = proven.Differing[:len(proven.Differing)/2]
	}
	return &wire.Answer{Piece: &wire.Answer_Proven{Proven: proven}}, nil
}

// proveRows reads rows of each tree back, all if there are no targets.
func (of *member) proveRows(ctx context.Context, call Call, targets [][]*wire.Target) (*wire.Proven, error) {
	proven := &wire.Proven{}
	for i, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return nil, void("%w", err)
		}
		var wanted []verify.Wanted
		if targets == nil {
			for row := range held.Rows.Rows() {
				wanted = append(wanted, verify.Wanted{Path: row.Path, Digest: row.Digest})
			}
		} else {
			for _, target := range targets[i] {
				wanted = append(wanted, verify.Wanted{Path: string(target.Path), Digest: digestOf(target)})
			}
		}
		result, err := verify.Rows(ctx, held.Rows, wanted, progress(call, t.spec.Name))
		if err != nil {
			return nil, fmt.Errorf("reading %s back: %w", t.spec.Name, err)
		}
		proven.Rows += uint64(result.Rows)
		proven.DifferingTotal += uint64(result.Total)
		for _, one := range result.Different {
			proven.Differing = append(proven.Differing, &wire.Row{Tree: uint32(i), Path: []byte(one.Path), Digest: one.Got[:], Trouble: one.Why})
		}
	}
	return proven, nil
}
