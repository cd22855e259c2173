package freeze

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/sync"
)

const (
	// tries is how often a file is copied that moves meanwhile.
	tries = 5
	// reserve is what must stay free for writers, in bytes: a copy is never what fills their disk.
	reserve = 1 << 20
)

// copied copies a file aside. After an error there is no copy.
func (w *work) copied(ctx context.Context, path string, ino uint64, as string) (*Row, error) {
	for range tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row, err := w.attempt(ctx, path, ino, as)
		if err == nil {
			err = w.spend(row.Size + bytesOf(row.Xattrs)) // a clone may have more than the file had before
		}
		if err == nil {
			return row, nil
		}
		_ = w.Copies.Unlink(as)
		if !errors.Is(err, ErrMoves) {
			return nil, err
		}
	}
	return nil, ErrMoves
}

// attempt copies a file once: what it has is of one moment, or ErrMoves.
func (w *work) attempt(ctx context.Context, path string, ino uint64, as string) (*Row, error) {
	root := w.Rows.Root()
	file, err := root.OpenRegular(name(path), unix.O_RDONLY, 0)
	if gone(err) {
		return nil, ErrStale
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	seconds := time.Now().Unix()
	before, err := root.StatFile(file)
	if err != nil {
		return nil, err
	}
	if before.Ino != ino || w.Rows.Leaves(before) != "" {
		return nil, ErrStale
	}
	attributes, err := fingerprint.FileXattrs(file, w.Hashing.SELinux)
	if err != nil {
		return nil, err
	}
	if before.Size+bytesOf(attributes) > w.left {
		return nil, ErrTooLarge
	}
	to, err := w.create(as)
	if err != nil {
		return nil, full("making a copy", err)
	}
	defer to.Close()
	cloned, err := w.copy(ctx, file, to, before)
	if err != nil {
		return nil, err
	}
	after, err := root.StatFile(file)
	if err != nil {
		return nil, err
	}
	e := fingerprint.Entry{Path: path, Stat: before, Xattrs: attributes}
	still := fingerprint.Same(before, after)
	past := fingerprint.IsPast(before.Ctime, seconds)
	if !still {
		if err := w.onlyContent(file, before, after, attributes); err != nil {
			return nil, err
		}
	}
	switch {
	case cloned: // what a clone has is of one moment, and ends where the file did
		st, err := w.Copies.StatFile(to)
		if err != nil {
			return nil, err
		}
		e.Size = st.Size
	case still && past:
	case !still && !(after.Size > before.Size && w.isAppended(ctx, ino)):
		return nil, ErrMoves
	default:
		// A write in the tick of an earlier one moves no ctime, and who is found to append now may have written elsewhere before. What is the
		// same when it is read once more was there between the two.
		same, err := equal(ctx, file, to, before.Size)
		if err != nil {
			return nil, err
		}
		if !same {
			return nil, ErrMoves
		}
	}
	return &Row{Path: path, Frozen: sync.Frozen{Entry: e, In: w.Copies, Name: as}, Settled: still && past}, nil
}

// onlyContent is ErrMoves unless the file is the same one with another content.
func (w *work) onlyContent(file *os.File, before, after beneath.Stat, attributes []fingerprint.Xattr) error {
	same := before
	same.Size, same.Mtime, same.Ctime = after.Size, after.Mtime, after.Ctime
	if !fingerprint.Same(same, after) {
		return ErrMoves
	}
	now, err := fingerprint.FileXattrs(file, w.Hashing.SELinux)
	if err != nil {
		return err
	}
	if !slices.Equal(attributes, now) {
		return ErrMoves
	}
	return nil
}

func (w *work) create(as string) (*os.File, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL
	to, err := w.Copies.OpenRegular(as, flags, 0o600)
	if errors.Is(err, unix.EEXIST) { // of an earlier life of the program
		if err = w.Copies.Unlink(as); err == nil {
			to, err = w.Copies.OpenRegular(as, flags, 0o600)
		}
	}
	return to, err
}

// copy copies what a file has: by sharing its blocks where the file system can, which is done at one moment.
func (w *work) copy(ctx context.Context, from, to *os.File, st beneath.Stat) (cloned bool, err error) {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil {
		return true, nil
	}
	need, free := min(st.Blocks*512, st.Size+4095), int64(0)
	err = w.Copies.Control(func(fd int) error {
		var system unix.Statfs_t
		err := unix.Fstatfs(fd, &system)
		free = int64(system.Bavail)*system.Bsize - reserve
		return err
	})
	if err != nil {
		return false, fmt.Errorf("looking for room for a copy: %w", err)
	}
	if need > free {
		return false, fmt.Errorf("copying it aside: %w: %d bytes more are needed, %d are free", sync.ErrFull, need, max(0, free))
	}
	if err := sync.CopyFile(ctx, from, to, st.Size); err != nil {
		return false, full("copying it aside", err)
	}
	return false, nil
}

// isAppended is true if it is known that all who write to a file can only append.
func (w *work) isAppended(ctx context.Context, ino uint64) bool {
	if w.Appended == nil {
		return false
	}
	found, err := w.Appended(ctx, []uint64{ino})
	return err == nil && found[ino]
}

// equal compares the first bytes of two files.
func equal(ctx context.Context, a, b *os.File, size int64) (bool, error) {
	const piece = 256 << 10
	one, other := make([]byte, min(size, piece)), make([]byte, min(size, piece))
	for at := int64(0); at < size; at += piece {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n := min(piece, size-at)
		_, err := a.ReadAt(one[:n], at)
		if err == nil {
			_, err = b.ReadAt(other[:n], at)
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading it once more: %w", err)
		}
		if !bytes.Equal(one[:n], other[:n]) {
			return false, nil
		}
	}
	return true, nil
}
