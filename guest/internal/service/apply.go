package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

// stage keeps what the newest fetch staged of each tree; nil: nothing.
func (of *member) stage(staged [][]sync.Staged) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.staged = make([]map[string]sync.Staged, len(of.trees))
	for i, rows := range staged {
		of.staged[i] = make(map[string]sync.Staged, len(rows))
		for _, row := range rows {
			of.staged[i][row.Path] = row
		}
	}
}

func (of *member) stagedAs(tree int, path string) (sync.Staged, bool) {
	of.mu.Lock()
	defer of.mu.Unlock()
	if tree >= len(of.staged) {
		return sync.Staged{}, false
	}
	staged, known := of.staged[tree][path]
	return staged, known
}

// apply has the trees hold the rows of the body.
func (s *Service) apply(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetApply()
	targets, _, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	if now := of.look(); request.Look != 0 && !request.Single && request.Look != now {
		return nil, void("look %d is not the newest any more, which is %d", request.Look, now)
	}
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nil, err
	}
	defer end()
	half, err := of.isHalf()
	if err != nil {
		return nil, err
	}
	rules := of.rules(request, targets, half)
	plans := make([]archive.Plan, len(all))
	for i := range all {
		if plans[i], err = of.plan(i, request, targets[i], rules[i]); err != nil {
			return nil, err
		}
	}
	if request.Look != 0 && request.Single {
		if err := of.refuseMoved(request.Look, targets); err != nil {
			return nil, err
		}
	}
	coming, err := of.room(ctx, all, plans)
	if err != nil {
		return nil, applyFailed(err)
	}
	if request.Whole {
		if err := of.beginHalf(); err != nil {
			return nil, err
		}
		of.thaw()
	}
	applied := &wire.Applied{Bytes: uint64(coming)}
	if slices.ContainsFunc(plans, func(plan archive.Plan) bool { return len(plan.Put)+len(plan.Remove) > 0 }) {
		s.standings.repair()
	}
	prepared, err := prepare(ctx, all, plans)
	if err != nil {
		return nil, applyFailed(err)
	}
	for i := range all {
		if prepared[i] == nil {
			continue
		}
		call.Progress(&wire.Progress{What: "applying to " + of.trees[i].spec.Name, Done: applied.Rows})
		result, err := prepared[i].CarryOut(ctx)
		if err != nil {
			for j := i; j < len(all); j++ {
				if prepared[j] != nil {
					of.trees[j].endRepair(ctx, all[j], err)
				}
			}
			return nil, fmt.Errorf("applying to %s: %w", of.trees[i].spec.Name, applyFailed(err))
		}
		applied.Rows += uint64(result.Rows)
		applied.LateTotal += uint64(len(result.Late))
		if result.Entry != "" {
			applied.ArchiveEntry = result.Entry
		}
		for _, late := range result.Late {
			if len(applied.Late) < mostListed {
				applied.Late = append(applied.Late, &wire.Row{Tree: uint32(i), Path: []byte(late.Path), Trouble: late.Why})
			}
		}
	}
	if request.Prove {
		if err := of.readBack(ctx, call, targets, applied); err != nil {
			s.options.Log.Warn("reading back what was replaced", "why", err) // who asks for that by itself is told
		} else {
			applied.Proven = true
		}
	}
	if request.After != nil {
		if answer, err := s.lookAtAll(ctx, of, call, request.After); err != nil {
			s.options.Log.Warn("looking at what was replaced", "why", err) // who looks by itself is told
		} else {
			applied.Seen = answer.GetLook()
		}
	}
	if !port.Fits(applied) {
		applied.Seen = nil
	}
	for !port.Fits(applied) {
		applied.Late = applied.Late[:len(applied.Late)/2]
	}
	return &wire.Answer{Piece: &wire.Answer_Applied{Applied: applied}}, nil
}

