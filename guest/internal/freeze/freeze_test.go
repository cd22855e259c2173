package freeze

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/sync"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testKey(t testing.TB) fingerprint.Key {
	t.Helper()
	key, err := fingerprint.NewKey(bytes.Repeat([]byte("k"), 32))
	must(t, err)
	return key
}

var owner = memory.Owner{Cluster: "shop", Tree: "site", Member: "web-0"}

// frozen is a tree that can be frozen, with what a look saw of it.
type frozen struct {
	*Tree
	path   string
	copies string
	seen   []Seen
}

// tree looks at what was made in a directory of a file system.
func tree(t testing.TB, point string) *frozen {
	t.Helper()
	f := &frozen{path: filepath.Join(point, "tree"), copies: filepath.Join(point, ".virtquorum", "shop+site", memory.Frozen)}
	key := testKey(t)
	scanner, err := fingerprint.New(fingerprint.Tree{Name: "site", Path: f.path}, key, fingerprint.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, scanner.Close()) })
	_, err = scanner.Walk(t.Context())
	must(t, err)
	_, err = scanner.Read(t.Context(), fingerprint.Reading{})
	must(t, err)
	store, err := memory.Open(scanner.Root(), key, owner)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	copies, err := store.Dir(memory.Frozen)
	must(t, err)
	t.Cleanup(func() { must(t, copies.Close()) })
	f.Tree = &Tree{Name: "site", Rows: scanner, Hashing: sync.Hashing{Key: key}, Copies: copies, Prefix: "1-"}
	for row := range scanner.Rows() {
		f.seen = append(f.seen, Seen{Path: row.Path, There: true, Ino: row.Ino, LinkTo: scanner.LinkTo(row.Path)})
	}
	state := memory.State{Position: memory.Position{Tenure: 1, Sequence: 1}}
	must(t, store.Save(t.Context(), state, func(yield func(memory.Row) bool) {
		for row := range scanner.Rows() {
			if !yield(memory.Of(row)) {
				return
			}
		}
	}))
	return f
}

func (f *frozen) left(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(f.copies)
	must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (f *frozen) take(most int64) ([]Row, error) {
	return f.Take(context.Background(), f.seen, &most)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
}

func TestGivenRowsOfEveryKindThenTheyAreFrozenWithTheDigestsThatTheirRowsHave(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) {
			point := scratchfs.Mount(t, kind, 320)
			in := func(name string) string { return filepath.Join(point, "tree", name) }
			write(t, in("a/file"), "content")
			write(t, in("empty"), "")
			write(t, in("large"), strings.Repeat("large ", 1<<20))
			must(t, os.Link(in("a/file"), in("z-name")), os.Symlink("nowhere", in("link")), unix.Mkfifo(in("fifo"), 0o600),
				unix.Setxattr(in("empty"), "user.note", []byte("value"), 0), os.Truncate(in("large"), 20<<20))
			for n := range 20 { // so that they are made durable together
				write(t, in(fmt.Sprint("many/", n)), fmt.Sprint(n))
			}
			f := tree(t, point)
			left := int64(64 << 20)
			rows, err := f.Take(t.Context(), f.seen, &left)
			must(t, err)
			for i, row := range slices.Collect(f.Rows.Rows()) {
				if rows[i].Path != row.Path || rows[i].Digest != row.Digest {
					t.Errorf("%q is frozen as %v, and %v", row.Path, rows[i], row)
				}
			}
			if files := len(f.left(t)); files != 23 || left > 44<<20 || left < 43<<20 {
				t.Error(f.left(t), left)
			}
			f.Remove(rows)
			if left := f.left(t); len(left) != 0 {
				t.Error(left)
			}
		})
	}
}

func TestGivenWhatIsNotThereAnyMoreAsItWasSeenThenNothingIsKeptOrOpened(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"removed": os.Remove,
		"another file": func(path string) error {
			return errors.Join(os.WriteFile(path+"~", nil, 0o644), os.Rename(path+"~", path))
		},
		"a link": func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
		"a fifo": func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
		"below a link": func(path string) error {
			return errors.Join(os.Rename(filepath.Dir(path), filepath.Dir(path)+"~"), os.Symlink("/etc", filepath.Dir(path)))
		},
		"set-id": func(path string) error { return unix.Chmod(path, 0o4755) },
		"another link": func(path string) error {
			return errors.Join(os.Remove(path+"-link"), os.Symlink("other", path+"-link"))
		},
		"another name of it": func(path string) error { return os.WriteFile(path+"-name", []byte("another content"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			point := scratchfs.Mount(t, "tmpfs", 16)
			path := filepath.Join(point, "tree", "d", "file")
			write(t, path, "content")
			must(t, os.Link(path, path+"-name"), os.Symlink("target", path+"-link"), os.WriteFile(filepath.Join(point, "tree", "d", "a"), nil, 0o644))
			f := tree(t, point)
			// Of the two names only one was seen to be different.
			f.seen = slices.DeleteFunc(f.seen, func(one Seen) bool { return one.Path == "d/file-name" })
			must(t, change(path))
			if rows, err := f.take(1 << 20); !errors.Is(err, ErrStale) || rows != nil {
				t.Fatal(rows, err)
			}
			if left := f.left(t); len(left) != 0 {
				t.Error(left)
			}
		})
	}
}

