// Package beneath opens directories and does everything relative to them: through no link, over no mount, and without ever
// blocking on what somebody put there. Whoever owns a tree can move and swap what is in it at any time, so a name is looked
// up once and what was found is held open; nothing is checked by name and then used by name.
package beneath

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotRegular means that a name is of something else than a regular file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrLeavesTree means that a name would lead out of its directory: it is empty, absolute, or has "..".
	ErrLeavesTree = errors.New("the name leads out of the tree")
	// ErrLink means that a symbolic link stands where none is followed.
	ErrLink = errors.New("a symbolic link is in the way")
	// ErrMount means that another file system, or the same one again, is mounted at the name or above it.
	ErrMount = errors.New("another file system is mounted there")
	// ErrBusy means that another program holds a lease on a file and did not give it up yet.
	ErrBusy = errors.New("another program holds a lease on the file")
)

// Kernel says what an older kernel lacks, so that tests can force the ways around. The zero value is today's kernel; what
// this one lacks in fact is found out by itself.
type Kernel struct {
	NoOpenat2 bool // before 5.6: names are walked component by component
	NoMountID bool // before 5.8: mounts are told apart by their device number, so a bind mount of the same device is not seen
	NoStatx   bool // before 4.11; implies NoMountID
}

// Dir is an open directory. It may be used by many goroutines at once; names are relative, of any bytes and any length. "."
// is the directory itself; "", "..", empty components and absolute names are refused with ErrLeavesTree.
type Dir struct {
	mu     sync.Mutex
	fd     int
	users  int // calls under way, and one for being open
	closed bool

	kernel Kernel
	cached bool // statx may answer from memory: the file system is no network's, and a hanging one mounted below must not block
	mount  mountKey
}

// mountKey tells mounts apart as well as the kernel can.
type mountKey struct{ id, dev uint64 }

// Open opens a directory by the absolute path that an administrator gave. Links in it are followed only where root (or who
// runs this) made them in a directory that nobody else can write to: otherwise the owner of a directory above the tree could
// lead root elsewhere.
func Open(path string) (*Dir, error) { return OpenOn(path, Kernel{}) }

// OpenOn is Open as if the kernel lacked something.
func OpenOn(path string, kernel Kernel) (*Dir, error) {
	if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
		return nil, fmt.Errorf("opening %q: %w", path, errors.New("not an absolute path"))
	}
	kernel = kernel.found()
	fd, err := trusted(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	defer closeFd(fd)
	dir, err := adopt(fd, kernel)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return dir, nil
}

// adopt makes a readable Dir of an O_PATH fd of a directory, which stays the caller's, with a mount of its own.
func adopt(path int, kernel Kernel) (*Dir, error) {
	fd, err := again(func() (int, error) {
		return unix.Openat(path, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	dir := &Dir{fd: fd, users: 1, kernel: kernel}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		closeFd(fd)
		return nil, fmt.Errorf("asking for its file system: %w", err)
	}
	dir.cached = !remote(int64(fs.Type))
	st, err := dir.statFd(fd)
	if err != nil {
		closeFd(fd)
		return nil, err
	}
	dir.mount = mountKey{st.MountID, st.Dev}
	if kernel.NoMountID {
		dir.mount.id = 0
	}
	return dir, nil
}

// found adds what this kernel lacks in fact.
func (k Kernel) found() Kernel {
	if k.NoStatx {
		k.NoMountID = true
	}
	if !k.NoOpenat2 {
		fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve &^ unix.RESOLVE_BENEATH})
		if err != nil {
			k.NoOpenat2 = true
		} else {
			closeFd(fd)
		}
	}
	if !k.NoMountID {
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, "/", unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st)
		k.NoStatx = k.NoStatx || err != nil
		k.NoMountID = err != nil || st.Mask&unix.STATX_MNT_ID == 0
	}
	return k
}

// Features names what this kernel has of what makes resolving fast and sure.
func Features() []string {
	found := Kernel{}.found()
	var features []string
	for name, lacking := range map[string]bool{"openat2": found.NoOpenat2, "statx": found.NoStatx, "mount-id": found.NoMountID} {
		if !lacking {
			features = append(features, name)
		}
	}
	slices.Sort(features)
	return features
}

// Close lets go of the directory, once calls under way have ended. Further calls fail. Closing twice is no error.
func (d *Dir) Close() error {
	d.mu.Lock()
	already := d.closed
	d.closed = true
	d.mu.Unlock()
	if !already {
		d.release()
	}
	return nil
}

// hold gives the fd until release.
func (d *Dir) hold() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return -1, unix.EBADF
	}
	d.users++
	return d.fd, nil
}

func (d *Dir) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users--
	if d.users == 0 {
		closeFd(d.fd)
		d.fd = -1
	}
}

// Sub opens a directory below. ErrLink, ErrMount, unix.ENOTDIR or unix.ENOENT say why not.
func (d *Dir) Sub(name string) (*Dir, error) {
	pinned, err := d.pinDirectory(name)
	if err != nil {
		return nil, failed("opening the directory", name, err)
	}
	defer closeFd(pinned)
	fd, err := again(func() (int, error) {
		return unix.Openat(pinned, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, failed("opening the directory", name, err)
	}
	return &Dir{fd: fd, users: 1, kernel: d.kernel, cached: d.cached, mount: d.mount}, nil
}

// MountPoint opens the directory at which the file system of this one is mounted: this one itself, or one above it.
func (d *Dir) MountPoint() (*Dir, error) {
	fd, err := d.hold()
	if err != nil {
		return nil, err
	}
	defer d.release()
	at, err := again(func() (int, error) {
		return unix.Openat(fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the mount point: %w", err)
	}
	defer func() { closeFd(at) }()
	for {
		up, err := again(func() (int, error) {
			return unix.Openat(at, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			return nil, fmt.Errorf("looking for the mount point: %w", err)
		}
		here, err := d.statFd(at)
		var above Stat
		if err == nil {
			above, err = d.statFd(up)
		}
		if err != nil {
			closeFd(up)
			return nil, fmt.Errorf("looking for the mount point: %w", err)
		}
		if d.elsewhere(above) || here.Ino == above.Ino && here.Dev == above.Dev {
			closeFd(up)
			return adopt(at, d.kernel)
		}
		closeFd(at)
		at = up
	}
}

// Sync makes the directory itself, with its names, durable.
func (d *Dir) Sync() error {
	fd, err := d.hold()
	if err != nil {
		return err
	}
	defer d.release()
	return ignoringInterrupts(func() error { return unix.Fsync(fd) })
}

// SyncFileSystem makes all of the directory's file system durable. It can take long; errors of writing back that nobody saw
// yet are told from kernel 5.8 on.
func (d *Dir) SyncFileSystem() error {
	fd, err := d.hold()
	if err != nil {
		return err
	}
	defer d.release()
	return unix.Syncfs(fd)
}

// Control calls f with the fd, which stays valid until f returns; f must not close it.
func (d *Dir) Control(f func(fd int) error) error {
	fd, err := d.hold()
	if err != nil {
		return err
	}
	defer d.release()
	return f(fd)
}
