package service

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"virtquorum.io/guest/internal/wire"
)

func rememberNow(t *testing.T, s *Service) *wire.Seen {
	t.Helper()
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	mustDo(t, s, &wire.Remember{Position: &wire.Position{Tenure: 2, Sequence: 7}, Root: bytes.Repeat([]byte{9}, 32), Look: seen.Number})
	return seen
}

func changesNow(t *testing.T, s *Service) map[string]*wire.Change {
	t.Helper()
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	changes := map[string]*wire.Change{}
	for _, change := range seen.Changes {
		changes[string(change.Path)] = change
	}
	if int(seen.ChangesTotal) != len(changes) {
		t.Fatal(seen)
	}
	return changes
}

func TestGivenAStateThatIsRememberedThenChangesAreToldWithTheirEvidence(t *testing.T) {
	tree := newTree(t)
	for _, directory := range []string{"old", "kept"} {
		if err := os.Mkdir(filepath.Join(tree, directory), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, tree, directory, "file")
	}
	write(t, tree, "written")
	s, _ := newService(t)
	if states := mustDo(t, s, configureOf(tree)).GetConfigured().Trees; states[0].Memory != nil || states[0].Reason != "" {
		t.Fatal(states)
	}
	rememberNow(t, s)
	if changes := changesNow(t, s); len(changes) != 0 {
		t.Fatal(changes)
	}

	if err := os.WriteFile(filepath.Join(tree, "written"), []byte("by a user"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(tree, "old"), filepath.Join(tree, "new")); err != nil {
		t.Fatal(err)
	}
	write(t, tree, "new-file") // sorts between the directory and what is in it
	changes := changesNow(t, s)
	if len(changes) != 6 {
		t.Fatal(changes)
	}
	if one := changes["written"]; len(one.GetBefore()) == 0 || len(one.GetNow()) == 0 || one.InodeMoved || one.ParentMoved {
		t.Error(one)
	}
	for path, row := range rowsIn(t, s) { // each change is told with its own row's digest
		if one := changes[path]; one != nil && !bytes.Equal(one.Now, row.Digest) {
			t.Errorf("%q is told as %x and is %x", path, one.Now, row.Digest)
		}
	}
	if one := changes["new/file"]; len(one.GetBefore()) != 0 || !one.ParentMoved {
		t.Error(one)
	}
	if one := changes["old/file"]; len(one.GetNow()) != 0 || !one.ParentMoved {
		t.Error(one)
	}
	if changes["new"].GetParentMoved() || changes["new-file"].GetParentMoved() {
		t.Error(changes)
	}

	// A new start of the program finds what was remembered.
	s.Close()
	s, _ = newService(t)
	memory := mustDo(t, s, configureOf(tree)).GetConfigured().Trees[0].Memory
	if memory.GetPosition().GetTenure() != 2 || memory.GetPosition().GetSequence() != 7 || memory.GetRoot()[0] != 9 {
		t.Fatal(memory)
	}
	if changes := changesNow(t, s); len(changes) != 6 {
		t.Fatal(changes)
	}
}

func TestGivenALookThatIsNotTheNewestThenItIsNotRemembered(t *testing.T) {
	tree := newTree(t)
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	write(t, tree, "late")
	mustDo(t, s, &wire.Look{Walk: true})
	_, _, err := do(t, s, &wire.Remember{Position: &wire.Position{}, Root: make([]byte, 32), Look: seen.Number})
	if reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
	if _, _, err := do(t, s, &wire.Remember{Root: make([]byte, 3)}); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
}

func TestGivenAGuestThatIsOnlyObservedThenNothingIsMadeOnItsDisk(t *testing.T) {
	tree := newTree(t)
	s, _ := newService(t)
	configure := configureOf(tree)
	configure.ReadOnly = true
	mustDo(t, s, configure)
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	_, _, err := do(t, s, &wire.Remember{Position: &wire.Position{}, Root: make([]byte, 32), Look: seen.Number})
	if reason(err) != wire.Reason_REASON_READ_ONLY {
		t.Fatal(err)
	}
	if state := mustDo(t, s, configure).GetConfigured().Trees[0]; state.Reason != "" {
		t.Error(state)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(tree), ".virtquorum")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestGivenOtherExcludesThenWhatWasRememberedIsNotCompared(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "kept")
	write(t, tree, "cache")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	rememberNow(t, s)
	other := configureOf(tree)
	other.Trees[0].Exclude = []string{"cache"}
	mustDo(t, s, other)
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if seen.Trees[0].Memory != nil || seen.ChangesTotal != 0 {
		t.Fatal(seen)
	}
	mustDo(t, s, configureOf(tree)) // nothing was remembered meanwhile
	if seen = mustDo(t, s, &wire.Look{Walk: true}).GetLook(); seen.Trees[0].Memory == nil || seen.ChangesTotal != 0 {
		t.Fatal(seen)
	}
}

func TestGivenMoreChangesThanAreListedThenAllAreCounted(t *testing.T) {
	tree := newTree(t)
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	rememberNow(t, s)
	const files = 3000
	for i := range files {
		write(t, tree, strconv.Itoa(i))
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if seen.ChangesTotal != files || len(seen.Changes) != mostChanges {
		t.Fatal(seen.ChangesTotal, len(seen.Changes))
	}
}
