package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// Memory is what is remembered, checked as a whole. Its rows are read from the file, which is held open: Close it.
type Memory struct {
	State
	file *os.File
	size int64
}

// Close lets go of the file.
func (m *Memory) Close() error { return m.file.Close() }

// Rows reads the rows by their paths, as often as one likes and by many goroutines. An error ends them.
func (m *Memory) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		p := newParser(io.NewSectionReader(m.file, 0, m.size-sealSize))
		_, err := p.header()
		for n := 0; err == nil; n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				err = ctx.Err()
				break
			}
			var row Row
			if row, err = p.row(); err == nil && !yield(row, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(Row{}, fmt.Errorf("reading what is remembered: %w", err))
		}
	}
}

// Load opens what is remembered, after reading it as a whole once. ErrNone, ErrDamaged, ErrAnothers and ErrMoved mean that there
// is no memory, and why; other errors are the disk's.
func (s *Store) Load(ctx context.Context) (*Memory, error) {
	m, err := s.load(ctx, memoryName)
	if err != nil {
		return nil, fmt.Errorf("reading the memory in %s: %w", s.where, err)
	}
	return m, nil
}

func (s *Store) load(ctx context.Context, name string) (*Memory, error) {
	if err := s.there(); err != nil {
		return nil, err
	}
	file, err := s.dir.OpenRegular(name, unix.O_RDONLY, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, ErrNone
	case errors.Is(err, beneath.ErrNotRegular), errors.Is(err, beneath.ErrLink):
		return nil, fmt.Errorf("%w: it is no file", ErrDamaged)
	case err != nil:
		return nil, err
	}
	m, err := s.check(ctx, file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return m, nil
}

func (s *Store) check(ctx context.Context, file *os.File) (*Memory, error) {
	st, err := s.dir.StatFile(file)
	if err != nil {
		return nil, err
	}
	if !owned(st) {
		return nil, fmt.Errorf("%w: it is not root's alone", ErrDamaged)
	}
	whole, err := sealed(ctx, file, st.Size, s.seal.Mac())
	if err != nil {
		return nil, err
	}
	h, err := newParser(io.NewSectionReader(file, 0, max(0, st.Size-sealSize))).header()
	if err != nil {
		return nil, err
	}
	if err := s.whose(h); err != nil {
		return nil, err
	}
	if !whole {
		return nil, fmt.Errorf("%w: it is not what was written, or of another key", ErrDamaged)
	}
	return &Memory{State: h.state, file: file, size: st.Size}, nil
}

// Save remembers a state: the tree's data and then the memory are on the disk when it returns. rows come by path, as
// fingerprint.Scanner gives them. If it fails, or the guest does, what was remembered before still is.
func (s *Store) Save(ctx context.Context, state State, rows iter.Seq[Row]) error {
	if err := s.Prepare(ctx, state, rows); err != nil {
		return err
	}
	return s.Commit(false)
}

// Prepare does all of Save but the last step, so that the trees of a member can take it together: what was remembered before
// still is, and what is prepared is on the disk.
func (s *Store) Prepare(ctx context.Context, state State, rows iter.Seq[Row]) error {
	if err := s.prepare(ctx, state, rows); err != nil {
		_ = s.dir.Unlink(temporary)
		return fmt.Errorf("writing the memory in %s: %w", s.where, err)
	}
	return nil
}

func (s *Store) prepare(ctx context.Context, state State, rows iter.Seq[Row]) error {
	if err := s.there(); err != nil {
		return err
	}
	if err := s.dir.Unlink(temporary); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	file, err := s.dir.OpenRegular(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := s.stepped("made"); err != nil {
		return err
	}
	if err := write(ctx, file, s.seal.Mac(), s.owner, s.identity, state, rows); err != nil {
		return err
	}
	if err := s.stepped("written"); err != nil {
		return err
	}
	// What it speaks of must not be lost where it is not. It is on the same file system, and goes with it.
	if err := s.tree.SyncFileSystem(); err != nil {
		return fmt.Errorf("making durable what it speaks of: %w", err)
	}
	if err := file.Sync(); err != nil { // is told of errors that kernels before 5.8 do not tell syncfs
		return err
	}
	return s.stepped("durable")
}

// Commit remembers what was prepared.
//
// whole: the tree holds no part of another member's state beside it any more, as after EndHalf.
func (s *Store) Commit(whole bool) error {
	if err := s.commit(whole); err != nil {
		return fmt.Errorf("putting the memory in %s in its place: %w", s.where, err)
	}
	return nil
}

func (s *Store) commit(whole bool) error {
	if err := s.dir.Rename(temporary, s.dir, memoryName, 0); err != nil {
		return err
	}
	if whole { // no file system makes this durable without the rename in the same directory before it
		if err := s.dir.Unlink(halfName); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	s.forgetProbe()
	if err := s.stepped("renamed"); err != nil {
		return err
	}
	if err := s.dir.Sync(); err != nil {
		return err
	}
	return s.there()
}

// Prepared is the state of what was prepared and not committed, if that is whole. The errors are those of Load.
func (s *Store) Prepared(ctx context.Context) (State, error) {
	m, err := s.load(ctx, temporary)
	if err != nil {
		return State{}, fmt.Errorf("reading the prepared memory in %s: %w", s.where, err)
	}
	return m.State, m.Close()
}

func (s *Store) stepped(step string) error {
	if s.step == nil {
		return nil
	}
	return s.step(step)
}

// Forget removes what is remembered, durably.
func (s *Store) Forget() error {
	s.forgetProbe()
	err := s.dir.Unlink(memoryName)
	if err == nil {
		err = s.dir.Sync()
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("forgetting what %s remembers: %w", s.where, err)
	}
	return nil
}
