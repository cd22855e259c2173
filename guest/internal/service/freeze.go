package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/freeze"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostFrozen   = 64 << 20 // bytes that are copied, where the request says nothing else
	frozenRounds = 16       // looks at what was elsewhere than the look before saw it
	momentRounds = 4        // of them, in which what changed elsewhere in a tree has it begin anew
	lastRounds   = 4        // of them, in which it does not, in any tree
)

// errMixed means that the rows changed while what is different was looked for.
var errMixed = errors.New("files came or went while it was looked for what is different; try again")

// freeze keeps what is different from what is remembered as it is now.
func (s *Service) freeze(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	most := int64(min(call.Request().GetFreeze().GetMostBytes(), 1<<62))
	if most == 0 {
		most = mostFrozen
	}
	if !of.mayFreeze() {
		return nil, frozenServed()
	}
	walk, tries := false, &attempts{mixed: make([]int, len(of.trees))}
	for round := 1; ; round++ {
		tries.round = round
		set, frozen, err := s.freezeNow(ctx, of, call, most, walk, tries)
		stale, mixed := errors.Is(err, freeze.ErrStale), errors.Is(err, errMixed) || errors.Is(err, freeze.ErrMixed)
		walk = stale
		switch {
		case (stale || mixed) && round < frozenRounds:
			continue
		case errors.Is(err, freeze.ErrTooLarge):
			return nil, tooLarge("%w: %d bytes", err, most)
		case stale, mixed, errors.Is(err, freeze.ErrMoves), errors.Is(err, beneath.ErrBusy):
			return nil, void("%w", err)
		case err != nil:
			return nil, applyFailed(err)
		}
		if !of.keep(set) {
			set.remove()
			return nil, frozenServed()
		}
		return &wire.Answer{Piece: &wire.Answer_Frozen{Frozen: frozen}}, nil
	}
}

func tooLarge(format string, arguments ...any) error {
	return port.Refuse(wire.Reason_REASON_VOID, "TooLarge", format, arguments...)
}

func frozenServed() error {
	return port.Refuse(wire.Reason_REASON_VOID, "FrozenServed",
		"%d states that were frozen are still being served, and no more are kept; end serving one of them, or wait until it ends", mostSets)
}

// attempts are those to freeze all trees.
type attempts struct {
	round int
	mixed []int // by tree: how often it was not of one moment
}

// isStrict is true if a tree must be of one moment still, though nobody can keep its writers still. One that has new files all the time
// is none of the others' business.
func (a *attempts) isStrict(tree int) bool {
	return a.mixed[tree] < momentRounds && a.round <= frozenRounds-lastRounds
}

// freezeNow looks, and freezes what is different. After an error nothing is kept.
func (s *Service) freezeNow(ctx context.Context, of *member, call Call, most int64, walk bool, tries *attempts) (*frozenSet, *wire.Frozen, error) {
	for _, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return nil, nil, void("%w", err)
		}
		t.lookedAt()
		if walk { // what moved elsewhere is found only so
			if _, err := t.walk(ctx, held.Rows); err != nil {
				return nil, nil, err
			}
		}
		if err := t.readSmall(ctx, held.Rows, progress(call, t.spec.Name), func(string) {}); err != nil {
			return nil, nil, err
		}
	}
	set := &frozenSet{number: s.frozen.Add(1)}
	set.look = of.look()
	frozen := &wire.Frozen{Number: set.number, Look: set.look, Remembers: true}
	if err := s.freezeTrees(ctx, of, set, frozen, most, tries); err != nil {
		set.remove()
		return nil, nil, err
	}
	return set, frozen, nil
}

func (s *Service) freezeTrees(ctx context.Context, of *member, set *frozenSet, frozen *wire.Frozen, most int64, tries *attempts) error {
	for i, t := range of.trees {
		one, err := t.beginFreeze(ctx, i)
		if err != nil {
			return err
		}
		set.trees = append(set.trees, one)
		if frozen.ChangesTotal += uint64(len(one.seen)); frozen.ChangesTotal > mostChanges {
			return tooLarge("more than %d rows are different from what is remembered", mostChanges)
		}
	}
	for i, t := range of.trees {
		if err := s.freezeTree(ctx, of, i, set, &most, t.spec.Still || tries.isStrict(i)); err != nil {
			if errors.Is(err, freeze.ErrMixed) {
				tries.mixed[i]++
			}
			return err
		}
		frozen.Changes = append(frozen.Changes, t.frozenChanges(ctx, i, set.trees[i])...)
	}
	frozen.ChangesTotal = uint64(len(frozen.Changes))
	if !port.Fits(frozen) {
		return tooLarge("the paths of what is different from what is remembered are too long for one message")
	}
	return nil
}

