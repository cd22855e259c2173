package service

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"virtquorum.io/guest/internal/wire"
)

// memoriesOf are the files in which trees remember, each with what is in it.
func memoriesOf(t *testing.T, tree string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(filepath.Dir(tree), ".virtquorum"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "memory" {
			found[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestGivenACrashWhileTwoTreesTakeAStateThenTheyAgreeOnOneAfterIt(t *testing.T) {
	one, other := newTree(t), newTree(t)
	s, _ := newService(t)
	mustDo(t, s, configureOf(one, other))
	rememberNow(t, s)
	before := map[string][]byte{}
	for _, tree := range []string{one, other} {
		for path, content := range memoriesOf(t, tree) {
			before[path] = content
		}
	}
	if len(before) != 2 {
		t.Fatal(len(before))
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	newer := &wire.Remember{Position: &wire.Position{Tenure: 2, Sequence: 8}, Root: bytes.Repeat([]byte{9}, 32), Look: seen.Number}
	mustDo(t, s, newer)
	s.Close()

	for path, content := range before { // one tree took it, the other had it only prepared
		if err := os.Rename(path, path+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		break
	}
	s, _ = newService(t)
	for _, state := range mustDo(t, s, configureOf(one, other)).GetConfigured().Trees {
		if got := state.GetMemory().GetPosition().GetSequence(); got != 8 {
			t.Errorf("%s remembers %d", state.Name, got)
		}
	}
	s.Close()

	for path, content := range before { // both had it only prepared: what both remember stays
		if err := os.Rename(path, path+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = newService(t)
	for _, state := range mustDo(t, s, configureOf(one, other)).GetConfigured().Trees {
		if got := state.GetMemory().GetPosition().GetSequence(); got != 7 {
			t.Errorf("%s remembers %d", state.Name, got)
		}
	}
}
