package beneath

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Stat is what the file system says of a name, without following it.
type Stat struct {
	Type      byte   // as find's %y: f d l p s b c
	Mode      uint32 // permission bits with set-id and sticky
	UID, GID  uint32
	Size      int64 // bytes
	Ino       uint64
	Nlink     uint32
	Mtime     int64 // nanoseconds since 1970
	Ctime     int64 // the same
	Dev, Rdev uint64
	MountID   uint64 // 0 where the kernel does not say
	Blocks    int64  // of 512 bytes
	Immutable bool   // or append-only: not to be changed by anybody
}

// Stat looks at a name and follows nothing. Where something is mounted it says what the mounted root is like, with its
// MountID, and does not wait for a file system of a network or of a user.
func (d *Dir) Stat(name string) (Stat, error) {
	if name == "." {
		var st Stat
		err := d.Control(func(fd int) (err error) {
			st, err = d.statFd(fd)
			return err
		})
		if err != nil {
			return Stat{}, failed("looking at", name, err)
		}
		return st, nil
	}
	if err := check(name); err != nil {
		return Stat{}, failed("looking at", name, err)
	}
	if single(name) {
		fd, err := d.hold()
		if err != nil {
			return Stat{}, failed("looking at", name, err)
		}
		defer d.release()
		return d.statNamed(fd, name, name)
	}
	fd, last, err := d.parent(name)
	if err != nil {
		return Stat{}, failed("looking at", name, err)
	}
	defer closeFd(fd)
	return d.statNamed(fd, last, name)
}

func single(name string) bool {
	for i := range len(name) {
		if name[i] == '/' {
			return false
		}
	}
	return true
}

func (d *Dir) statNamed(fd int, last, name string) (Stat, error) {
	st, err := d.statAt(fd, last, 0)
	if err != nil {
		return Stat{}, failed("looking at", name, err)
	}
	return st, nil
}

// Elsewhere is true if something found in this directory is on another mount, so that it is only a mount point here.
func (d *Dir) Elsewhere(st Stat) bool { return d.elsewhere(st) }

func (d *Dir) statFd(fd int) (Stat, error) { return d.statAt(fd, "", unix.AT_EMPTY_PATH) }

func (d *Dir) statAt(fd int, name string, flags int) (Stat, error) {
	if d.kernel.NoStatx {
		return fstatAt(fd, name, flags)
	}
	flags |= unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if d.cached {
		flags |= unix.AT_STATX_DONT_SYNC
	}
	var x unix.Statx_t
	err := ignoringInterrupts(func() error {
		return unix.Statx(fd, name, flags, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &x)
	})
	if err != nil {
		return Stat{}, err
	}
	st := Stat{
		Type: letter(uint32(x.Mode)), Mode: uint32(x.Mode) & 0o7777,
		UID: x.Uid, GID: x.Gid, Size: int64(x.Size), Ino: x.Ino, Nlink: x.Nlink,
		Mtime: x.Mtime.Sec*1e9 + int64(x.Mtime.Nsec), Ctime: x.Ctime.Sec*1e9 + int64(x.Ctime.Nsec),
		Dev: unix.Mkdev(x.Dev_major, x.Dev_minor), Rdev: unix.Mkdev(x.Rdev_major, x.Rdev_minor), Blocks: int64(x.Blocks),
		Immutable: x.Attributes&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0,
	}
	if x.Mask&unix.STATX_MNT_ID != 0 && !d.kernel.NoMountID {
		st.MountID = x.Mnt_id
	}
	return st, nil
}

// fstatAt is for kernels without statx. The immutable flag needs the file itself.
func fstatAt(fd int, name string, flags int) (Stat, error) {
	var s unix.Stat_t
	var err error
	if name == "" {
		err = ignoringInterrupts(func() error { return unix.Fstat(fd, &s) })
	} else {
		err = ignoringInterrupts(func() error { return unix.Fstatat(fd, name, &s, flags|unix.AT_SYMLINK_NOFOLLOW) })
	}
	if err != nil {
		return Stat{}, err
	}
	st := Stat{
		Type: letter(s.Mode), Mode: s.Mode & 0o7777, UID: s.Uid, GID: s.Gid, Size: s.Size, Ino: s.Ino, Nlink: uint32(s.Nlink),
		Mtime: s.Mtim.Nano(), Ctime: s.Ctim.Nano(), Dev: s.Dev, Rdev: s.Rdev, Blocks: s.Blocks,
	}
	if name != "" && (st.Type == 'f' || st.Type == 'd') {
		st.Immutable = immutable(fd, name, s)
	}
	return st, nil
}

func immutable(at int, name string, expected unix.Stat_t) bool {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer closeFd(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil || s.Ino != expected.Ino || s.Dev != expected.Dev {
		return false
	}
	flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0 // the same bits
}

func letter(mode uint32) byte {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 'f'
	case unix.S_IFDIR:
		return 'd'
	case unix.S_IFLNK:
		return 'l'
	case unix.S_IFIFO:
		return 'p'
	case unix.S_IFSOCK:
		return 's'
	case unix.S_IFBLK:
		return 'b'
	case unix.S_IFCHR:
		return 'c'
	}
	return '?'
}

// remote is true for file systems whose metadata others change behind this kernel's back.
func remote(magic int64) bool {
	switch uint32(magic) {
	case 0x6969, 0x65735546, 0xff534d42, 0xfe534d42, 0x00c36400, 0x01021997, 0x5346414f, 0x0bd00bd0, 0x01161970, 0x7461636f:
		return true // nfs, fuse, cifs, smb2, ceph, 9p, afs, lustre, gfs2, ocfs2
	}
	return false
}

// readlink reads the link that an fd holds (name "") or that is in it.
func readlink(fd int, name string) (string, error) {
	for size := 256; ; size *= 2 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(fd, name, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return "", err
		case n < size || size > 1<<16:
			return string(buffer[:n]), nil
		}
	}
}

// StatFile looks at a file that was opened in this tree.
func (d *Dir) StatFile(file *os.File) (Stat, error) {
	st, err := d.statFd(int(file.Fd()))
	if err != nil {
		return Stat{}, failed("looking at", file.Name(), err)
	}
	return st, nil
}
