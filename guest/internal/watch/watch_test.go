package watch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGivenAnythingIsDoneInATreeThenEveryPathThatChangedIsToldOrAnOverflow(t *testing.T) {
	for _, system := range []string{"ext4", "xfs", "tmpfs"} {
		for _, way := range []string{Fanotify, "fanotify before 5.17", Inotify} {
			kind, _, old := strings.Cut(way, " ")
			t.Run(system+" "+way, func(t *testing.T) {
				at := fileSystem(t, system)
				m := &mischief{rand.New(rand.NewPCG(1, 2)), filepath.Join(at, "tree"), filepath.Join(at, "beside")}
				for _, directory := range []string{m.tree, m.beside} {
					if err := os.Mkdir(directory, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				for range 200 {
					m.act()
				}
				if kind == Inotify {
					m.beside = filepath.Join(m.tree, "beside") // it does not see what is written through a name outside the tree
					if err := os.Mkdir(m.beside, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.RemoveAll(filepath.Join(at, "beside")); err != nil {
						t.Fatal(err)
					}
				}
				_, batches := opened(t, m.tree, Options{Kinds: []string{kind}, After: atOnce, old: old})
				before := walked(t, m.tree)
				changes := 0
				for burst := range 150 {
					for range 1 + m.random.IntN(60) {
						m.act()
					}
					after := walked(t, m.tree)
					events, overflow := toldUntilNow(t, m.tree, batches)
					if missing := untold(before, after, events); !overflow && missing != nil {
						t.Fatalf("burst %d: not told: %s\ntold: %v", burst, strings.Join(missing, "\n"), events)
					}
					changes += len(events)
					before = walked(t, m.tree)
				}
				t.Logf("%d events", changes)
			})
		}
	}
}

func TestGivenDirectoriesComeFasterThanTheyAreWatchedThenNothingIsMissed(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "tmpfs")
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce})
			before := walked(t, tree)
			for n := range 200 {
				deep := filepath.Join(tree, fmt.Sprint(n), "a", "b", "c")
				if err := os.MkdirAll(deep, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(deep, "file"), []byte("1"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			after := walked(t, tree)
			events, overflow := toldUntilNow(t, tree, batches)
			if missing := untold(before, after, events); !overflow && missing != nil {
				t.Fatal(missing)
			}
			// From now on each is watched.
			before = walked(t, tree)
			for n := range 200 {
				if err := os.WriteFile(filepath.Join(tree, fmt.Sprint(n), "a", "b", "c", "file"), []byte("22"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			after = walked(t, tree)
			if events, overflow = toldUntilNow(t, tree, batches); !overflow {
				if missing := untold(before, after, events); missing != nil {
					t.Fatal(missing)
				}
			}
		})
	}
}

func TestGivenTheWriterThenFanotifySaysWhetherItIsForeign(t *testing.T) {
	tree := fileSystem(t, "tmpfs")
	file := filepath.Join(tree, "file")
	for _, c := range []struct {
		name    string
		do      func() error
		foreign bool
	}{
		{"this process", func() error { return os.WriteFile(file, []byte("1"), 0o600) }, false},
		{"a child", func() error { return exec.Command("sh", "-c", "echo 1 >"+file).Run() }, false},
		{"a process of others", func() error { return byAnOrphan(file) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, batches := opened(t, tree, Options{Kinds: []string{Fanotify}, After: atOnce, Own: func(int) bool { return c.name == "a child" }})
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			events, _ := toldUntilNow(t, tree, batches)
			told := slices.IndexFunc(events, func(e Event) bool { return e.Path == "file" })
			if told < 0 || events[told].Foreign != c.foreign {
				t.Fatalf("foreign is to be %v: %v", c.foreign, events)
			}
		})
	}
}

// Writes a file by a process whose parent has ended.
func byAnOrphan(file string) error {
	begin, beginEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	done, doneEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	defer done.Close()
	command := exec.Command("sh", "-c", "(read x; echo 1 >"+file+") <&3 &")
	command.ExtraFiles = []*os.File{begin, doneEnd}
	err = command.Run()
	begin.Close()
	doneEnd.Close()
	beginEnd.Close()
	if err == nil {
		_, _ = done.Read(make([]byte, 1)) // until it has ended
	}
	return err
}

func TestGivenAFileIsOnlyReadThenNothingIsTold(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "ext4")
			file := filepath.Join(tree, "file")
			if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce})
			read, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := read.Read(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			if err := unix.Fdatasync(int(read.Fd())); err != nil {
				t.Fatal(err)
			}
			read.Close()
			if _, err := os.ReadDir(tree); err != nil {
				t.Fatal(err)
			}
			events, overflow := toldUntilNow(t, tree, batches)
			if overflow || slices.ContainsFunc(events, func(e Event) bool { return !strings.HasPrefix(e.Path, "mark-") && e.Path != "lost+found" }) {
				t.Fatal(events)
			}
		})
	}
}

