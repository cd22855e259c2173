package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// heldFrom is the size from which a content is looked for among what the joiner has, in bytes.
	heldFrom = 1 << 10
	// heldMost bounds how many rows of one size are remembered for that, heldTries how many are looked at.
	heldMost  = 4096
	heldTries = 16
)

// basis is an old version of a file, of which blocks may be taken. A nil one may be closed and has no blocks.
type basis struct {
	file  *os.File
	size  int64
	block int64
}

func (b *basis) close() {
	if b != nil {
		_ = b.file.Close()
	}
}

// length is that of a run of blocks, if they are there.
func (b *basis) length(run pair) (int64, bool) {
	if b == nil || run.count == 0 {
		return 0, false
	}
	blocks := (b.size + b.block - 1) / b.block
	if run.first > blocks || run.count > blocks-run.first {
		return 0, false
	}
	return min(b.size, (run.first+run.count)*b.block) - run.first*b.block, true
}

// basis opens what a large file's content is compared with: what an earlier fetch had of it, or the old version.
func (s *stage) basis(i *item) *basis {
	if i.header.size < deltaFrom {
		return nil
	}
	f, err := s.tree.Stage.OpenRegular(s.names[i.at]+partial, unix.O_RDONLY, 0)
	if err != nil {
		if f, err = s.tree.Live.OpenRegular(inTree(i.path()), unix.O_RDONLY, 0); err != nil {
			return nil
		}
	}
	state, err := stateOf(f)
	blocks, each := blocksOf(state.size)
	if err != nil || blocks == 0 {
		_ = f.Close()
		return nil
	}
	return &basis{f, state.size, each}
}

// index remembers which of the joiner's rows have a wanted size.
func (s *stage) index() {
	s.held = map[int64][]Held{}
	if s.tree.Held == nil {
		return
	}
	for at, row := range s.tree.Rows {
		if row.Size >= heldFrom && !s.present[at] {
			s.held[row.Size] = nil
		}
	}
	for row := range s.tree.Held {
		if rows, wanted := s.held[row.Size]; wanted && len(rows) < heldMost {
			s.held[row.Size] = append(rows, row)
		}
	}
}

// mayHold tells whether it is worth to look.
func (s *stage) mayHold(h *header) bool { return len(s.held[h.size]) > 0 }

// copyHeld stages a row of a content that is there already. It returns the bytes, or -1 if there is none.
func (s *stage) copyHeld(ctx context.Context, i *item) (int64, error) {
	rows := s.held[i.header.size]
	tries := 0
	base := path.Base(i.path())
	for _, likely := range []func(Held) bool{
		func(h Held) bool { return h.Path == i.path() },
		func(h Held) bool { return h.Path != i.path() && path.Base(h.Path) == base },
		func(h Held) bool { return path.Base(h.Path) != base },
	} {
		for _, row := range rows {
			if !likely(row) {
				continue
			}
			if tries++; tries > heldTries {
				return -1, nil
			}
			if !s.holds(row, i.header) {
				continue
			}
			if same, err := s.copyFrom(ctx, row, i); err != nil || same {
				return i.header.size, err
			}
		}
	}
	return -1, nil
}

// holds tells whether a row has a content, without reading it: then its digest is that of its metadata with this content.
func (s *stage) holds(row Held, wanted *header) bool {
	h, _, err := s.tree.describe(s.tree.Live, row.Path, row.LinkTo)
	if err != nil || h.kind != 'f' || h.size != wanted.size {
		return false
	}
	h.content = wanted.content
	return s.tree.digest(h) == row.Digest
}

// copyFrom copies a file into the stage and reads the copy; false if it is not the content after all.
func (s *stage) copyFrom(ctx context.Context, row Held, i *item) (bool, error) {
	from, err := s.tree.Live.OpenRegular(row.Path, unix.O_RDONLY, 0)
	if err != nil {
		return false, nil // it went meanwhile
	}
	defer from.Close()
	to, err := s.create(i)
	if err != nil {
		return false, err
	}
	defer to.Close()
	if err := CopyFile(ctx, from, to, i.header.size); err != nil {
		return false, local(fmt.Sprintf("copying %q to the stage", row.Path), err)
	}
	var content [32]byte
	if err := hashFile(ctx, to, i.header.size, content[:0]); err != nil {
		return false, err
	}
	if !bytes.Equal(content[:], i.header.content[:]) {
		return false, nil
	}
	return true, s.complete(i, to)
}

// CopyFile copies so many bytes, holes as holes: the blocks are shared if the file system can, else the kernel copies.
func CopyFile(ctx context.Context, from, to *os.File, size int64) error {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil {
		return to.Truncate(size)
	}
	err := segments(from, size, func(at, length int64) error {
		return copyRange(ctx, from, to, at, length)
	}, func(_, _ int64) error { return ctx.Err() })
	if err != nil {
		return err
	}
	return to.Truncate(size)
}

func copyRange(ctx context.Context, from, to *os.File, at, length int64) error {
	for length > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, out := at, at
		n, err := unix.CopyFileRange(int(from.Fd()), &in, int(to.Fd()), &out, int(min(length, 16<<20)), 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if slices.ContainsFunc([]error{unix.ENOSYS, unix.EXDEV, unix.EINVAL, unix.EOPNOTSUPP}, func(e error) bool { return errors.Is(err, e) }) {
			_, err := io.Copy(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, length))
			return err
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return nil // it was cut meanwhile: the hash will tell
		}
		at, length = at+int64(n), length-int64(n)
	}
	return nil
}
