package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostForeign = 10_000
	mostChanges = 1000
)

// past is what is remembered of an open tree, and what is known since then. The tree's lock guards it.
type past struct {
	memory  *memory.Memory    // nil: nothing is remembered
	trouble error             // why nothing can be, or why what there was does not count; nil: none
	foreign map[string]uint64 // paths that another process wrote, and the rows' version when that was noted
	all     bool              // any path may be one: too many were noted

	of      version // that the changes were found in
	found   bool
	changes []*wire.Change
	sides   []sides // of each change
	total   uint64
}

// sides are what a change was found between.
type sides struct {
	before memory.Row
	was    bool // there is one
	ino    uint64
	is     bool // there is a row now
}

// recall reads what is remembered.
func recall(ctx context.Context, held *Held, configuration fingerprint.Digest) *past {
	p := &past{foreign: map[string]uint64{}}
	if held.Store == nil {
		if !errors.Is(held.Why, errObserved) {
			p.trouble = held.Why
		}
		return p
	}
	remembered, err := held.Store.Load(ctx)
	switch {
	case err == nil && remembered.Configuration != configuration:
		remembered.Close() // of other trees or excludes: it cannot be compared
	case err == nil:
		p.memory = remembered
	case !errors.Is(err, memory.ErrNone):
		p.trouble = err
	}
	return p
}

func (p *past) close() {
	if p.memory != nil {
		p.memory.Close()
	}
}

func (p *past) note(path string, version uint64) {
	p.found = false
	if len(p.foreign) >= mostForeign {
		p.all = true
		return
	}
	p.foreign[path] = version
}

// keepNotes takes over what may speak of a change that is not in the rows of a version yet.
func (p *past) keepNotes(of *past, version uint64) {
	p.all = of.all && len(of.foreign) >= mostForeign
	for path, noted := range of.foreign {
		if noted >= version {
			p.foreign[path] = noted
		}
	}
	if len(p.foreign) == 0 {
		p.all = false
	}
}

// tell says what is remembered.
func (p *past) tell(state *wire.TreeState) {
	if p.memory != nil {
		at := p.memory.State
		state.Memory = &wire.Memory{
			Position: &wire.Position{Tenure: at.Position.Tenure, Sequence: at.Position.Sequence}, Root: at.Root[:],
		}
	}
	if p.trouble != nil && state.Reason == "" {
		state.Reason, state.Sentence = "NoMemory", fmt.Sprintf("the memory of the tree %s: %v", state.Name, p.trouble)
	}
}

// addChanges adds what is different from what is remembered, and the evidence of how it came.
func (t *tree) addChanges(index int, seen *wire.Seen) {
	changes, total, remembers := t.sinceMemory(index)
	if !remembers {
		return
	}
	seen.ChangesTotal += total
	seen.Changes = append(seen.Changes, changes[:min(len(changes), mostChanges-len(seen.Changes))]...)
}

// sinceMemory is what is different from what is remembered, the first of it, and how much that is; false: nothing is remembered.
func (t *tree) sinceMemory(index int) (changes []*wire.Change, total uint64, remembers bool) {
	now := t.version()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.past
	if p == nil || p.memory == nil {
		return nil, 0, false
	}
	if !p.found || p.of != now {
		p.compare(index, t.held.Rows.Rows())
		p.of, p.found = now, true
		if t.writers != nil {
			inode := func(path string) uint64 { row, _ := t.held.Rows.Row(path); return row.Ino }
			addMapped(context.Background(), t.writers, t.held.Rows.Root(), p.changes, inode)
		}
	}
	return p.changes, p.total, true
}

// compare goes through both lists, which are in the order of their paths, at the same time.
func (p *past) compare(index int, rows iter.Seq[fingerprint.Row]) {
	p.changes, p.sides, p.total = nil, nil, 0
	next, stop := iter.Pull(rows)
	defer stop()
	row, more := next()
	moved := map[string]bool{} // what came, went or is another one, but for what is below such
	add := func(path string, before *memory.Row, now *fingerprint.Row) {
		p.total++
		one := p.change(index, path, before, now)
		one.ParentMoved = belowAny(moved, path)
		if !one.ParentMoved && (before == nil || now == nil || one.InodeMoved) {
			moved[path] = true
		}
		if len(p.changes) == mostChanges {
			return
		}
		p.changes = append(p.changes, one)
		between := sides{was: before != nil, is: now != nil}
		if before != nil {
			between.before = *before
		}
		if now != nil {
			between.ino = now.Ino
		}
		p.sides = append(p.sides, between)
	}
	for before, err := range p.memory.Rows(context.Background()) {
		if err != nil {
			p.trouble = err
			return
		}
		for more && row.Path < before.Path {
			add(row.Path, nil, &row)
			row, more = next()
		}
		if !more || row.Path != before.Path {
			add(before.Path, &before, nil)
			continue
		}
		if row.Unread || row.Digest != before.Digest {
			add(row.Path, &before, &row)
		}
		row, more = next()
	}
	for more {
		add(row.Path, nil, &row)
		row, more = next()
	}
}

// belowAny tells whether a directory above the path is among these.
func belowAny(directories map[string]bool, path string) bool {
	if len(directories) == 0 || path == "" {
		return false
	}
	for i, c := range []byte(path) {
		if c == '/' && directories[path[:i]] {
			return true
		}
	}
	return directories[""]
}

