package archive

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// describe opens a file and says what it is like. It may be written all the time.
func (o *opened) describe(dir *beneath.Dir, path string, file **os.File) (st beneath.Stat, attributes []fingerprint.Xattr, err error) {
	if *file, err = dir.OpenRegular(path, unix.O_RDONLY, 0); err != nil {
		return st, nil, err
	}
	if st, err = dir.StatFile(*file); err == nil {
		attributes, err = fingerprint.AttributesOf(*file, o.tree.SELinux)
	}
	return st, attributes, err
}

// piece is how much is compared at a time, in bytes.
const piece = 128 << 10

// eachDifference calls differs for each piece of a file that another does not have, with where it belongs there.
func eachDifference(from, in *os.File, fromAt, inAt, length int64, differs func(content []byte, at int64) error) error {
	content, there := make([]byte, piece), make([]byte, piece)
	for length > 0 {
		n := int(min(length, piece))
		if _, err := from.ReadAt(content[:n], fromAt); err != nil {
			return fmt.Errorf("reading what is staged: %w", err)
		}
		have, _ := in.ReadAt(there[:n], inAt) // what cannot be read differs
		if have < n || !slices.Equal(content[:n], there[:n]) {
			if err := differs(content[:n], inAt); err != nil {
				return err
			}
		}
		fromAt, inAt, length = fromAt+int64(n), inAt+int64(n), length-int64(n)
	}
	return nil
}

// blocks is the size of what can be taken out of a file, found out by doing so.
func (w *work) blocks() (int64, error) {
	if w.block != 0 {
		return w.block, nil
	}
	const probe = asidePrefix + "probe"
	_ = w.tree.Stage.Unlink(probe)
	file, err := w.tree.Stage.OpenRegular(probe, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return 0, cannot("trying what the file system can do", err)
	}
	defer file.Close()
	defer func() { _ = w.tree.Stage.Unlink(probe) }()
	var system unix.Statfs_t
	if err = unix.Fstatfs(int(file.Fd()), &system); err == nil {
		err = unix.Fallocate(int(file.Fd()), 0, 0, 3*system.Bsize)
	}
	if err == nil {
		err = unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, system.Bsize, system.Bsize)
	}
	if err != nil {
		return 0, cannot("trying what the file system can do", err)
	}
	w.block = system.Bsize
	return w.block, nil
}
