package service

import (
	"context"
	"slices"
	"strings"

	"virtquorum.io/guest/internal/freeze"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/wire"
)

// mostSets is how many frozen states are kept.
const mostSets = 2

// frozenSet is what was frozen at one time.
type frozenSet struct {
	number  uint64
	look    uint64 // that it began with
	trees   []*frozenTree
	serving int // requests that serve it; the member's lock guards it
}

// frozenTree is what was frozen of a tree. Its rows do not change any more.
type frozenTree struct {
	at   version        // before it was compared with the base
	base *memory.Memory // what was remembered then
	tree *freeze.Tree
	rows []freeze.Row // what is different from the base, by path

	// What was found different first, each with its sides and where it was seen.
	changes []*wire.Change
	sides   []sides
	seen    []freeze.Seen
}

// remove removes the copies.
func (f *frozenSet) remove() {
	for _, one := range f.trees {
		_ = one.base.Close()
		if one.tree != nil {
			one.tree.Remove(one.rows)
			_ = one.tree.Copies.Close()
		}
	}
}

// row is what was frozen of a path; nil: nothing, or it was no row.
func (f *frozenSet) row(tree int, path string) *freeze.Row {
	if f == nil {
		return nil
	}
	rows := f.trees[tree].rows
	at, found := slices.BinarySearchFunc(rows, path, func(row freeze.Row, path string) int { return strings.Compare(row.Path, path) })
	if !found || rows[at].Digest.IsZero() {
		return nil
	}
	return &rows[at]
}

// keepOnly keeps some of the rows, and removes what was copied for others alone.
func (f *frozenTree) keepOnly(rows []freeze.Row) {
	kept := make(map[string]bool, len(rows))
	for i := range rows {
		kept[rows[i].Name] = true
	}
	f.tree.Remove(slices.DeleteFunc(f.rows, func(row freeze.Row) bool { return kept[row.Name] }))
	f.rows, f.changes, f.sides, f.seen = rows, nil, nil, nil
}

// mayFreeze is true if one more frozen state can be kept.
func (of *member) mayFreeze() bool {
	of.mu.Lock()
	defer of.mu.Unlock()
	return len(of.frozen) < mostSets || slices.ContainsFunc(of.frozen, isUnused)
}

func isUnused(set *frozenSet) bool { return set.serving == 0 }

// keep keeps one more, in the place of the oldest that is not served; false: all are.
func (of *member) keep(set *frozenSet) bool {
	of.mu.Lock()
	defer of.mu.Unlock()
	if len(of.frozen) == mostSets {
		at := slices.IndexFunc(of.frozen, isUnused)
		if at < 0 {
			return false
		}
		of.frozen[at].remove()
		of.frozen = slices.Delete(of.frozen, at, at+1)
	}
	of.frozen = append(of.frozen, set)
	return true
}

// thaw keeps nothing frozen any more. Who serves of it finds that it went.
func (of *member) thaw() {
	of.mu.Lock()
	defer of.mu.Unlock()
	for _, set := range of.frozen {
		set.remove()
	}
	of.frozen = nil
}

// frozenAs finds what was frozen under a number, as long as all trees are open as they were. The caller has the lock.
func (of *member) frozenAs(number uint64) (*frozenSet, error) {
	at := slices.IndexFunc(of.frozen, func(set *frozenSet) bool { return set.number == number })
	if at < 0 {
		return nil, void("what was frozen as %d is not kept any more; freeze again", number)
	}
	for i, t := range of.trees {
		if of.frozen[at].trees[i].at.opened != t.version().opened {
			return nil, void("the tree %s was opened anew since %d was frozen; freeze again", t.spec.Name, number)
		}
	}
	return of.frozen[at], nil
}

// serveFrozen holds what was frozen under a number until release; nil for 0.
func (of *member) serveFrozen(number uint64) (set *frozenSet, release func(), err error) {
	if number == 0 {
		return nil, func() {}, nil
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if set, err = of.frozenAs(number); err != nil {
		return nil, nil, err
	}
	set.serving++
	return set, func() {
		of.mu.Lock()
		defer of.mu.Unlock()
		set.serving--
	}, nil
}

func frozenRow(tree int, row *freeze.Row) *wire.Row {
	one := rowOf(tree, row.Fingerprint())
	if row.Type == 'f' {
		one.Size = uint64(row.Size)
	}
	return one
}

// rememberFrozen makes durable that the trees were as they were frozen, whatever they are by now.
//
// It returns the look that the freezing began with: all that it saw is among what is remembered, for what was still to be read then
// counted as different, and was copied.
func (of *member) rememberFrozen(ctx context.Context, number uint64, state memory.State) (look uint64, err error) {
	of.mu.Lock()
	set, err := of.frozenAs(number)
	of.mu.Unlock()
	if err != nil {
		return 0, err
	}
	err = of.commit(ctx, state.Configuration, func(i int, t *tree) (*Held, uint64, error) {
		held, err := t.prepareFrozen(ctx, state, set.trees[i])
		return held, set.trees[i].at.rows, err
	})
	return set.look, err
}

// prepareFrozen makes durable what the tree is to remember: what it remembered when it was frozen, with what was frozen in its place.
func (t *tree) prepareFrozen(ctx context.Context, state memory.State, frozen *frozenTree) (*Held, error) {
	held, err := t.use()
	if err != nil {
		return nil, err
	}
	if held.Store == nil {
		return nil, held.Why
	}
	rows := make([]memory.Row, 0, len(frozen.rows))
	for i := range frozen.rows {
		row := &frozen.rows[i]
		// A ctime is remembered only if it proves something: the file was still while it was copied, and for long enough before. Any later
		// write then shows; without one, whatever becomes of the row counts as written.
		rows = append(rows, memory.Of(row.Fingerprint()))
	}
	saving, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	// What did not change may have a newer ctime by now, with the same digest: then that is what a later write is told from.
	refresh := func(before memory.Row) memory.Row {
		row, known := held.Rows.Row(before.Path)
		if known && row.Settled && !row.Unread && row.Digest == before.Digest {
			return memory.Of(row)
		}
		return before
	}
	err = held.Store.Prepare(saving, state, frozen.base.Overlaid(ctx, rows, refresh, func(err error) { abandon(err) }))
	if cause := context.Cause(saving); cause != nil {
		return nil, cause
	}
	return held, err
}
