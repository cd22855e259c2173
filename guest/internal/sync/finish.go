package sync

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// fewFiles is up to how many are made durable one by one; more cost less with the whole file system.
const fewFiles = 32

// finish links what is one file, makes all durable, and reads it back.
func (s *stage) finish(ctx context.Context) error {
	for at, h := range s.headers {
		if h != nil && h.linkTo != "" {
			if err := s.link(at, h); err != nil {
				return err
			}
		}
	}
	if err := s.sync(ctx); err != nil {
		return local("making what was staged durable", err)
	}
	return s.verify(ctx)
}

// verify reads back what came.
func (s *stage) verify(ctx context.Context) error {
	return fingerprint.Together(ctx, s.arrived(), s.verifyRow)
}

// arrived are the numbers of the rows that were not staged before.
func (s *stage) arrived() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := range s.headers {
			if !s.present[at] && !yield(at) {
				return
			}
		}
	}
}

func (s *stage) verifyRow(ctx context.Context, at int) error {
	row := &s.tree.Rows[at]
	back, err := readBack(ctx, s.tree.Hashing, s.tree.Stage, s.names[at], s.headers[at].linkTo)
	if err != nil {
		return local(fmt.Sprintf("reading back %q", row.Path), err)
	}
	if s.tree.digest(back) != row.Digest {
		return fmt.Errorf("%q of %s is staged and reads back otherwise: this member's disk, or somebody who writes into the program's own directory or into the file that it is another name of", row.Path, s.tree.Name)
	}
	return nil
}

// link stages a row that is another name of a file: of its first name in the stage, or of that in the tree if it did not change.
func (s *stage) link(at int, h *header) error {
	from, name := s.tree.Live, inTree(h.linkTo)
	if first, staged := s.paths[h.linkTo]; staged && first != at {
		from, name = s.tree.Stage, s.names[first]
	}
	err := s.tree.Stage.Unlink(s.names[at])
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = from.Link(name, s.tree.Stage, s.names[at])
	}
	if err != nil {
		return local(fmt.Sprintf("staging %q as another name of %q", s.tree.Rows[at].Path, h.linkTo), err)
	}
	return nil
}

func (s *stage) sync(ctx context.Context) error {
	if len(s.names) > fewFiles {
		if err := s.tree.Stage.SyncFileSystem(); err != nil {
			return err
		}
		return s.tree.Stage.Sync()
	}
	for at, h := range s.headers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if h.kind == 'f' {
			if err := syncFile(s.tree.Stage, s.names[at]); err != nil {
				return err
			}
		}
		if h.kind == 'd' {
			sub, err := s.tree.Stage.Sub(s.names[at])
			if err != nil {
				return err
			}
			err = sub.Sync()
			_ = sub.Close()
			if err != nil {
				return err
			}
		}
	}
	return s.tree.Stage.Sync()
}

func syncFile(dir *beneath.Dir, name string) error {
	f, err := dir.OpenRegular(name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// readBack reads all of what is staged, past the page cache as far as the kernel lets go of it.
func readBack(ctx context.Context, hashing Hashing, dir *beneath.Dir, name, linkTo string) (*header, error) {
	h, _, err := hashing.describe(dir, name, linkTo)
	if err != nil || h.kind != 'f' {
		return h, err
	}
	f, err := dir.OpenRegular(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // a hint: where it is not taken the cache is as good as it was
	return h, hashFile(ctx, f, h.size, h.content[:0])
}

// wholeUpTo is the size up to which nobody looks for holes, in bytes.
const wholeUpTo = 64 << 10

// hashFile appends the SHA-256 of a file; holes are not read.
func hashFile(ctx context.Context, f *os.File, size int64, to []byte) error {
	content := sha256.New()
	buffer := make([]byte, min(size+1, 256<<10))
	parts := segments
	if size <= wholeUpTo {
		parts = func(_ *os.File, size int64, data, _ func(from, length int64) error) error { return data(0, size) }
	}
	err := parts(f, size, func(from, length int64) error {
		part := io.NewSectionReader(f, from, length)
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := part.Read(buffer)
			content.Write(buffer[:n])
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("reading %s: %w", f.Name(), err)
			}
		}
	}, func(_, length int64) error {
		hashZeros(content, length)
		return ctx.Err()
	})
	content.Sum(to)
	return err
}
