package service

import (
	"os"
	"path/filepath"
	"testing"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenUsersWereSeenAndAnotherTreesDiskIsReplacedThenWhatTheyWroteIsStillTheirs(t *testing.T) {
	replaced, tree := newTree(t), newTree(t)
	write(t, tree, "file")
	s, _ := newService(t)
	mustDo(t, s, configureOf(replaced, tree))
	rememberNow(t, s)
	if err := os.WriteFile(filepath.Join(tree, "file"), []byte("by a user"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	mustDo(t, s, &wire.MarkUsers{Held: seen.Trees[0].Memory, Seen: true})
	s.Close()

	if err := os.RemoveAll(filepath.Join(filepath.Dir(replaced), ".virtquorum")); err != nil {
		t.Fatal(err)
	}
	s, _ = newService(t)
	mustDo(t, s, configureOf(replaced, tree))
	seen = mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if seen.Trees[0].Memory != nil || seen.Trees[1].Memory == nil {
		t.Fatal(seen.Trees)
	}
	mustDo(t, s, &wire.MarkUsers{}) // nothing is remembered that the users could be of
	if !removed(t, s, 1) {
		t.Fatal("what a user wrote was filed as nobody's")
	}
}

func TestGivenUsersWereSeenWhereNothingIsRememberedYetThenWhatTheyWroteIsTheirsForAnotherLifeToo(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "file")
	for _, seen := range []bool{false, true} {
		s, _ := newService(t)
		mustDo(t, s, configureOf(tree))
		mustDo(t, s, &wire.Look{Walk: true})
		if marked := mustDo(t, s, &wire.MarkUsers{Seen: seen}).GetUsersMarked(); marked.GetSeen() != seen {
			t.Fatal(marked)
		}
		s.Close()
	}

	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	mustDo(t, s, &wire.Look{Walk: true})
	if !mustDo(t, s, &wire.MarkUsers{}).GetUsersMarked().GetSeen() {
		t.Fatal("that users were there was forgotten")
	}
	if !removed(t, s, 0) {
		t.Fatal("what a user wrote was filed as nobody's")
	}
}

func TestGivenUsersBeforeAnythingWasRememberedThenWhatIsWrittenAfterThatIsNotTheirs(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "file")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	mustDo(t, s, &wire.Look{Walk: true})
	mustDo(t, s, &wire.MarkUsers{Seen: true})
	rememberNow(t, s)
	s.Close() // before anybody says that it holds what it remembers

	s, _ = newService(t)
	mustDo(t, s, configureOf(tree))
	if err := os.WriteFile(filepath.Join(tree, "file"), []byte("by a job"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if mustDo(t, s, &wire.MarkUsers{Held: seen.Trees[0].Memory}).GetUsersMarked().GetSeen() {
		t.Fatal("users from before are taken for users since")
	}
	if removed(t, s, 0) {
		t.Fatal("what nobody wrote was filed as a user's")
	}
}

func TestGivenUsersWereSeenAndTheMemoryCountsNoMoreThenWhatTheyWroteIsStillTheirs(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "file")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	rememberNow(t, s)
	if err := os.WriteFile(filepath.Join(tree, "file"), []byte("by a user"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	mustDo(t, s, &wire.MarkUsers{Held: seen.Trees[0].Memory, Seen: true})
	s.Close()

	s, _ = newService(t)
	configure := configureOf(tree)
	configure.Trees[0].Exclude = []string{"*.tmp"}
	mustDo(t, s, configure)
	if look := mustDo(t, s, &wire.Look{Walk: true}).GetLook(); look.Trees[0].Memory != nil {
		t.Fatal("rows of other excludes are compared")
	}
	if !mustDo(t, s, &wire.MarkUsers{}).GetUsersMarked().GetSeen() || !removed(t, s, 0) {
		t.Fatal("what a user wrote was filed as nobody's")
	}
}

// removed has a repair remove the file of a tree, and tells whether that is filed as somebody's.
func removed(t *testing.T, s *Service, tree uint32) bool {
	t.Helper()
	call := &fakeCall{request: request(t, &wire.Apply{ArchiveEntry: "one", Verdict: "it was behind", Whole: true}), session: 1}
	call.body = []*wire.Body{{Last: true, Targets: []*wire.Target{{Tree: tree, Path: []byte("file")}}}}
	if _, err := s.do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	_, pieces, err := do(t, s, &wire.ArchiveList{})
	if err != nil || len(pieces) == 0 || len(pieces[0].GetArchiveEntries().GetEntries()) != 1 {
		t.Fatal(pieces, err)
	}
	return pieces[0].GetArchiveEntries().GetEntries()[0].GetAttributed()
}
