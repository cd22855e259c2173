package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A clock that never makes anybody wait.
func atOnce(time.Duration) <-chan time.Time {
	now := make(chan time.Time)
	close(now)
	return now
}

// A clock that stands still: what waits for it waits for ever.
func never(time.Duration) <-chan time.Time { return nil }

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it mounts a file system")
	}
}

// The directory of a new file system of this type, which goes with the test.
func fileSystem(t *testing.T, kind string) string {
	t.Helper()
	needRoot(t)
	at := t.TempDir()
	run := func(name string, arguments ...string) {
		t.Helper()
		if said, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
			t.Skipf("%s cannot be had here: %s %v: %v: %s", kind, name, arguments, err, said)
		}
	}
	if kind == "tmpfs" {
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=64m"); err != nil {
			t.Skipf("a tmpfs cannot be mounted here: %v", err)
		}
	} else {
		image := filepath.Join(t.TempDir(), "disk")
		file, err := os.Create(image)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(320 << 20); err != nil {
			t.Fatal(err)
		}
		file.Close()
		run("mkfs."+kind, "-q", image)
		run("mount", "-o", "loop", image, at)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Errorf("unmounting %s: %v", at, err)
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
	return at
}

func opened(t *testing.T, tree string, options Options) (Watcher, <-chan Batch) {
	t.Helper()
	w, err := Open(t.Context(), tree, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("closing the watcher: %v", err)
		}
	})
	if len(options.Kinds) == 1 && w.Kind() != options.Kinds[0] {
		t.Skipf("%s is not to be had here: %s", options.Kinds[0], w.Why())
	}
	batches, err := w.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w, batches
}

// What was told up to a file that is made now for this.
func toldUntilNow(t *testing.T, tree string, batches <-chan Batch) (events []Event, overflow bool) {
	t.Helper()
	mark := fmt.Sprintf("mark-%d", rand.Uint64())
	if err := os.WriteFile(filepath.Join(tree, mark), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		select {
		case batch, open := <-batches:
			if !open {
				t.Fatal("the watcher ended")
			}
			if batch.Overflow {
				return events, true
			}
			events = append(events, batch.Events...)
			for _, event := range batch.Events {
				if event.Path == mark {
					return events, false
				}
			}
		case <-ctx.Done():
			t.Fatalf("the mark was not told; events so far: %v", events)
		}
	}
}

type item struct {
	what string
	ino  uint64
}

// Everything in a tree, as a walk finds it.
func walked(t *testing.T, tree string) map[string]item {
	t.Helper()
	items := map[string]item{}
	err := filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil {
			return err
		}
		what := fmt.Sprintf("%o %d %d", stat.Mode, stat.Uid, stat.Gid)
		switch stat.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			xattr := make([]byte, 64)
			n, _ := unix.Lgetxattr(path, "user.test", xattr)
			what += fmt.Sprintf(" %x %d %d %q", sha256.Sum256(content), stat.Mtim.Nano(), stat.Nlink, xattr[:max(n, 0)])
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += target
		}
		relative, err := filepath.Rel(tree, path)
		if relative == "." {
			relative = ""
		}
		items[relative] = item{what, stat.Ino}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// What differs between two walks and was not told, by the meaning of Event.
func untold(before, after map[string]item, events []Event) []string {
	named, subtrees, inodes := map[string]bool{}, map[string]bool{}, map[uint64]bool{}
	for _, event := range events {
		if event.Ino != 0 {
			inodes[event.Ino] = true
		}
		if event.Nameless {
			continue
		}
		named[event.Path] = true
		if event.Subtree {
			subtrees[event.Path] = true
		}
		if was, known := before[event.Path]; known {
			inodes[was.ino] = true
		}
	}
	told := func(path string) bool {
		if named[path] || inodes[before[path].ino] || inodes[after[path].ino] {
			return true
		}
		for above := path; above != "."; above = filepath.Dir(above) {
			if subtrees[above] {
				return true
			}
		}
		return subtrees[""]
	}
	var missing []string
	for path, was := range before {
		if is, known := after[path]; (!known || is != was) && !told(path) {
			missing = append(missing, fmt.Sprintf("%q was %v, is %v", path, was, is))
		}
	}
	for path, is := range after {
		if _, known := before[path]; !known && !told(path) {
			missing = append(missing, fmt.Sprintf("%q is new: %v", path, is))
		}
	}
	return missing
}

// Does random things in a tree, and beside it on the same file system.
type mischief struct {
	random *rand.Rand
	tree   string
	beside string
}

// A path that is there, or one that is not.
func (m *mischief) path() string {
	at := m.tree
	if m.random.IntN(10) == 0 {
		at = m.beside
	}
	for range m.random.IntN(4) {
		at = filepath.Join(at, fmt.Sprintf("d%d", m.random.IntN(3)))
	}
	return filepath.Join(at, []string{"d0", "d1", "d2", "f0", "f1", "f2", "new\nline", "x (deleted)"}[m.random.IntN(8)])
}

// Errors are part of it: half of the paths are not there.
func (m *mischief) act() {
	path, other := m.path(), m.path()
	switch m.random.IntN(16) {
	case 0, 1, 2:
		_ = os.Mkdir(path, 0o755)
	case 3, 4, 5:
		_ = os.WriteFile(path, fmt.Append(nil, m.random.Uint64()), 0o644)
	case 6:
		if file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0); err == nil {
			_, _ = file.WriteString("more")
			file.Close()
		}
	case 7:
		_ = unix.Fchmodat(unix.AT_FDCWD, path, uint32(0o700+m.random.IntN(64)), 0)
	case 8:
		_ = os.Lchown(path, m.random.IntN(5), 0)
	case 9, 10:
		_ = os.Rename(path, other)
	case 11:
		_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
	case 12:
		_ = os.RemoveAll(path)
	case 13:
		_ = os.Link(path, other)
	case 14:
		_ = os.Symlink("nowhere", path)
	case 15:
		_ = unix.Lsetxattr(path, "user.test", fmt.Append(nil, m.random.Uint32()), 0)
	}
}
