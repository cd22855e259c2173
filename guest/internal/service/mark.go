package service

import (
	"context"
	"encoding/hex"
	"fmt"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/wire"
)

// sinceNothing is the mark of users where nothing is remembered.
const sinceNothing = "nothing"

// markUsers keeps on each tree's file system, beside its memory, whether users were seen since that was held: the sidecar that saw
// them may be gone when what they wrote is to be archived, and so may the disk of another tree. Where a tree remembers nothing (yet, or
// nothing that counts any more) each mark on it speaks of all that is there. It is written where it changes.
func (s *Service) markUsers(_ context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetMarkUsers()
	held := ""
	if request.Held != nil {
		if len(request.Held.Root) != len(fingerprint.Digest{}) || request.Held.Position == nil {
			return nil, invalid("Held", "a root of %d bytes, or no position", len(request.Held.Root))
		}
		position := memory.Position{Tenure: request.Held.Position.Tenure, Sequence: request.Held.Position.Sequence}
		held = markOf(position, fingerprint.Digest(request.Held.Root))
	}
	if len(of.trees) == 0 {
		return nil, invalid("Trees", "there is no tree to keep it on")
	}
	seen := request.Seen
	marks := make([]string, len(of.trees))
	for i, t := range of.trees {
		store, err := t.store()
		if err != nil {
			return nil, err
		}
		if marks[i], err = store.Note(); err != nil {
			return nil, fmt.Errorf("reading whether users were there: %w", err)
		}
		switch own, _ := t.mark(i); {
		case held != "":
			seen = seen || marks[i] == held
		case own == "":
			seen = seen || marks[i] != ""
		}
	}
	for i, t := range of.trees {
		wanted := ""
		switch own, changed := t.mark(i); { // the other trees may remember something else, or nothing
		case held != "" && seen:
			wanted = held
		case held == "" && own == "" && seen:
			wanted = sinceNothing
		case held == "" && own != "" && changed && (seen || marks[i] == own):
			wanted = own
		}
		if wanted == marks[i] {
			continue
		}
		store, err := t.store()
		if err == nil {
			err = store.SaveNote(wanted)
		}
		if err != nil {
			return nil, fmt.Errorf("keeping that users were there: %w", err)
		}
	}
	return &wire.Answer{Piece: &wire.Answer_UsersMarked{UsersMarked: &wire.UsersMarked{Seen: seen}}}, nil
}

func markOf(position memory.Position, root fingerprint.Digest) string {
	return fmt.Sprintf("%d %d %s", position.Tenure, position.Sequence, hex.EncodeToString(root[:]))
}

// mark is how what the tree remembers is marked, "" if it remembers nothing, and whether anything is different from that.
func (t *tree) mark(index int) (own string, changed bool) {
	_, total, remembers := t.sinceMemory(index)
	if !remembers {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past == nil || t.past.memory == nil {
		return "", false
	}
	return markOf(t.past.memory.State.Position, t.past.memory.State.Root), total > 0
}

// isMarked is true if users were seen since the tree was as it remembers; if it remembers nothing, ever.
func (t *tree) isMarked(index int) bool {
	own, _ := t.mark(index)
	store, err := t.store()
	if err != nil {
		return false
	}
	note, err := store.Note()
	return err == nil && note != "" && (own == "" || note == own)
}

// store is where the tree's own data are.
func (t *tree) store() (*memory.Store, error) {
	held, err := t.use()
	if err != nil {
		return nil, err
	}
	if held.Store == nil {
		return nil, fmt.Errorf("the tree %s: %w", t.spec.Name, held.Why)
	}
	return held.Store, nil
}
