package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The owner of the tree swaps a directory for a link to a place outside, at every step of a repair in turn.
func TestGivenADirectoryThatIsSwappedForALinkAtAnyStepThenNothingOutsideIsTouched(t *testing.T) {
	for stop := 0; stop < 60; stop++ {
		m := newMember(t, t.TempDir())
		outside := t.TempDir()
		for _, path := range []string{"changed", "inner/changed", "c", "sub/d"} {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(outside, path)), 0o755), os.WriteFile(filepath.Join(outside, path), []byte("canary"), 0o600))
		}
		before := all(t, outside)
		plan, _, _ := m.everything()
		steps, swapped := 0, ""
		m.hook = func(what string) error {
			if steps++; steps != stop {
				return nil
			}
			for _, dir := range []string{"dir", "going"} {
				if st, err := os.Lstat(m.live(dir)); err == nil && st.IsDir() {
					must(t, os.Rename(m.live(dir), m.live(dir)+".away"), os.Symlink(outside, m.live(dir)))
					swapped = what
				}
			}
			return nil
		}
		_, err := m.Apply(context.Background(), plan)
		if err != nil && !errors.Is(err, ErrInterrupted) {
			t.Errorf("swapped before %s: %v", swapped, err)
		}
		if after := all(t, outside); !reflect.DeepEqual(before, after) {
			t.Fatalf("swapped before %s: outside are %v", swapped, after)
		}
		if _, interrupted, _ := m.Interrupted(); interrupted {
			if _, err := m.reopened().Finish(context.Background()); err != nil {
				t.Errorf("swapped before %s, finishing: %v", swapped, err)
			}
		}
		if after := all(t, outside); !reflect.DeepEqual(before, after) {
			t.Fatalf("swapped before %s: outside are %v", swapped, after)
		}
	}
}

func TestGivenAFullDiskThenThatIsSaidBeforeAnythingIsReplaced(t *testing.T) {
	m := newMember(t, t.TempDir())
	m.write("changed", "old")
	plan := Plan{Entry: "verdict-1", Put: []Put{m.put("changed", "new")}}
	for _, at := range []string{"entry", "journal"} {
		m.hook = func(what string) error {
			if what == at {
				return unix.ENOSPC
			}
			return nil
		}
		_, err := m.Apply(context.Background(), plan)
		if err == nil || errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("at %s: %v", at, err)
		}
		m.expect(map[string]string{"changed": "old"})
	}
}
