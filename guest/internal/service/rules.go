package service

import (
	"context"
	"errors"
	"fmt"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/wire"
)

// Why no copy of a row need stay, in the words of the manifest.
const (
	movedElsewhere = "moved"      // the same is in the new state, here or under another name
	superseded     = "superseded" // it was held as it is remembered, and a newer state replaces it
)

// rules say of a tree's rows whose they are, and of which a copy must stay in the archive.
type rules struct {
	all      bool            // somebody wrote all of it
	theirs   bool            // what was written since the memory was held is somebody's
	newer    bool            // what comes is newer than what is remembered
	known    bool            // what changed since the memory is known as a whole
	changed  map[string]bool // what did, and whether it went through the OS
	becoming map[fingerprint.Digest]bool
}

// rules of each tree, by what changed in it since the memory, and by what it becomes.
func (of *member) rules(request *wire.Apply, targets [][]*wire.Target, half bool) []rules {
	all := make([]rules, len(of.trees))
	for i, t := range of.trees {
		r := rules{
			all: request.Attributed, theirs: request.Users || half || t.isMarked(i), newer: request.Newer && !request.Attributed,
			changed: map[string]bool{}, becoming: map[fingerprint.Digest]bool{},
		}
		changes, total, remembers := t.sinceMemory(i)
		r.known = remembers && total == uint64(len(changes))
		for _, change := range changes {
			r.changed[string(change.Path)] = !isRot(change)
		}
		for _, target := range targets[i] {
			if len(target.Digest) > 0 {
				r.becoming[digestOf(target)] = true
			}
		}
		all[i] = r
	}
	return all
}

// isRot is true if nothing tells that the row went through the OS.
func isRot(change *wire.Change) bool {
	return len(change.Before) > 0 && len(change.Now) > 0 && change.Settled &&
		!change.CtimeMoved && !change.InodeMoved && !change.ParentMoved && !change.Foreign && !change.Mapped
}

// attributed is true if a user may have written what is at the path: without a memory, or where too much changed, anything.
func (r rules) attributed(path string) bool {
	return r.all || r.theirs && (!r.known || r.changed[path])
}

// spare says why no copy of a row need stay; "": one must.
func (r rules) spare(row fingerprint.Row) string {
	_, changed := r.changed[row.Path]
	switch {
	case row.Unread || row.Trouble != "":
		return ""
	case r.becoming[row.Digest]:
		return movedElsewhere
	case r.newer && r.known && !changed:
		return superseded
	}
	return ""
}

// room makes room for what the plans replace; where there is none for all of it, without copies of what can be spared.
func (of *member) room(ctx context.Context, all []*archived, plans []archive.Plan) (coming int64, err error) {
	for _, sparing := range []bool{false, true} {
		coming = 0
		for i, one := range all {
			plans[i].Sparing = sparing
			need, err := one.Need(ctx, plans[i])
			if err != nil {
				return 0, err
			}
			coming += need
		}
		if err = archive.MakeRoom(ctx, plain(all), coming, of.limits()); !errors.Is(err, archive.ErrFull) {
			break
		}
	}
	return coming, err
}

// isHalf is true if a tree may hold a part of another member's state that was not remembered.
func (of *member) isHalf() (bool, error) {
	for _, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return false, void("%w", err)
		}
		if held.Store == nil {
			continue
		}
		if half, err := held.Store.IsHalf(); half || err != nil {
			return half, err
		}
	}
	return false, nil
}

// beginHalf notes that the trees may, as Store.BeginHalf says.
func (of *member) beginHalf() error { return of.note(true) }

// endHalf makes durable that they do not any more.
func (of *member) endHalf() error { return of.note(false) }

func (of *member) note(half bool) error {
	for _, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return void("%w", err)
		}
		if held.Store == nil {
			return fmt.Errorf("the tree %s: %w", t.spec.Name, held.Why)
		}
		is, err := held.Store.IsHalf()
		if err == nil && half {
			err = held.Store.BeginHalf()
		} else if err == nil && is {
			err = held.Store.EndHalf()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