func TestGivenAFileWithANameOutsideTheTreeThenFanotifyTellsItsInode(t *testing.T) {
	at := fileSystem(t, "ext4")
	tree := filepath.Join(at, "tree")
	inside, outside := filepath.Join(tree, "file"), filepath.Join(at, "other")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(inside, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(inside, outside); err != nil {
		t.Fatal(err)
	}
	_, batches := opened(t, tree, Options{Kinds: []string{Fanotify}, After: atOnce})
	if err := os.WriteFile(outside, []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(inside, &stat); err != nil {
		t.Fatal(err)
	}
	events, overflow := toldUntilNow(t, tree, batches)
	if !overflow && !slices.ContainsFunc(events, func(e Event) bool { return e.Ino == stat.Ino }) {
		t.Fatal(events)
	}
}

func TestGivenWhatIsToBeSkippedThenItIsNotTold(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "tmpfs")
			skip := func(path string) bool { return beneathOf(path, ".virtquorum") }
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce, Skip: skip})
			if err := os.MkdirAll(filepath.Join(tree, ".virtquorum", "deep"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(tree, ".virtquorum", "deep", "memory"), []byte("1"), 0o600); err != nil {
				t.Fatal(err)
			}
			events, overflow := toldUntilNow(t, tree, batches)
			if overflow || slices.ContainsFunc(events, func(e Event) bool { return strings.HasPrefix(e.Path, ".virtquorum") }) {
				t.Fatal(events)
			}
		})
	}
}

func TestGivenADirectoryAboveTheTreeMovesThenItIsAnOverflow(t *testing.T) {
	at := fileSystem(t, "tmpfs")
	tree := filepath.Join(at, "above", "tree")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	_, batches := opened(t, tree, Options{Kinds: []string{Fanotify}, After: atOnce})
	if err := os.Rename(filepath.Join(at, "above"), filepath.Join(at, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if batch := <-batches; !batch.Overflow {
		t.Fatal(batch)
	}
	// It is still this tree, wherever it is.
	events, overflow := toldUntilNow(t, filepath.Join(at, "elsewhere", "tree"), batches)
	if overflow || len(events) == 0 {
		t.Fatal(events, overflow)
	}
}

func TestGivenAPathTooLongForTheKernelThenTheDirectoryAboveItIsTold(t *testing.T) {
	tree := fileSystem(t, "tmpfs")
	fd, err := unix.Open(tree, unix.O_PATH|directoryFlags, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("n", 200)
	for range 30 {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		down, err := unix.Openat(fd, name, unix.O_PATH|directoryFlags, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = down
	}
	defer func() { unix.Close(fd) }()
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce})
			file, err := unix.Openat(fd, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(file)
			events, overflow := toldUntilNow(t, tree, batches)
			whole := strings.Repeat(name+"/", 30) + "file"
			if !overflow && !slices.ContainsFunc(events, func(e Event) bool {
				return e.Path == whole || e.Subtree && e.Path != "" && strings.HasPrefix(whole, e.Path)
			}) {
				t.Fatal(events)
			}
		})
	}
}