func (p *past) change(index int, path string, before *memory.Row, now *fingerprint.Row) *wire.Change {
	one := &wire.Change{Tree: uint32(index), Path: []byte(path), Foreign: p.all}
	if _, foreign := p.foreign[path]; foreign {
		one.Foreign = true
	}
	if before != nil {
		one.Before = before.Digest[:]
		one.Settled = before.Ctime != memory.Unknown
	}
	if now != nil && !now.Unread {
		digest := now.Digest // the row's place is another's when the list is sent
		one.Now = digest[:]
	}
	if before != nil && now != nil {
		one.CtimeMoved = one.Settled && before.Ctime != now.Ctime
		one.InodeMoved = before.Ino != now.Ino
	}
	return one
}

// remember makes durable what the newest look saw.
func (s *Service) remember(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetRemember()
	if len(request.Root) != len(fingerprint.Digest{}) || request.Position == nil {
		return nil, invalid("Root", "a root of %d bytes, or no position", len(request.Root))
	}
	state := memory.State{
		Position:      memory.Position{Tenure: request.Position.Tenure, Sequence: request.Position.Sequence},
		Root:          fingerprint.Digest(request.Root),
		Configuration: configurationOf(of.configure),
	}
	again := of.remembersAll(state)
	look, err := request.Look, error(nil)
	if request.Frozen != 0 {
		look, err = of.rememberFrozen(ctx, request.Frozen, state)
	} else {
		err = of.rememberLook(ctx, look, state)
	}
	if err != nil {
		return nil, err
	}
	if !again {
		s.standings.hold(of, state, look)
	}
	return &wire.Answer{Piece: &wire.Answer_Remembered{Remembered: &wire.Remembered{
		Memory: &wire.Memory{Position: request.Position, Root: request.Root},
	}}}, nil
}

// rememberLook makes durable what the newest look saw, which must have this number.
func (of *member) rememberLook(ctx context.Context, look uint64, state memory.State) error {
	if now := of.look(); now != look {
		return void("look %d is not the newest any more, which is %d", look, now)
	}
	versions, known := of.at(look) // another look may come meanwhile: that of the root is what is remembered
	if !known {
		return void("look %d is not known any more", look)
	}
	return of.commit(ctx, state.Configuration, func(i int, t *tree) (*Held, uint64, error) {
		held, err := t.prepare(ctx, state, versions[i])
		return held, versions[i].rows, err
	})
}

// remembersAll is true if all trees remember this already. To remember it once more, by a later look that finds the same again, proves
// nothing of when it was committed.
func (of *member) remembersAll(state memory.State) bool {
	for _, t := range of.trees {
		if at, known := t.remembers(); !known || at != state {
			return false
		}
	}
	return true
}

// commit has all trees remember what prepare made durable of each, and of which version of its rows that is. The member is then no
// longer half of another state.
func (of *member) commit(
	ctx context.Context, configuration fingerprint.Digest, prepare func(i int, t *tree) (held *Held, rows uint64, err error),
) error {
	held, rows := make([]*Held, len(of.trees)), make([]uint64, len(of.trees))
	for i, t := range of.trees {
		var err error
		if held[i], rows[i], err = prepare(i, t); err != nil {
			return fmt.Errorf("the tree %s: %w", t.spec.Name, err)
		}
	}
	alone := len(of.trees) == 1
	for i, t := range of.trees { // only now: trees that remember different states remember nothing
		if err := t.commit(ctx, held[i], configuration, rows[i], alone); err != nil {
			return fmt.Errorf("the tree %s: %w", t.spec.Name, err)
		}
	}
	if alone {
		return nil
	}
	return of.endHalf()
}

// prepare makes durable what the newest look saw, so that commit can have the tree remember it.
func (t *tree) prepare(ctx context.Context, state memory.State, of version) (*Held, error) {
	held, err := t.use()
	if err != nil {
		return nil, err
	}
	if held.Store == nil {
		return nil, held.Why
	}
	saving, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	err = held.Store.Prepare(saving, state, func(yield func(memory.Row) bool) {
		for row := range held.Rows.Rows() {
			if row.Unread {
				abandon(void("%s is still to be read", row.Path))
				return
			}
			if !yield(memory.Of(row)) {
				return
			}
		}
		if t.version() != of {
			abandon(void("it changed meanwhile"))
		}
	})
	if cause := context.Cause(saving); cause != nil {
		return nil, cause
	}
	return held, err
}

// commit has the tree remember what was prepared of these rows; alone: no other tree has to, for the member to be whole.
func (t *tree) commit(ctx context.Context, held *Held, configuration fingerprint.Digest, rows uint64, alone bool) error {
	if err := held.Store.Commit(alone); err != nil {
		return err
	}
	fresh := recall(ctx, held, configuration)
	if err := t.settle(held, fresh); err != nil {
		fresh.close()
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != held { // it was closed meanwhile
		fresh.close()
		return nil
	}
	fresh.keepNotes(t.past, rows)
	t.past.close()
	t.past = fresh
	return nil
}

// configurationOf tells configurations apart whose rows cannot be compared. Without what this version alone knows it is what the
// version before made, so that its memories count.
func configurationOf(configure *wire.Configure) fingerprint.Digest {
	key, err := fingerprint.NewKey(configure.Key)
	if err != nil {
		return fingerprint.Digest{} // checked before
	}
	fields := []string{"memory 1"}
	var more []string
	for _, tree := range configure.Trees {
		fields = append(fields, tree.Name, string(tree.Path), strconv.Itoa(len(tree.Exclude)))
		fields = append(fields, tree.Exclude...)
		if tree.Devices || tree.SetId || tree.Immutable {
			more = append(more, tree.Name, fmt.Sprint(tree.Devices, tree.SetId, tree.Immutable))
		}
	}
	return key.Fingerprint(slices.Concat(fields, []string{configure.Member}, more)...)
}
