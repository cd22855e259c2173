package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

var errReconfigured = errors.New("the sidecar configured something else meanwhile")

// sight is one look that callers share: it began after the last of them asked.
type sight struct {
	of   *member
	done chan struct{} // closed at its end; what follows is known then
	err  error         // why there was none
	// number of the look from which on all that had been written before is seen, once nothing is to be read any more.
	number uint64
}

func (s *sight) isOver() bool {
	select {
	case <-s.done:
		return s.err == nil
	default:
		return false
	}
}

// sights are made one after the other, by a goroutine that ends when nobody wants one.
type sights struct {
	ctx context.Context

	mu      sync.Mutex
	next    *sight // that has not begun; nil: nobody wants one
	making  bool
	made    uint64 // how many there were
	makings sync.WaitGroup
}

// share gives the sight that begins next.
func (s *sights) share(of *member) *sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil || s.next.of != of {
		if s.next != nil {
			s.next.err = errReconfigured
			close(s.next.done)
		}
		s.next = &sight{of: of, done: make(chan struct{})}
	}
	if !s.making {
		s.making = true
		s.makings.Go(s.make)
	}
	return s.next
}

func (s *sights) make() {
	for {
		s.mu.Lock()
		one := s.next
		s.next = nil
		s.making = one != nil
		s.mu.Unlock()
		if one == nil {
			return
		}
		one.err = s.see(one)
		close(one.done)
		s.mu.Lock()
		s.made++
		s.mu.Unlock()
	}
}

// see writes out what was written, and looks at everything. Events are not waited for: the walk finds what they tell of, and the fence
// what it cannot see. Whoever remembers a look later than that remembers all of it, for nothing may be left to be read then.
func (s *sights) see(one *sight) error {
	if len(one.of.trees) == 0 {
		return errors.New("the cluster names no file trees")
	}
	for _, t := range one.of.trees {
		held, err := t.use()
		if err != nil {
			return err
		}
		if err := t.see(s.ctx, held); err != nil {
			return fmt.Errorf("the tree %s: %w", t.spec.Name, err)
		}
	}
	one.number = one.of.look()
	return nil
}

func (t *tree) see(ctx context.Context, held *Held) error {
	if err := held.Rows.Root().SyncFileSystem(); err != nil {
		return fmt.Errorf("writing out its file system: %w", err)
	}
	if _, err := t.walk(ctx, held.Rows); err != nil {
		return err
	}
	mapped, err := t.mapped(ctx, held)
	if err != nil {
		return err
	}
	if held.Rows.Fence(func(inode uint64) bool { return mapped[inode] }) > 0 {
		t.toRead()
	}
	return nil
}

// mapped are the inodes that somebody stores to through a mapping, where no ctime tells of it: on a file system in memory. Elsewhere it
// moves when the first store comes after everything was written out.
func (t *tree) mapped(ctx context.Context, held *Held) (found map[uint64]bool, err error) {
	if t.writers == nil || !held.Rows.FileSystem().InMemory {
		return nil, nil
	}
	var inodes []uint64
	for path := range held.Rows.Files() {
		if row, known := held.Rows.Row(path); known {
			inodes = append(inodes, row.Ino)
		}
	}
	err = held.Rows.Root().Control(func(fd int) error {
		found, err = t.writers.Mapped(ctx, fd, inodes)
		return err
	})
	return found, err
}
