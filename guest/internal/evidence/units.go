package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	freezeTime = 5 * time.Second // a unit whose processes do not stand still by then does not: one may wait for a disk
	unitDepth  = 8               // of directories below a unit's cgroup is looked for
)

// Units freezes units of systemd by their cgroups: none of their processes runs until they are thawed. Safe for many goroutines.
type Units struct {
	Guest Guest
	// Mark is a file that names what is frozen, for a later life of the program: what it froze must not stay so.
	Mark string

	mu     sync.Mutex
	frozen map[string]int // cgroups' directories, and by how many
}

// Freeze returns when no process of the units runs any more. Where one cannot be frozen none is. A unit that is not running has none.
func (u *Units) Freeze(ctx context.Context, names []string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, freezeTime)
	defer cancel()
	for i, name := range names {
		if err := u.freeze(ctx, name); err != nil {
			return errors.Join(fmt.Errorf("freezing %s: %w", name, err), u.thaw(names[:i]))
		}
	}
	return nil
}

func (u *Units) freeze(ctx context.Context, name string) error {
	directory, err := u.find(name)
	if err != nil || directory == "" {
		return err
	}
	if u.frozen == nil {
		u.frozen = map[string]int{}
	}
	u.frozen[directory]++
	if u.frozen[directory] > 1 {
		return nil
	}
	if err = u.mark(); err == nil {
		if err = os.WriteFile(filepath.Join(directory, "cgroup.freeze"), []byte("1"), 0); err == nil {
			err = awaitFrozen(ctx, directory)
		}
	}
	if err != nil {
		return errors.Join(err, u.release(directory))
	}
	return nil
}

// Thaw has them run again.
func (u *Units) Thaw(names []string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.thaw(names)
}

func (u *Units) thaw(names []string) (err error) {
	for _, name := range names {
		for directory := range u.frozen {
			if isCgroupOf(directory, name) {
				err = errors.Join(err, u.release(directory))
			}
		}
	}
	return err
}

func (u *Units) release(directory string) error {
	if u.frozen[directory]--; u.frozen[directory] > 0 {
		return nil
	}
	if err := thawed(directory); err != nil {
		u.frozen[directory] = 1
		return err
	}
	delete(u.frozen, directory)
	return u.mark()
}

func thawed(directory string) error {
	err := os.WriteFile(filepath.Join(directory, "cgroup.freeze"), []byte("0"), 0)
	if errors.Is(err, fs.ErrNotExist) { // it ended
		return nil
	}
	if err != nil {
		return fmt.Errorf("letting a unit go on: %w", err)
	}
	return nil
}

// Recover lets go on what an earlier life of the program froze and could not let go.
func (u *Units) Recover() error {
	words, err := os.ReadFile(u.Mark)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading which units are frozen: %w", err)
	}
	for directory := range strings.FieldsFuncSeq(string(words), func(r rune) bool { return r == '\n' }) {
		err = errors.Join(err, thawed(directory))
	}
	if err != nil {
		return err
	}
	return os.Remove(u.Mark)
}

// mark keeps what is frozen where the next life of the program finds it.
func (u *Units) mark() error {
	var words strings.Builder
	for directory := range u.frozen {
		words.WriteString(directory + "\n")
	}
	if words.Len() == 0 {
		if err := os.Remove(u.Mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keeping which units are frozen: %w", err)
		}
		return nil
	}
	err := os.WriteFile(u.Mark+".new", []byte(words.String()), 0o600)
	if err == nil {
		err = os.Rename(u.Mark+".new", u.Mark)
	}
	if err != nil {
		return fmt.Errorf("keeping which units are frozen: %w", err)
	}
	return nil
}

func awaitFrozen(ctx context.Context, directory string) error {
	for {
		said, err := os.ReadFile(filepath.Join(directory, "cgroup.events"))
		if err != nil || bytes.Contains(said, []byte("frozen 1")) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("its processes did not stand still in time: see which of them waits for a disk")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// find is the directory of a unit's cgroup; "" if the unit does not run.
func (u *Units) find(name string) (found string, err error) {
	mounts, err := u.Guest.mounts()
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(mounts, func(m mounted) bool { return m.kind == "cgroup2" })
	if at < 0 {
		return "", errors.New("the guest has no cgroups of version 2 mounted")
	}
	root := u.Guest.path(mounts[at].point)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		below, _ := filepath.Rel(root, path)
		switch {
		case err != nil || !entry.IsDir():
			return nil // it ended just then
		case entry.Name() == "user.slice" || strings.Count(below, "/") >= unitDepth:
			return fs.SkipDir
		case isCgroupOf(path, name) && (found == "" || len(path) < len(found)): // another may be in a container
			found = path
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("looking for its cgroup: %w", err)
	}
	if found == "" {
		if !u.isInstalled(name) {
			return "", errors.New("the guest has no unit of that name")
		}
		return "", nil
	}
	if _, err := os.Stat(filepath.Join(found, "cgroup.freeze")); err != nil {
		return "", errors.New("the guest's kernel cannot freeze cgroups: that takes Linux 5.2")
	}
	if u.isOwn(strings.TrimPrefix(found, root)) {
		return "", errors.New("the guest program itself runs in it")
	}
	return found, nil
}

// isCgroupOf knows that systemd puts an underscore before names that the kernel has for its own files.
func isCgroupOf(directory, name string) bool {
	base := filepath.Base(directory)
	return base == name || base == "_"+name
}

func (u *Units) isInstalled(name string) bool {
	if prefix, instance, is := strings.Cut(name, "@"); is {
		name = prefix + "@" + filepath.Ext(instance)
	}
	return slices.ContainsFunc([]string{"/etc", "/run", "/usr/lib", "/lib"}, func(directory string) bool {
		_, err := os.Stat(u.Guest.path(filepath.Join(directory, "systemd/system", name)))
		return err == nil
	})
}

// isOwn is true of what the program itself is in.
func (u *Units) isOwn(cgroup string) bool {
	said, err := u.Guest.read("/proc/self/cgroup", 64<<10)
	if err != nil {
		return true // better none than one's own
	}
	for line := range bytes.Lines(said) {
		own, is := bytes.CutPrefix(bytes.TrimSpace(line), []byte("0::"))
		if is && (string(own) == cgroup || strings.HasPrefix(string(own), cgroup+"/")) {
			return true
		}
	}
	return false
}
