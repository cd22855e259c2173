package beneath

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Readlink reads a symbolic link; unix.EINVAL if it is none.
func (d *Dir) Readlink(name string) (string, error) {
	fd, last, err := d.parent(name)
	if err != nil {
		return "", failed("reading the link", name, err)
	}
	defer closeFd(fd)
	target, err := readlink(fd, last)
	if err != nil {
		return "", failed("reading the link", name, err)
	}
	return target, nil
}

// OpenRegular opens a regular file; with unix.O_CREAT it makes one of the given permissions (less the umask) if the name is
// free. Whatever else the name is of gives ErrNotRegular or ErrLink at once and is not opened: opening a device can have
// effects. The file is non-blocking in so far as ErrBusy says that somebody holds a lease on it (the kernel asks them for it;
// try again later).
func (d *Dir) OpenRegular(name string, flags int, perm uint32) (*os.File, error) {
	fd, err := d.openRegular(name, flags&^(unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_PATH), perm)
	if errors.Is(err, unix.EAGAIN) {
		err = ErrBusy
	}
	if err != nil {
		return nil, failed("opening", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (d *Dir) openRegular(name string, flags int, perm uint32) (int, error) {
	flags |= unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	for left := tries; ; left-- {
		if flags&unix.O_CREAT != 0 {
			fd, err := d.create(name, flags, perm)
			if !errors.Is(err, unix.EEXIST) || flags&unix.O_EXCL != 0 {
				return fd, err
			}
		}
		fd, err := d.reopen(name, flags&^(unix.O_CREAT|unix.O_EXCL))
		if !errors.Is(err, unix.ENOENT) || flags&unix.O_CREAT == 0 || left == 0 {
			return fd, err
		}
	}
}

// create makes a file that was not there: with O_EXCL nothing that was can be opened.
func (d *Dir) create(name string, flags int, perm uint32) (int, error) {
	at, last, err := d.parent(name)
	if err != nil {
		return -1, err
	}
	defer closeFd(at)
	return again(func() (int, error) { return unix.Openat(at, last, flags|unix.O_EXCL|unix.O_NOFOLLOW, perm) })
}

// reopen pins what is there, makes sure that it is a file, and opens exactly that.
func (d *Dir) reopen(name string, flags int) (int, error) {
	pinned, err := d.pin(name)
	if err != nil {
		return -1, err
	}
	defer closeFd(pinned)
	st, err := d.statFd(pinned)
	switch {
	case err != nil:
		return -1, err
	case st.Type == 'l':
		return -1, ErrLink
	case st.Type != 'f':
		return -1, ErrNotRegular
	}
	return again(func() (int, error) { return unix.Open(proc(pinned), flags, 0) })
}

// proc is a path to exactly what an fd holds, for calls that take no fd of O_PATH.
func proc(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// Entries yields the directory's names but "." and "..", with their types as find's %y (0 where the file system does not
// say), in the file system's order and with a bounded buffer. The name is valid during the call only. What yield returns ends
// it, as does the context. Many may read at once.
func (d *Dir) Entries(ctx context.Context, yield func(name []byte, typ byte) error) error {
	at, err := d.hold()
	if err != nil {
		return failed("listing", ".", err)
	}
	fd, err := again(func() (int, error) { return unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	d.release()
	if err != nil {
		return failed("listing", ".", err)
	}
	defer closeFd(fd)
	pooled := listings.Get().(*[listing]byte)
	defer listings.Put(pooled)
	buffer := pooled[:]
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := again(func() (int, error) { return unix.Getdents(fd, buffer) })
		if errors.Is(err, unix.ENOENT) { // removed meanwhile
			return nil
		}
		if err != nil {
			return failed("listing", ".", err)
		}
		if n == 0 {
			return nil
		}
		if err := eachEntry(buffer[:n], yield); err != nil {
			return err
		}
	}
}

const listing = 32 << 10

// listings are the buffers of the directories that are being listed.
var listings = sync.Pool{New: func() any { return new([listing]byte) }}

var types = [16]byte{unix.DT_FIFO: 'p', unix.DT_CHR: 'c', unix.DT_DIR: 'd', unix.DT_BLK: 'b', unix.DT_REG: 'f', unix.DT_LNK: 'l', unix.DT_SOCK: 's'}

// eachEntry reads struct linux_dirent64: inode (8), offset (8), length (2), type (1), name with a NUL.
func eachEntry(buffer []byte, yield func(name []byte, typ byte) error) error {
	const header = 19
	for len(buffer) > header {
		length := int(binary.NativeEndian.Uint16(buffer[16:]))
		if length <= header || length > len(buffer) {
			return errors.New("the kernel's listing makes no sense")
		}
		name := buffer[header:length]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if string(name) != "." && string(name) != ".." {
			if err := yield(name, types[buffer[18]&15]); err != nil {
				return err
			}
		}
		buffer = buffer[length:]
	}
	return nil
}