// beginFreeze holds what the tree remembers, and finds what is different from it.
func (t *tree) beginFreeze(ctx context.Context, index int) (*frozenTree, error) {
	held, err := t.use()
	if err != nil {
		return nil, void("%w", err)
	}
	at := t.version() // what is noted from now on may not be in the copies
	_, _, remembers := t.sinceMemory(index)
	t.mu.Lock()
	p := t.past
	if p == nil || t.held != held || t.opened != at.opened {
		t.mu.Unlock()
		return nil, void("the tree %s was opened anew meanwhile", t.spec.Name)
	}
	found := *p
	t.mu.Unlock()
	switch {
	case !remembers || found.memory == nil || found.trouble != nil:
		return nil, port.Refuse(wire.Reason_REASON_VOID, "NoMemory", "nothing is remembered of the tree %s", t.spec.Name)
	case found.total > uint64(len(found.changes)):
		return nil, tooLarge("%d rows of the tree %s are different from what is remembered", found.total, t.spec.Name)
	}
	if err := t.drain(ctx, held); err != nil { // what happened before may not be among the rows yet
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past != p {
		return nil, errMixed
	}
	one := &frozenTree{at: at, changes: found.changes, sides: found.sides}
	inodes := make(map[string]uint64, len(found.changes))
	for i, change := range found.changes {
		seen := freeze.Seen{Path: string(change.Path), There: found.sides[i].is, Ino: found.sides[i].ino}
		if seen.There {
			seen.LinkTo = held.Rows.LinkTo(seen.Path)
			inodes[seen.Path] = seen.Ino
		}
		one.seen = append(one.seen, seen)
	}
	if isMixed(held.Rows, found.of.rows, inodes) {
		return nil, errMixed
	}
	one.base, err = found.memory.Again()
	return one, err
}

// sameOthers is freeze.ErrMixed if something else in the tree changed by now than what is being frozen.
func (t *tree) sameOthers(ctx context.Context, held *Held, one *frozenTree) error {
	if err := t.drain(ctx, held); err != nil {
		return err
	}
	frozen := make(map[string]bool, len(one.seen))
	for _, seen := range one.seen {
		frozen[seen.Path] = true
	}
	rows, gone, known := held.Rows.Since(one.at.rows)
	if !known {
		return freeze.ErrMixed
	}
	for row := range rows {
		if frozen[row.Path] || isDirectory(held.Rows, row.Path) { // what came or went in one is a row itself, or excluded
			continue
		}
		return fmt.Errorf("%q: %w", row.Path, freeze.ErrMixed)
	}
	for _, path := range gone {
		if !frozen[path] {
			return fmt.Errorf("%q: %w", path, freeze.ErrMixed)
		}
	}
	return nil
}

func isDirectory(rows *fingerprint.Scanner, path string) bool {
	st, err := rows.Root().Stat(cmp.Or(path, "."))
	return err == nil && st.Type == 'd'
}

// isMixed is true if what was found different may not have been so at one moment: a file that was moved, and another one in its former
// place, of which only that one is known. That those which are different changed once more does not matter, nor that some went.
func isMixed(scanner *fingerprint.Scanner, version uint64, inodes map[string]uint64) bool {
	if scanner.Version() == version {
		return false
	}
	rows, _, known := scanner.Since(version)
	if !known {
		return true
	}
	for row := range rows {
		if ino, is := inodes[row.Path]; !is || ino != row.Ino {
			return true
		}
	}
	return false
}

// freezeTree freezes what is different in a tree.
func (s *Service) freezeTree(ctx context.Context, of *member, index int, set *frozenSet, left *int64, moment bool) error {
	t, one := of.trees[index], set.trees[index]
	held, err := t.use()
	if err != nil {
		return void("%w", err)
	}
	if held.Store == nil {
		return fmt.Errorf("the tree %s: %w", t.spec.Name, held.Why)
	}
	hashing, err := of.hashing()
	if err != nil {
		return err
	}
	copies, err := held.Store.Dir(memory.Frozen)
	if err != nil {
		return fmt.Errorf("the tree %s: %w", t.spec.Name, err)
	}
	one.tree = &freeze.Tree{
		Name: t.spec.Name, Rows: held.Rows, Hashing: hashing, Copies: copies, Prefix: fmt.Sprintf("%d-", set.number),
	}
	if s.options.Writers != nil {
		one.tree.Appended = appendedOn(s.options.Writers, held.Rows.Root())
	}
	if moment {
		one.tree.Others = func(ctx context.Context) error { return t.sameOthers(ctx, held, one) }
	}
	one.rows, err = one.tree.Take(ctx, one.seen, left)
	return err
}

// frozenChanges are what is different from what was remembered by what was frozen; nothing else stays frozen.
func (t *tree) frozenChanges(ctx context.Context, index int, one *frozenTree) []*wire.Change {
	var told []*wire.Change
	var kept []freeze.Row
	inodes := map[string]uint64{}
	t.mu.Lock()
	for i := range one.rows {
		row := &one.rows[i]
		var before *memory.Row
		if one.sides[i].was {
			before = &one.sides[i].before
			if row.Digest == before.Digest { // it was only unread, or is again as it was
				continue
			}
		} else if row.Digest.IsZero() {
			continue
		}
		var now *fingerprint.Row
		if !row.Digest.IsZero() {
			frozen := row.Fingerprint()
			now = &frozen
			inodes[row.Path] = row.Ino
		}
		if t.past == nil {
			break // it was closed: nobody can use this
		}
		change := t.past.change(index, row.Path, before, now)
		change.ParentMoved = one.changes[i].ParentMoved
		told, kept = append(told, change), append(kept, *row)
	}
	t.mu.Unlock()
	one.keepOnly(kept)
	if t.writers != nil {
		addMapped(ctx, t.writers, one.tree.Rows.Root(), told, func(path string) uint64 { return inodes[path] })
	}
	return told
}
