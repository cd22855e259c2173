package sync

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// Hashing is what makes digests of rows. Immutable.
type Hashing struct {
	Key     fingerprint.Key
	SELinux bool // security.selinux is part of the state
}

// digest is that of the row that a header describes.
func (j Hashing) digest(h *header) fingerprint.Digest {
	e := fingerprint.Entry{Target: h.target, LinkTo: h.linkTo}
	e.Type, e.Mode, e.UID, e.GID, e.Size, e.Rdev = h.kind, h.mode, h.uid, h.gid, h.size, h.rdev
	for _, x := range h.xattrs {
		e.Xattrs = append(e.Xattrs, fingerprint.Xattr{Name: x.name, Value: x.value})
	}
	content := e.Content()
	if h.kind == 'f' {
		content = hex.EncodeToString(h.content[:])
	}
	return j.Key.Row(e, content)
}

// inTree is a path as beneath takes it: the root's is "".
func inTree(path string) string {
	if path == "" {
		return "."
	}
	return path
}

// describe reads what a row is but its content.
func (j Hashing) describe(dir *beneath.Dir, path, linkTo string) (*header, beneath.Stat, error) {
	e, err := fingerprint.Describe(dir, inTree(path), j.SELinux)
	if err != nil {
		return nil, e.Stat, err
	}
	e.LinkTo = linkTo
	h, err := headerOf(e)
	return h, e.Stat, err
}

// headerOf is what is said of an entry, but its content.
func headerOf(e fingerprint.Entry) (*header, error) {
	h := &header{kind: e.Type, mode: e.Mode, uid: e.UID, gid: e.GID, mtime: e.Mtime, target: e.Target, linkTo: e.LinkTo}
	switch e.Type {
	case 'f':
		h.size, h.allocated = e.Size, e.Blocks*512
	case 'b', 'c':
		h.rdev = e.Rdev
	}
	bytes := 0
	for _, x := range e.Xattrs {
		h.xattrs = append(h.xattrs, xattr{x.Name, x.Value})
		bytes += len(x.Name) + len(x.Value) + 8
	}
	if bytes > maxXattrs {
		return nil, fmt.Errorf("its extended attributes have more than %d bytes", maxXattrs)
	}
	return h, nil
}

// look makes the header of a frozen row: nothing in the tree is looked at.
func (f *Frozen) look(tree *Served, listed *Listed) (*header, *pending, error) {
	h, err := headerOf(f.Entry)
	if err != nil {
		return nil, nil, err
	}
	h.content = f.Content
	if tree.digest(h) != listed.Digest {
		return nil, nil, errMoved
	}
	if h.kind != 'f' {
		return h, nil, nil
	}
	h.allocated = f.Allocated
	copied, err := f.In.OpenRegular(f.Name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("what was frozen of it is not kept any more: %w", err)
	}
	defer copied.Close()
	p := &pending{in: f.In, path: f.Name}
	if p.state, err = stateOf(copied); err == nil && p.state.size != h.size {
		err = errMoved
	}
	return h, p, err
}

// fileState is what an open file must still be for its content to be the one that was hashed.
type fileState struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func stateOf(f *os.File) (fileState, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fileState{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return fileState{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}, nil
}

// segments calls data and hole for the parts of a file, in order, up to its size.
func segments(f *os.File, size int64, data, hole func(from, length int64) error) error {
	fd := int(f.Fd())
	for at := int64(0); at < size; {
		from, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return hole(at, size-at)
		}
		if err != nil { // the file system knows of no holes
			return data(at, size-at)
		}
		from = min(from, size)
		if from > at {
			if err := hole(at, from-at); err != nil {
				return err
			}
		}
		if from == size {
			return nil
		}
		to, err := unix.Seek(fd, from, unix.SEEK_HOLE)
		if err != nil {
			return fmt.Errorf("looking for holes in %s: %w", f.Name(), err)
		}
		to = min(to, size)
		if err := data(from, to-from); err != nil {
			return err
		}
		at = to
	}
	return nil
}
