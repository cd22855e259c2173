package fingerprint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestGivenAFileSystemMountedOverTheTreeThenTheWalkSaysSo(t *testing.T) {
	point := scratchfs.Mount(t, "tmpfs", 0)
	path := filepath.Join(point, "tree")
	must(t, os.Mkdir(path, 0o755))
	s := scanner(t, Tree{Name: "t", Path: path}, Options{})
	scan(t, s)
	must(t, unix.Mount("none", path, "tmpfs", 0, ""))
	_, err := s.Walk(t.Context())
	must(t, unix.Unmount(path, 0))
	if !errors.Is(err, ErrReplaced) {
		t.Fatal(err)
	}
	scan(t, s)
	must(t, os.Rename(path, path+".away"))
	if _, err := s.Walk(t.Context()); !errors.Is(err, unix.ENOENT) {
		t.Fatal(err)
	}
}

func TestGivenAMountBelowThenOnlyItsPointIsARow(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	must(t, os.Mkdir(filepath.Join(point, "m"), 0o755))
	must(t, os.WriteFile(filepath.Join(point, "f"), nil, 0o600))
	must(t, unix.Mount("none", filepath.Join(point, "m"), "tmpfs", 0, "mode=0700"))
	t.Cleanup(func() { must(t, unix.Unmount(filepath.Join(point, "m"), 0)) })
	must(t, os.WriteFile(filepath.Join(point, "m", "below"), nil, 0o600))
	s := scanner(t, Tree{Name: "t", Path: point}, Options{Now: later})
	compare(t, scan(t, s), oracle(t, testKey(t), point))
	_, err := s.Look(t.Context(), slices.Values([]string{"m", "m/below"}))
	must(t, err)
	compare(t, scan(t, s), oracle(t, testKey(t), point))
}

func TestGivenMoreEntriesThanAllowedThenTheWalkSaysSoAndFewerAreFineAgain(t *testing.T) {
	path := t.TempDir()
	for n := range 10 {
		must(t, os.WriteFile(filepath.Join(path, fmt.Sprint(n)), nil, 0o600))
	}
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Most: 10})
	if _, err := s.Walk(t.Context()); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	must(t, os.Remove(filepath.Join(path, "3")))
	if rows := scan(t, s); len(rows) != 10 {
		t.Fatal(len(rows))
	}
	must(t, os.Rename(filepath.Join(path, "4"), filepath.Join(path, "0 comes first")))
	if rows := scan(t, s); len(rows) != 10 {
		t.Fatal(len(rows))
	}
}

func TestGivenAFileThatChangesWhileItIsReadThenItIsReadAgainAndIsNotSettled(t *testing.T) {
	path := t.TempDir()
	file := filepath.Join(path, "f")
	must(t, os.WriteFile(file, []byte("0"), 0o600))
	tree := Tree{Name: "t", Path: path}
	for _, times := range []int{1, 2, 100} {
		s := scanner(t, tree, Options{Now: later})
		_, err := s.Walk(t.Context())
		must(t, err)
		n := 0
		done, err := s.Read(t.Context(), Reading{Progress: func(string, int64, int64) {
			if n++; n <= times {
				must(t, os.WriteFile(file, []byte(fmt.Sprint("changed ", n)), 0o600))
				must(t, os.Chtimes(file, unixTime(n), unixTime(n)))
			}
		}})
		must(t, err)
		row, _ := s.Row("f")
		if times < rounds && (done.Moved != 0 || !row.Settled || n != times+1) {
			t.Errorf("changed %d times: %+v, %+v, read %d times", times, done, row, n)
		}
		if times > rounds && (done.Moved != 1 || row.Settled || n != rounds) {
			t.Errorf("changed %d times: %+v, %+v, read %d times", times, done, row, n)
		}
		compare(t, scan(t, s), oracle(t, testKey(t), path))
	}
}

func TestGivenAWriteWithinTheTickOfTheCtimeThenTheRowIsNotSettledAndIsReadAgainWhenItIs(t *testing.T) {
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "f"), []byte("0"), 0o600))
	clock := unixTime(0)
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: func() time.Time { return clock }})
	st, err := s.Root().Stat("f")
	must(t, err)
	clock = unixTime(int(st.Ctime / 1e9))
	scan(t, s)
	if row, _ := s.Row("f"); row.Settled {
		t.Fatalf("%+v", row)
	}
	if r, err := s.Walk(t.Context()); err != nil || r.Unread != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	r, err := s.Look(t.Context(), slices.Values([]string{"f"}))
	if err != nil || r.Unread != 1 {
		t.Fatalf("an event in the tick does not count: %+v %v", r, err)
	}
	scan(t, s)
	clock = unixTime(int(st.Ctime/1e9) + 3)
	if r, err := s.Walk(t.Context()); err != nil || r.Unread != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if row := scan(t, s)["f"]; !row.Settled {
		t.Fatalf("%+v", row)
	}
}

func unixTime(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
