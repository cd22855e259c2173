package service

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// readers is how often this process has a file open.
func readers(t *testing.T, path string) (open int) {
	t.Helper()
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range descriptors {
		if at, err := os.Readlink("/proc/self/fd/" + one.Name()); err == nil && strings.TrimSuffix(at, " (deleted)") == path {
			open++
		}
	}
	return open
}

func lookedAt(t *testing.T, s *Service, walk bool, enough func(*wire.Seen) bool) *wire.Seen {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		seen := mustDo(t, s, &wire.Look{Walk: walk}).GetLook()
		if enough(seen) {
			return seen
		}
		if time.Now().After(end) {
			t.Fatal(seen)
		}
	}
}

func TestGivenASparseFileFarLargerThanItsDiskThenTheRestOfTheTreeIsLookedAtMeanwhileAndNothingPilesUp(t *testing.T) {
	tree := scratchfs.Mount(t, "ext4", 64)
	write(t, tree, "page")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	mustDo(t, s, &wire.Look{Walk: true})
	before := rowsIn(t, s)

	path := filepath.Join(tree, "disk.img")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(1 << 40); err != nil { // whose zeros take longer to hash than the test lasts
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "page"), []byte("a small edit"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := lookedAt(t, s, true, func(seen *wire.Seen) bool { return seen.Rows > uint64(len(before)) })
	if seen.ReadingBytes != 1<<40 || seen.Trees[0].Reason != "" {
		t.Fatal(seen)
	}
	var rows map[string]*wire.Row
	for end := time.Now().Add(30 * time.Second); len(rows["page"].GetDigest()) == 0; { // an event that comes late has it read again
		if rows, _ = rowsNow(t, s); time.Now().After(end) {
			t.Fatal(rows, mustDo(t, s, &wire.Look{}))
		}
	}
	if bytes.Equal(rows["page"].Digest, before["page"].Digest) || len(rows["page"].Digest) == 0 {
		t.Fatal("the small edit is not known", rows["page"])
	}
	for name, row := range rows {
		if unknown := len(row.Digest) == 0; unknown != (name == "disk.img") {
			t.Errorf("%q is unknown: %v", name, unknown)
		}
	}

	for i := range 20 { // it grows and is written to while it is read
		if err := file.Truncate(1<<40 + int64(i+1)<<20); err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte("data"), int64(i)<<30); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, &wire.Look{Walk: true})
		if n := readers(t, path) - 1; n > 3 { // but for the test's own: one that reads, and looks that have it open for a moment
			t.Fatalf("%d read it", n)
		}
	}
	lookedAt(t, s, false, func(*wire.Seen) bool { return readers(t, path) == 2 })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	lookedAt(t, s, true, func(seen *wire.Seen) bool { return seen.ReadingBytes == 0 && readers(t, path) == 1 })
}

func TestGivenALargeFileThatChangedWhileItWasReadThenItRestsAndOthersHaveTheirTurn(t *testing.T) {
	var l large
	if !l.takes("log") {
		t.Error("a file that nobody reads is not read")
	}
	l.begin("log")
	if l.takes("log") || !l.takes("other") {
		t.Error("it is read twice at a time, or alone")
	}
	l.end("log", time.Hour)
	if l.takes("log") || !l.takes("other") {
		t.Error("it does not rest")
	}
	l.rests["log"] = time.Now().Add(-time.Second)
	if !l.takes("log") {
		t.Error("it rests for good")
	}
}

func TestGivenTwoLargeFilesThenBothAreReadAndOnce(t *testing.T) {
	tree := newTree(t)
	for _, name := range []string{"a.img", "b.img", "c.img"} {
		file, err := os.Create(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Ftruncate(int(file.Fd()), 80<<20); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	lookedAt(t, s, false, func(seen *wire.Seen) bool { return seen.Rows == 4 && seen.ReadingBytes == 0 })
}