// readBack reads what was replaced from the disk, past the page cache.
func (of *member) readBack(ctx context.Context, call Call, targets [][]*wire.Target, applied *wire.Applied) error {
	if applied.LateTotal > uint64(len(applied.Late)) {
		return errors.New("more rows are late than are listed")
	}
	type row struct {
		tree uint32
		path string
	}
	late := map[row]bool{}
	for _, one := range applied.Late {
		late[row{one.Tree, string(one.Path)}] = true
	}
	for i := range targets {
		targets[i] = slices.DeleteFunc(targets[i], func(target *wire.Target) bool { return late[row{uint32(i), string(target.Path)}] })
	}
	_, err := of.proveRows(ctx, call, targets)
	return err
}

// refuseMoved refuses rows that are not as a look saw them: whoever ordered knows nothing of what was written since, and plans made before
// this call are of rows that were seen then. Other rows may move.
func (of *member) refuseMoved(look uint64, targets [][]*wire.Target) error {
	versions, known := of.at(look)
	if !known {
		return void("look %d is not known any more", look)
	}
	for i, t := range of.trees {
		if len(targets[i]) == 0 {
			continue
		}
		held, err := t.use()
		if err != nil {
			return void("%w", err)
		}
		rows, gone, known := t.since(held, versions[i])
		if !known {
			return void("it is not known any more what moved in %s after look %d", t.spec.Name, look)
		}
		moved := make(map[string]bool, len(gone))
		for _, path := range gone {
			moved[path] = true
		}
		for row := range rows {
			moved[row.Path] = true
		}
		for _, target := range targets[i] {
			if path := string(target.Path); moved[path] {
				return void("%q moved after look %d", path, look)
			}
		}
	}
	return nil
}

// prepare makes the plans durable in all trees, before the first row is replaced in any: whatever happens then, all are carried out.
func prepare(ctx context.Context, all []*archived, plans []archive.Plan) ([]*archive.Prepared, error) {
	prepared := make([]*archive.Prepared, len(all))
	for i, one := range all {
		if len(plans[i].Put)+len(plans[i].Remove) == 0 {
			continue
		}
		var err error
		if prepared[i], err = one.Prepare(ctx, plans[i]); err != nil {
			for _, earlier := range prepared[:i] {
				if earlier != nil {
					err = errors.Join(err, earlier.Abandon(ctx))
				}
			}
			return nil, err
		}
	}
	return prepared, nil
}

// plan is what is to be done to one tree. What a look saw of a row is what the row says, not what is there by now: a write in
// between is to be found out.
func (of *member) plan(tree int, request *wire.Apply, targets []*wire.Target, rules rules) (archive.Plan, error) {
	plan := archive.Plan{Entry: request.ArchiveEntry, Verdict: request.Verdict, Millis: time.Now().UnixMilli(), Single: request.Single}
	held, err := of.trees[tree].use()
	if err != nil {
		return plan, void("%w", err)
	}
	for _, target := range targets {
		path := string(target.Path)
		var was archive.State
		row, known := held.Rows.Row(path)
		if known {
			entry, err := held.Rows.Entry(path)
			if errors.Is(err, unix.ESTALE) { // as something that was mounted there, which no event tells of
				return plan, void("looking at %q: %w", path, err)
			}
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return plan, fmt.Errorf("looking at %q: %w", path, err)
			}
			was = archive.StateOf(entry.Stat)
			was.Ino, was.Ctime = row.Ino, row.Ctime
		}
		if len(target.Digest) == 0 {
			if known {
				plan.Remove = append(plan.Remove, archive.Remove{
					Path: path, Was: was, OldDigest: row.Digest, Attributed: rules.attributed(path), Spare: rules.spare(row),
				})
			}
			continue
		}
		staged, there := of.stagedAs(tree, path)
		if !there || staged.Digest != digestOf(target) {
			return plan, void("%q was not fetched as it is to be", path)
		}
		plan.Put = append(plan.Put, archive.Put{
			Path: path, Staged: staged.Name, Mtime: staged.Mtime, Was: was, OldDigest: oldDigest(row, known),
			Attributed: rules.attributed(path), Spare: rules.spare(row),
		})
	}
	return plan, nil
}

func oldDigest(row fingerprint.Row, known bool) fingerprint.Digest {
	if !known {
		return fingerprint.Digest{}
	}
	return row.Digest
}

