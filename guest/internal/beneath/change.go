package beneath

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// in does something with the last component of a name in the directory that holds it.
func (d *Dir) in(what, name string, do func(fd int, last string) error) error {
	fd, last, err := d.parent(name)
	if err != nil {
		return failed(what, name, err)
	}
	defer closeFd(fd)
	if err := ignoringInterrupts(func() error { return do(fd, last) }); err != nil {
		return failed(what, name, err)
	}
	return nil
}

// Mkdir makes a directory with the given permissions, less the umask.
func (d *Dir) Mkdir(name string, perm uint32) error {
	return d.in("making the directory", name, func(fd int, last string) error { return unix.Mkdirat(fd, last, perm) })
}

// Symlink makes a symbolic link; its target is not looked at.
func (d *Dir) Symlink(target, name string) error {
	return d.in("making the link", name, func(fd int, last string) error { return unix.Symlinkat(target, fd, last) })
}

// Mkfifo makes a fifo with the given permissions, less the umask.
func (d *Dir) Mkfifo(name string, perm uint32) error {
	return d.in("making the fifo", name, func(fd int, last string) error { return unix.Mknodat(fd, last, unix.S_IFIFO|perm, 0) })
}

// Mknod makes a fifo, socket or device: typ is one of p s b c, perm its permissions less the umask, dev as Stat.Rdev.
func (d *Dir) Mknod(name string, typ byte, perm uint32, dev uint64) error {
	kind, known := map[byte]uint32{'p': unix.S_IFIFO, 's': unix.S_IFSOCK, 'b': unix.S_IFBLK, 'c': unix.S_IFCHR}[typ]
	if !known {
		return failed("making the special file", name, unix.EINVAL)
	}
	return d.in("making the special file", name, func(fd int, last string) error {
		return unix.Mknodat(fd, last, kind|perm&0o7777, int(dev))
	})
}

// Link gives what name is of (a link itself, too) another name in another directory.
func (d *Dir) Link(name string, to *Dir, toName string) error {
	return d.in("linking", name, func(fd int, last string) error {
		toFd, toLast, err := to.parent(toName)
		if err != nil {
			return failed("linking to", toName, err)
		}
		defer closeFd(toFd)
		return unix.Linkat(fd, last, toFd, toLast, 0)
	})
}

// Rename moves a name into another directory. Flags are unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE or 0.
func (d *Dir) Rename(name string, to *Dir, toName string, flags uint) error {
	return d.in("renaming", name, func(fd int, last string) error {
		toFd, toLast, err := to.parent(toName)
		if err != nil {
			return failed("renaming to", toName, err)
		}
		defer closeFd(toFd)
		if flags == 0 {
			return unix.Renameat(fd, last, toFd, toLast)
		}
		return unix.Renameat2(fd, last, toFd, toLast, flags)
	})
}

// Unlink removes a name that is not a directory's.
func (d *Dir) Unlink(name string) error {
	return d.in("removing", name, func(fd int, last string) error { return unix.Unlinkat(fd, last, 0) })
}

// Rmdir removes an empty directory.
func (d *Dir) Rmdir(name string) error {
	return d.in("removing the directory", name, func(fd int, last string) error { return unix.Unlinkat(fd, last, unix.AT_REMOVEDIR) })
}

// on does something with exactly what a name is of, which is not on another mount.
func (d *Dir) on(what, name string, do func(fd int) error) error {
	fd, err := d.pin(name)
	if err != nil {
		return failed(what, name, err)
	}
	defer closeFd(fd)
	if err := ignoringInterrupts(func() error { return do(fd) }); err != nil {
		return failed(what, name, err)
	}
	return nil
}

// Chmod sets permission bits with set-id and sticky. A symbolic link has none: ErrLink.
func (d *Dir) Chmod(name string, mode uint32) error {
	return d.on("setting the mode of", name, func(fd int) error {
		st, err := d.statFd(fd)
		if err != nil {
			return err
		}
		if st.Type == 'l' {
			return ErrLink
		}
		return unix.Chmod(proc(fd), mode&0o7777)
	})
}

// Chown sets numeric owners, of a link its own. It clears set-id bits and security.capability of files.
func (d *Dir) Chown(name string, uid, gid uint32) error {
	return d.on("setting the owner of", name, func(fd int) error {
		return unix.Fchownat(fd, "", int(int32(uid)), int(int32(gid)), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
	})
}

// Utimes sets the time of the last change of content, in nanoseconds since 1970; that of the last access is left.
func (d *Dir) Utimes(name string, mtime int64) error {
	sec := mtime / 1e9
	if mtime%1e9 < 0 {
		sec--
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: sec, Nsec: mtime - sec*1e9}}
	return d.on("setting the time of", name, func(fd int) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, proc(fd), times, 0)
	})
}

const (
	// The kernel's own limits of an extended attribute's value and of the list of names.
	valueMost = 64 << 10
	namesMost = 64 << 10
)

// ListXattrs says the names of the extended attributes, sorted; none where the file system has no such thing.
func (d *Dir) ListXattrs(name string) ([]string, error) {
	var names []string
	err := d.on("listing the attributes of", name, func(fd int) error {
		var err error
		names, err = attributes(func(buffer []byte) (int, error) { return unix.Listxattr(proc(fd), buffer) })
		return err
	})
	return names, err
}

func attributes(list func([]byte) (int, error)) ([]string, error) {
	found, err := sized(namesMost, list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	var names []string
	for _, attribute := range strings.Split(string(found), "\x00") {
		if attribute != "" {
			names = append(names, attribute)
		}
	}
	slices.Sort(names)
	return names, err
}

// FileXattrs is ListXattrs of an open file.
func FileXattrs(file *os.File) ([]string, error) {
	names, err := attributes(func(buffer []byte) (int, error) { return unix.Flistxattr(int(file.Fd()), buffer) })
	if err != nil {
		return nil, failed("listing the attributes of", file.Name(), err)
	}
	return names, nil
}

// FileXattr is GetXattr of an open file.
func FileXattr(file *os.File, attribute string) ([]byte, error) {
	value, err := sized(valueMost, func(buffer []byte) (int, error) { return unix.Fgetxattr(int(file.Fd()), attribute, buffer) })
	if err != nil {
		return nil, failed("reading attribute "+attribute+" of", file.Name(), err)
	}
	return value, nil
}

// GetXattr reads an extended attribute; unix.ENODATA if there is none of that name.
func (d *Dir) GetXattr(name, attribute string) ([]byte, error) {
	var value []byte
	err := d.on("reading attribute "+attribute+" of", name, func(fd int) (err error) {
		value, err = sized(valueMost, func(buffer []byte) (int, error) { return unix.Getxattr(proc(fd), attribute, buffer) })
		return err
	})
	return value, err
}

// SetXattr sets an extended attribute, whether or not there is one.
func (d *Dir) SetXattr(name, attribute string, value []byte) error {
	return d.on("setting attribute "+attribute+" of", name, func(fd int) error {
		return unix.Setxattr(proc(fd), attribute, value, 0)
	})
}

// RemoveXattr removes an extended attribute; unix.ENODATA if there is none of that name.
func (d *Dir) RemoveXattr(name, attribute string) error {
	return d.on("removing attribute "+attribute+" of", name, func(fd int) error {
		return unix.Removexattr(proc(fd), attribute)
	})
}

// sized reads something whose size is not known before.
func sized(most int, read func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size = min(most, size*4) {
		buffer := make([]byte, size)
		n, err := read(buffer)
		switch {
		case err == nil:
			return buffer[:n], nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ERANGE) && size < most:
		default:
			return nil, err
		}
	}
}
