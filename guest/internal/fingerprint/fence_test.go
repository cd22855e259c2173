package fingerprint

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestGivenARowThatWasReadInTheTickOfItsWriteThenAFenceHasItReadAgain(t *testing.T) {
	tree := scratchfs.Mount(t, "tmpfs", 16)
	must(t, os.WriteFile(filepath.Join(tree, "file"), []byte("one"), 0o600))
	written, err := os.Stat(filepath.Join(tree, "file"))
	must(t, err)
	mapped := func(uint64) bool { return false }
	for _, one := range []struct {
		after time.Duration
		left  int
	}{{time.Millisecond, 2}, {500 * time.Millisecond, 0}, {-time.Second, 2}} { // the root is as young
		s := scanner(t, Tree{Path: tree}, Options{Now: func() time.Time { return written.ModTime().Add(one.after) }})
		scan(t, s)
		before := s.Version()
		if left := s.Fence(mapped); left != one.left || (s.Version() != before) != (left > 0) {
			t.Fatal(one, left)
		}
		scan(t, s)
		row, _ := s.Row("file")
		if left := s.Fence(func(inode uint64) bool { return inode == row.Ino }); left == 0 {
			t.Fatal("a store through a mapping may be missed")
		}
	}
}

func TestGivenAReadingThatBeganBeforeAFenceThenWhatItDoubtsDoesNotCount(t *testing.T) {
	tree := scratchfs.Mount(t, "tmpfs", 16)
	must(t, os.WriteFile(filepath.Join(tree, "file"), []byte("one"), 0o600))
	written, err := os.Stat(filepath.Join(tree, "file"))
	must(t, err)
	for _, one := range []struct {
		after  time.Duration
		unread bool
	}{{time.Millisecond, true}, {time.Second, false}} {
		s := scanner(t, Tree{Path: tree}, Options{Now: func() time.Time { return written.ModTime().Add(one.after) }})
		_, err := s.Walk(t.Context())
		must(t, err)
		fenced := false
		_, err = s.Read(t.Context(), Reading{Progress: func(string, int64, int64) {
			if !fenced {
				fenced = true
				s.Fence(func(uint64) bool { return false })
			}
		}})
		must(t, err)
		if row, _ := s.Row("file"); !fenced || row.Unread != one.unread {
			t.Fatal(one, fenced, row)
		}
	}
}