func applyFailed(err error) error {
	for detail, kind := range map[string]error{
		"DiskFull": sync.ErrFull, "ArchiveFull": archive.ErrFull, "Mounted": archive.ErrMounted, "Immutable": archive.ErrImmutable, "Plan": archive.ErrPlan,
		"Interrupted": archive.ErrInterrupted,
	} {
		if errors.Is(err, kind) {
			return &port.Refused{Reason: wire.Reason_REASON_FAILED, Detail: detail, Err: err}
		}
	}
	return err
}

// archiveList tells what repairs replaced: entries of one name in several trees are one.
func (s *Service) archiveList(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nil, err
	}
	defer end()
	byName := map[string]*wire.ArchiveEntry{}
	for _, one := range all {
		entries, err := one.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			known := byName[entry.Name]
			if known == nil {
				known = &wire.ArchiveEntry{Name: entry.Name, Verdict: entry.Verdict, Time: entry.Millis * int64(time.Millisecond)}
				byName[entry.Name] = known
			}
			known.Files += uint64(entry.Rows)
			known.Bytes += uint64(entry.Bytes)
			known.Attributed = known.Attributed || entry.Attributed
		}
	}
	list := &wire.ArchiveEntries{}
	for _, entry := range byName {
		list.Entries = append(list.Entries, entry)
	}
	slices.SortFunc(list.Entries, func(a, b *wire.ArchiveEntry) int {
		if a.Time != b.Time {
			return int(min(1, max(-1, a.Time-b.Time)))
		}
		return strings.Compare(a.Name, b.Name)
	})
	for piece := range slices.Chunk(list.Entries, mostListed) {
		if err := call.Send(ctx, &wire.Answer{Piece: &wire.Answer_ArchiveEntries{ArchiveEntries: &wire.ArchiveEntries{Entries: piece}}}); err != nil {
			return nil, err
		}
	}
	return &wire.Answer{Piece: &wire.Answer_ArchiveEntries{ArchiveEntries: &wire.ArchiveEntries{}}}, nil
}

// archiveRestore puts rows of an entry back, as a user's own write: all, or those of the body in their trees.
func (s *Service) archiveRestore(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetArchiveRestore()
	targets, total, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nil, err
	}
	defer end()
	restored := &wire.ArchiveRestored{}
	for i, one := range all {
		entries, err := one.List(ctx)
		if err != nil {
			return nil, err
		}
		named := slices.ContainsFunc(entries, func(entry archive.Entry) bool { return entry.Name == request.Name })
		if !named || total > 0 && len(targets[i]) == 0 {
			continue
		}
		var rows []string
		for _, target := range targets[i] {
			rows = append(rows, string(target.Path))
		}
		if total == 0 {
			if err := one.Rows(ctx, request.Name, func(row archive.Row) error {
				if row.What == archive.Replaced || row.What == archive.Deleted {
					rows = append(rows, string(row.Path))
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
		done, err := one.Restore(ctx, request.Name, rows, time.Now().UnixMilli())
		if err != nil {
			return nil, applyFailed(err)
		}
		restored.Rows += uint64(done.Rows)
		if done.Entry != "" {
			restored.ArchiveEntry = done.Entry
		}
	}
	if restored.Rows == 0 {
		return nil, invalid("Entry", "the archive has no entry %q with these rows", request.Name)
	}
	return &wire.Answer{Piece: &wire.Answer_ArchiveRestored{ArchiveRestored: restored}}, nil
}

func (s *Service) archivePrune(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nil, err
	}
	defer end()
	names := call.Request().GetArchivePrune().GetNames()
	if len(names) == 0 {
		if err := archive.MakeRoom(ctx, plain(all), 0, of.limits()); err != nil {
			return nil, applyFailed(err)
		}
	}
	for _, name := range names {
		for _, one := range all {
			if err := one.Remove(ctx, name); err != nil {
				return nil, applyFailed(err)
			}
		}
	}
	return &wire.Answer{Piece: &wire.Answer_ArchivePruned{ArchivePruned: &wire.ArchivePruned{Names: names}}}, nil
}
