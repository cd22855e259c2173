package fingerprint

import (
	"fmt"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// FileSystem is what a tree lies on.
type FileSystem struct {
	Name string // as in /proc/filesystems, else its magic number

	// InMemory is true where nothing can rot and a store through a mapping moves no ctime: a difference there is a write.
	InMemory bool

	// Direct is true where a file opened with O_DIRECT is really read past the page cache.
	Direct bool
}

// isFine is true for one that is known to keep ctimes in nanoseconds, by the clock of this machine.
func (s FileSystem) isFine() bool { return s.Direct || s.InMemory || s.Name == "btrfs" }

// FileSystemOf looks at an open directory.
func FileSystemOf(dir *beneath.Dir) (FileSystem, error) {
	var st unix.Statfs_t
	err := dir.Control(func(fd int) error { return unix.Fstatfs(fd, &st) })
	if err != nil {
		return FileSystem{}, fmt.Errorf("asking for the file system: %w", err)
	}
	switch uint32(st.Type) {
	case unix.TMPFS_MAGIC:
		return FileSystem{Name: "tmpfs", InMemory: true}, nil
	case unix.RAMFS_MAGIC:
		return FileSystem{Name: "ramfs", InMemory: true}, nil
	case unix.EXT4_SUPER_MAGIC:
		return FileSystem{Name: "ext4", Direct: true}, nil // ext2 and ext3 have the same number
	case unix.XFS_SUPER_MAGIC:
		return FileSystem{Name: "xfs", Direct: true}, nil
	case unix.BTRFS_SUPER_MAGIC:
		return FileSystem{Name: "btrfs"}, nil // compressed extents are read through the cache whatever one asks for
	case unix.OVERLAYFS_SUPER_MAGIC:
		return FileSystem{Name: "overlay"}, nil
	case unix.NFS_SUPER_MAGIC:
		return FileSystem{Name: "nfs"}, nil
	case unix.FUSE_SUPER_MAGIC:
		return FileSystem{Name: "fuse"}, nil
	}
	return FileSystem{Name: fmt.Sprintf("%#x", uint32(st.Type))}, nil
}
