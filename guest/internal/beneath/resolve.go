package beneath

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

	// The kernel takes less than this in one call; longer names are walked in pieces.
	pieceMost = 4000
	// openat2 says EAGAIN when something is renamed meanwhile; somebody who renames without end must not hold us.
	tries = 64
	// As the kernel's own limit.
	linksMost = 40
)

// check refuses what is no plain relative name.
func check(name string) error {
	if name == "." {
		return nil
	}
	if name == "" || name[0] == '/' {
		return ErrLeavesTree
	}
	for rest := name; ; {
		component, after, more := strings.Cut(rest, "/")
		switch {
		case component == "" || component == "." || component == "..":
			return ErrLeavesTree
		case len(component) > unix.NAME_MAX:
			return unix.ENAMETOOLONG
		case strings.IndexByte(component, 0) >= 0:
			return unix.EINVAL
		}
		if !more {
			return nil
		}
		rest = after
	}
}

// pin opens what a name is of with O_PATH: it is held, not opened, so neither a fifo nor a device can do harm. A link is held
// itself. Nothing mounted there is entered: ErrMount.
func (d *Dir) pin(name string) (int, error) { return d.pinned(name, false) }

// pinDirectory is pin for what must be a directory.
func (d *Dir) pinDirectory(name string) (int, error) { return d.pinned(name, true) }

func (d *Dir) pinned(name string, directory bool) (int, error) {
	if err := check(name); err != nil {
		return -1, err
	}
	at, err := d.hold()
	if err != nil {
		return -1, err
	}
	defer d.release()
	if name == "." {
		return again(func() (int, error) { return unix.Openat(at, ".", unix.O_PATH|unix.O_CLOEXEC, 0) })
	}
	step := d.lookup
	if d.kernel.NoOpenat2 {
		step = d.walk
	}
	held := -1
	for rest := name; ; {
		piece, after := split(rest)
		fd, err := step(at, piece, directory || after != "")
		if held >= 0 {
			closeFd(held)
		}
		if err != nil {
			return -1, err
		}
		if after == "" {
			return fd, nil
		}
		at, held, rest = fd, fd, after
	}
}

// split cuts off as many components as fit into one call.
func split(name string) (piece, after string) {
	if len(name) <= pieceMost {
		return name, ""
	}
	end := strings.LastIndexByte(name[:pieceMost], '/')
	return name[:end], name[end+1:]
}

// lookup asks the kernel for all components at once. A link at the end is held unless it must be a directory.
func (d *Dir) lookup(at int, piece string, directory bool) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: resolve}
	if directory {
		how.Flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	}
	fd, err := again(func() (int, error) { return unix.Openat2(at, piece, &how) })
	switch {
	case errors.Is(err, unix.ELOOP):
		return -1, ErrLink
	case errors.Is(err, unix.EXDEV):
		return -1, ErrMount
	}
	return fd, err
}

// walk goes one component after the other, for kernels without openat2. Each is held before it is looked at.
func (d *Dir) walk(at int, piece string, directory bool) (int, error) {
	held := -1
	for rest := piece; ; {
		component, after, further := strings.Cut(rest, "/")
		fd, err := again(func() (int, error) {
			return unix.Openat(at, component, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
		if held >= 0 {
			closeFd(held)
		}
		if err != nil {
			return -1, err
		}
		st, err := d.statFd(fd)
		switch {
		case err != nil:
		case d.elsewhere(st):
			err = ErrMount
		case (further || directory) && st.Type == 'l':
			err = ErrLink
		case (further || directory) && st.Type != 'd':
			err = unix.ENOTDIR
		}
		if err != nil {
			closeFd(fd)
			return -1, err
		}
		if !further {
			return fd, nil
		}
		at, held, rest = fd, fd, after
	}
}

// elsewhere is true for what is on another mount than the Dir.
func (d *Dir) elsewhere(st Stat) bool {
	if d.kernel.NoMountID {
		return st.Dev != d.mount.dev
	}
	return st.MountID != d.mount.id
}

// parent pins the directory that holds a name, for calls that take its last component only.
func (d *Dir) parent(name string) (fd int, last string, err error) {
	if err := check(name); err != nil {
		return -1, "", err
	}
	if name == "." {
		return -1, "", ErrLeavesTree
	}
	above, last := ".", name
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		above, last = name[:slash], name[slash+1:]
	}
	fd, err = d.pinDirectory(above)
	return fd, last, err
}

// trusted pins the directory at an absolute path. Links are followed where only root or who runs this could make them.
func trusted(path string) (int, error) {
	at, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	links := 0
	for rest := path; rest != ""; {
		component, after, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
		rest = after
		if component == "" {
			continue
		}
		fd, err := again(func() (int, error) {
			return unix.Openat(at, component, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			closeFd(at)
			return -1, err
		}
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			var target string
			if links++; links > linksMost {
				err = unix.ELOOP
			} else if err = trust(at, st, component); err == nil {
				target, err = readlink(fd, "")
			}
			closeFd(fd)
			if err != nil {
				closeFd(at)
				return -1, err
			}
			fd = at
			if strings.HasPrefix(target, "/") {
				if fd, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
					closeFd(at)
					return -1, err
				}
			}
			rest = strings.TrimRight(target, "/") + "/" + after
		}
		if fd != at {
			closeFd(at)
		}
		if err != nil {
			closeFd(fd)
			return -1, err
		}
		at = fd
	}
	return at, nil
}

func trust(above int, link unix.Stat_t, name string) error {
	var dir unix.Stat_t
	if err := unix.Fstat(above, &dir); err != nil {
		return err
	}
	mine := func(uid uint32) bool { return uid == 0 || int(uid) == unix.Geteuid() }
	if mine(link.Uid) && mine(dir.Uid) && (dir.Mode&0o022 == 0 || dir.Mode&unix.S_ISVTX != 0) {
		return nil
	}
	return fmt.Errorf("%w: %q can be changed by others than root; give the path that it leads to", ErrLink, name)
}

// again calls f until it is not interrupted, and a bounded number of times while the kernel says EAGAIN.
func again(f func() (int, error)) (int, error) {
	for left := tries; ; {
		fd, err := f()
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN) && left > 0:
			left--
		default:
			return -1, err
		}
	}
}

func ignoringInterrupts(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// closeFd lets go of an fd on which nothing was written, so that there is nothing to be told about.
func closeFd(fd int) { _ = unix.Close(fd) }

func failed(what, name string, err error) error {
	if len(name) > 300 {
		name = name[:150] + "..." + name[len(name)-150:]
	}
	return fmt.Errorf("%s %q: %w", what, name, err)
}