func TestGivenMoreBytesThanMayBeCopiedThenNothingIsKept(t *testing.T) {
	point := scratchfs.Mount(t, "tmpfs", 16)
	write(t, filepath.Join(point, "tree", "a"), "content")
	write(t, filepath.Join(point, "tree", "large"), strings.Repeat("x", 1<<20))
	f := tree(t, point)
	if _, err := f.take(1 << 20); !errors.Is(err, ErrTooLarge) || len(f.left(t)) != 0 {
		t.Fatal(err, f.left(t))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	most := int64(1 << 30)
	if _, err := f.Take(ended, f.seen, &most); !errors.Is(err, context.Canceled) || len(f.left(t)) != 0 {
		t.Fatal(err, f.left(t))
	}
}

func TestGivenAFileThatGrowsThenOnlyWhereAllWhoWriteAppendIsItsBeginningTaken(t *testing.T) {
	for _, appended := range []bool{true, false} {
		point := scratchfs.Mount(t, "ext4", 200)
		path := filepath.Join(point, "tree", "log")
		write(t, path, strings.Repeat("line\n", 8<<20)) // so that it takes a while
		f := tree(t, point)
		asked := 0
		f.Appended = func(_ context.Context, inodes []uint64) (map[uint64]bool, error) {
			asked++
			return map[uint64]bool{inodes[0]: appended}, nil
		}
		grows := make(chan struct{})
		ended := make(chan error)
		go func() {
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			for err == nil {
				select {
				case <-grows:
					ended <- file.Close()
					return
				default:
					_, err = file.WriteString("line\n")
				}
			}
			ended <- err
		}()
		for size := int64(0); size <= 40<<20; { // until it does
			info, err := os.Stat(path)
			must(t, err)
			size = info.Size()
		}
		rows, err := f.take(150 << 20)
		close(grows)
		must(t, <-ended)
		if !appended {
			if !errors.Is(err, ErrMoves) || len(f.left(t)) != 0 {
				t.Fatal(err)
			}
			continue
		}
		must(t, err)
		row := rows[len(rows)-1]
		copied, err := os.ReadFile(filepath.Join(f.copies, row.Name))
		must(t, err)
		now, err := os.ReadFile(path)
		must(t, err)
		if asked == 0 || row.Settled || int64(len(copied)) != row.Size || !bytes.HasPrefix(now, copied) || len(copied) == len(now) {
			t.Fatalf("%d of %d bytes: %+v", len(copied), len(now), row)
		}
	}
}

func TestGivenAFileThatIsWrittenWhileAnotherIsCopiedThenBothAreOfOneMoment(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) {
			point := scratchfs.Mount(t, kind, 320)
			in := func(name string) string { return filepath.Join(point, "tree", name) }
			write(t, in("a-log"), "1")
			write(t, in("b-pages"), "1")
			f, times := tree(t, point), 0
			f.Others = func(context.Context) error { return nil }
			f.step = func(step string) error {
				if step != "one" || times > 0 {
					return nil
				}
				times++
				return errors.Join(os.WriteFile(in("a-log"), []byte("2"), 0o644), os.WriteFile(in("b-pages"), []byte("2"), 0o644))
			}
			rows, err := f.take(1 << 20)
			must(t, err)
			for _, row := range rows {
				if row.Name == "" {
					continue
				}
				content, err := os.ReadFile(filepath.Join(f.copies, row.Name))
				must(t, err)
				if string(content) != "2" {
					t.Errorf("%s is from before the other: %q", row.Path, content)
				}
			}
		})
	}
}

func TestGivenThatOthersChangeMeanwhileThenNothingIsKept(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 320)
	write(t, filepath.Join(point, "tree", "a"), "1")
	f := tree(t, point)
	f.Others = func(context.Context) error { return ErrMixed }
	if _, err := f.take(1 << 20); !errors.Is(err, ErrMixed) {
		t.Error(err)
	}
	if left := f.left(t); len(left) != 0 {
		t.Error(left)
	}
}

func TestGivenAPowerCutAtAnyStepThenWhatWasRememberedStillIsAndTheCopiesAreCleared(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			point, image := scratchfs.MountImage(t, kind, 320)
			write(t, filepath.Join(point, "tree", "a"), "content")
			write(t, filepath.Join(point, "tree", "b"), "another")
			f := tree(t, point)
			write(t, filepath.Join(point, "tree", "a"), "content of later")
			cuts := map[string]string{}
			f.step = func(step string) error {
				cuts[step] = filepath.Join(t.TempDir(), step)
				return scratchfs.Cut(image, cuts[step])
			}
			rows, err := f.take(1 << 20)
			must(t, err)
			if len(cuts) != 4 {
				t.Fatal(cuts)
			}
			for step, cut := range cuts {
				at := t.TempDir()
				scratchfs.MountAt(t, kind, cut, at)
				if step == "durable" || step == "read" {
					for _, row := range rows {
						if row.Name == "" {
							continue
						}
						before, err := os.ReadFile(filepath.Join(f.copies, row.Name))
						must(t, err)
						after, err := os.ReadFile(filepath.Join(at, strings.TrimPrefix(f.copies, point), row.Name))
						if err != nil || !bytes.Equal(before, after) {
							t.Errorf("%s: %s is not durable: %q: %v", step, row.Path, after, err)
						}
					}
				}
				dir, err := beneath.Open(filepath.Join(at, "tree"))
				must(t, err)
				store, err := memory.Open(dir, testKey(t), owner)
				must(t, err)
				of, err := store.Load(t.Context())
				must(t, err)
				if of.Position.Sequence != 1 {
					t.Error(of.Position)
				}
				left, err := os.ReadDir(filepath.Join(at, strings.TrimPrefix(f.copies, point)))
				if err != nil || len(left) != 0 {
					t.Errorf("%s: %v: %v", step, left, err)
				}
				must(t, of.Close(), store.Close(), dir.Close(), unix.Unmount(at, 0))
			}
		})
	}
}
