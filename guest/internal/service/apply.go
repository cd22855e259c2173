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
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
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
func (s *Service) archiveOf(ctx context.Context, of *member, held *Held, name string) (*archived, error) {
	a, err := s.openArchive(of, held, name)
	if err != nil {
		return nil, err
	}
	if _, err := a.Finish(ctx); err != nil {
		a.close()
		return nil, fmt.Errorf("finishing a repair that was interrupted: %w", err)
	}
	return a, nil
}

func (s *Service) openArchive(of *member, held *Held, name string) (*archived, error) {
	if held.Store == nil {
		return nil, held.Why
	}
	a, tree := &archived{}, archive.Tree{Name: name, Live: held.Rows.Root(), SELinux: of.configure.Selinux}
	if s.options.Writers != nil {
		tree.Appended = appendedOn(s.options.Writers, held.Rows.Root())
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

// finishRepair ends what a crash interrupted, before anything else is done with the tree. What keeps it from that is told when
// something is to be replaced next; but where a file may be neither old nor new, the tree is not to be looked at before, which is the error.
func (s *Service) finishRepair(ctx context.Context, of *member, held *Held, name string) error {
	if held.Store == nil {
		return nil
	}
	s.repairing.Lock()
	defer s.repairing.Unlock()
	one, err := s.openArchive(of, held, name)
	if err != nil {
		s.options.Log.Warn("opening the archive", "tree", name, "why", err)
		return nil
	}
	defer one.close()
	_, err = one.Finish(ctx)
	if err == nil {
		return nil
	}
	s.options.Log.Warn("ending a repair that was interrupted", "tree", name, "why", err)
	if mixed, unknown := one.Mixed(ctx); !mixed && unknown == nil {
		return nil
	}
	return fmt.Errorf("a file was being replaced when a repair was interrupted, and that cannot be ended: %w", err)
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
			if one, err = s.archiveOf(ctx, of, held, t.spec.Name); err == nil {
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

// apply has the trees hold the rows of the body.
func (s *Service) apply(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetApply()
	targets, _, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	if now := of.look(); request.Look != 0 && request.Look != now {
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
	coming, err := of.room(ctx, all, plans)
	if err != nil {
		return nil, applyFailed(err)
	}
	if request.Whole {
		if err := of.setHalf(true); err != nil {
			return nil, err
		}
	}
	applied := &wire.Applied{Bytes: uint64(coming)}
	for i, one := range all {
		if len(plans[i].Put)+len(plans[i].Remove) == 0 {
			continue
		}
		call.Progress(&wire.Progress{What: "applying to " + of.trees[i].spec.Name, Done: applied.Rows})
		result, err := one.Apply(ctx, plans[i])
		if err != nil {
			if mixed, unknown := one.Mixed(context.WithoutCancel(ctx)); mixed || unknown != nil {
				of.trees[i].openAgain(err)
			}
			return nil, fmt.Errorf("applying to %s: %w", of.trees[i].spec.Name, applyFailed(err))
		}
		s.addStale(ctx, of, i, plans[i], applied)
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
	for !port.Fits(applied) {
		applied.Late = applied.Late[:len(applied.Late)/2]
	}
	return &wire.Answer{Piece: &wire.Answer_Applied{Applied: applied}}, nil
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
