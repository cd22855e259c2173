package memory

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// clearFrozen removes the copies that an earlier life of the program left. One that cannot be removed is in nobody's way: each has a
// new name, or takes the place of the old one.
func (s *Store) clearFrozen() {
	dir, err := s.dir.Sub(Frozen)
	if err != nil {
		return // there is none
	}
	defer dir.Close()
	var left []string
	if dir.Entries(context.Background(), func(name []byte, _ byte) error {
		left = append(left, string(name))
		return nil
	}) != nil {
		return
	}
	for _, name := range left {
		_ = dir.Unlink(name)
	}
}

// Again is the same memory once more, for somebody who closes it by themselves: it stays readable when another one is remembered.
func (m *Memory) Again() (*Memory, error) {
	fd, err := unix.FcntlInt(m.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding what is remembered: %w", err)
	}
	return &Memory{State: m.State, file: os.NewFile(uintptr(fd), m.file.Name()), size: m.size}, nil
}

// Overlaid are a memory's rows with others in their place, both by path: those with a zero digest are none any more. refresh may say by
// which row one is replaced that is as it was. An error ends them, and is told.
func (m *Memory) Overlaid(ctx context.Context, others []Row, refresh func(Row) Row, failed func(error)) func(yield func(Row) bool) {
	return func(yield func(Row) bool) {
		rest := others
		for before, err := range m.Rows(ctx) {
			if err != nil {
				failed(err)
				return
			}
			for len(rest) > 0 && rest[0].Path < before.Path {
				if !rest[0].Digest.IsZero() && !yield(rest[0]) {
					return
				}
				rest = rest[1:]
			}
			row := before
			if len(rest) > 0 && rest[0].Path == before.Path {
				row, rest = rest[0], rest[1:]
			} else {
				row = refresh(row)
			}
			if !row.Digest.IsZero() && !yield(row) {
				return
			}
		}
		for _, row := range rest {
			if !row.Digest.IsZero() && !yield(row) {
				return
			}
		}
	}
}
