package fingerprint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestGivenLooksReadingsAndRowsTogetherThenAllEndsInTheSameRows(t *testing.T) {
	path := t.TempDir()
	plant(t, path, rand.New(rand.NewPCG(11, 12)))
	tree := Tree{Name: "t", Path: path, Devices: true, SetID: true}
	s := scanner(t, tree, Options{})
	scan(t, s)
	stop := make(chan struct{})
	var all sync.WaitGroup
	repeat := func(do func(n int) error) {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	name := func(n int) string { return fmt.Sprintf("changing-%d", n%7) }
	repeat(func(n int) error {
		if n%3 == 0 {
			_ = os.Remove(filepath.Join(path, name(n)))
		}
		return os.WriteFile(filepath.Join(path, name(n)), []byte(name(n*n)), 0o600)
	})
	repeat(func(int) error { _, err := s.Walk(t.Context()); return err })
	repeat(func(n int) error { _, err := s.Look(t.Context(), slices.Values([]string{name(n)})); return err })
	repeat(func(int) error { _, err := s.Read(t.Context(), Reading{}); return err })
	repeat(func(int) error { _, err := s.Read(t.Context(), Reading{Paths: s.Files(), PastCache: true}); return err })
	repeat(func(int) error {
		last := ""
		for row := range s.Rows() {
			if row.Path < last {
				return fmt.Errorf("%q after %q", row.Path, last)
			}
			last = row.Path
			_, _ = s.Entry(row.Path)
		}
		return nil
	})
	time.Sleep(1500 * time.Millisecond) // how long the test works, and no waiting for anything
	close(stop)
	all.Wait()
	got, wanted := scan(t, s), scan(t, scanner(t, tree, Options{}))
	for path, row := range wanted {
		if got[path].Digest != row.Digest || got[path].Ctime != row.Ctime {
			t.Errorf("%+v, and afresh %+v", got[path], row)
		}
	}
	if len(got) != len(wanted) {
		t.Error(first(got, wanted))
	}
	must(t, s.Close())
	if _, err := s.Walk(t.Context()); err == nil {
		t.Error("a closed scanner walks")
	}
	for range s.Rows() {
		t.Error("a closed scanner has rows")
	}
}
