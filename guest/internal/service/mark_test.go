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
	call := &fakeCall{request: request(t, &wire.Apply{ArchiveEntry: "one", Verdict: "it was behind", Whole: true}), session: 1}
	call.body = []*wire.Body{{Last: true, Targets: []*wire.Target{{Tree: 1, Path: []byte("file")}}}}
	if _, err := s.do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	_, pieces, err := do(t, s, &wire.ArchiveList{})
	if err != nil || len(pieces) == 0 || !pieces[0].GetArchiveEntries().GetEntries()[0].GetAttributed() {
		t.Fatal(pieces, err)
	}
}
