package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

const (
	// heldFrom is the size from which a content is looked for among what the joiner has, in bytes.
	heldFrom = 1 << 10
	// heldMost bounds how many rows of one size are considered for that, heldTries how many are looked at.
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

// source is where a content may be copied from: a row of the joiner's, or one that is staged already.
type source struct {
	dir        *beneath.Dir
	name, path string
	hashing    Hashing
	row        *Held // nil for what is staged
}

// sources yields what may have a content, the likeliest first: what is staged, then rows of the same size: with the same digest, the same
// path's, those of the same name, and others.
func (t *transfer) sources(i *item, staged *item) iter.Seq[source] {
	return func(yield func(source) bool) {
		if staged != nil {
			s := staged.stage
			if !yield(source{dir: s.tree.Stage, name: s.names[staged.at], path: staged.path()}) {
				return
			}
		}
		own := func(s *stage) int {
			if s == i.stage {
				return 0
			}
			return 1
		}
		stages := slices.SortedStableFunc(slices.Values(t.stages), func(x, y *stage) int { return own(x) - own(y) })
		base, digest := path.Base(i.path()), i.wanted().Digest
		for class, likely := range []func(s *stage, h *Held) bool{
			func(_ *stage, h *Held) bool { return h.Digest == digest },
			func(s *stage, h *Held) bool { return s == i.stage && h.Path == i.path() },
			func(s *stage, h *Held) bool { return (s != i.stage || h.Path != i.path()) && path.Base(h.Path) == base },
			func(_ *stage, h *Held) bool { return path.Base(h.Path) != base },
		} {
			for _, s := range stages {
				if s.tree.Held == nil {
					continue
				}
				seen := 0
				for row := range s.tree.Held(i.header.size, digest) {
					if seen++; seen > heldMost || class == 0 && row.Digest != digest {
						break
					}
					if (class == 0 || row.Digest != digest) && likely(s, &row) && !yield(source{s.tree.Live, row.Path, row.Path, s.tree.Hashing, &row}) {
						return
					}
				}
			}
		}
	}
}

// copyHeld stages a row of a content that is there already; false if there is none.
func (t *transfer) copyHeld(ctx context.Context, i *item, staged *item) (bool, error) {
	tries := 0
	for from := range t.sources(i, staged) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if tries++; tries > heldTries {
			break
		}
		if !from.holds(i.header) {
			continue
		}
		if same, err := i.stage.copyFrom(ctx, from, i); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// holds tells whether a row has a content, without reading it: then its digest is that of its metadata with this content.
func (f *source) holds(wanted *header) bool {
	if f.row == nil {
		return true
	}
	h, _, err := f.hashing.describe(f.dir, f.name, f.row.LinkTo)
	if err != nil || h.kind != 'f' || h.size != wanted.size {
		return false
	}
	h.content = wanted.content
	return f.hashing.digest(h) == f.row.Digest
}

// copyFrom copies a file into the stage and reads the copy; false if it is not the content after all.
func (s *stage) copyFrom(ctx context.Context, source source, i *item) (bool, error) {
	from, err := source.dir.OpenRegular(source.name, unix.O_RDONLY, 0)
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
		return false, local(fmt.Sprintf("copying %q to the stage", source.path), err)
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
			some := min(length, 16<<20)
			copied, err := io.Copy(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, some))
			if err != nil || copied < some {
				return err
			}
			at, length = at+some, length-some
			continue
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
