package service

import (
	"context"
	"fmt"
	"os"
	"slices"
	gosync "sync"
	"time"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostStale      = 20               // processes that are named
	mostSearched   = 10_000           // files of an archive that are looked at when a tree is opened
	processesEvery = 10 * time.Second // all processes are looked at, at most
	processShare   = 200              // and not before so many times as long as that took
)

// stale are files that repairs took out of a tree while somebody had them open for writing. Whoever did not have one open then cannot
// open it later, so that they only become fewer.
type stale struct {
	mu     gosync.Mutex
	files  []archive.Written
	named  []*wire.StaleProcess // by the newest look at all processes; of each file, in the order of the files
	of     map[*wire.StaleProcess]uint64
	looked time.Time     // that look; zero: one is due
	took   time.Duration // that look
}

// keep takes over what a repair left.
func (s *stale) keep(files []archive.Written) {
	if len(files) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range files {
		known := slices.ContainsFunc(s.files, func(one archive.Written) bool { return one.Ino == files[i].Ino })
		if known || len(s.files) == archive.MostWritten {
			_ = files[i].Close()
			continue
		}
		s.files = append(s.files, files[i])
	}
	s.looked = time.Time{}
}

// forget lets go of everything.
func (s *stale) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(func(*archive.Written) bool { return true })
}

func (s *stale) drop(which func(*archive.Written) bool) {
	s.files = slices.DeleteFunc(s.files, func(one archive.Written) bool {
		if !which(&one) {
			return false
		}
		_ = one.Close()
		return true
	})
}

// processes names who has such files open at this moment. That nobody has is known without a look at any process.
func (s *stale) processes(ctx context.Context, finder WriterFinder, t *tree, index int) ([]*wire.StaleProcess, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(func(one *archive.Written) bool { return one.Writing() == archive.Nobody })
	if len(s.files) == 0 {
		return nil, nil
	}
	if time.Since(s.looked) > max(processesEvery, s.took*processShare) {
		if err := s.look(ctx, finder, t, index); err != nil {
			return nil, err
		}
	}
	var still []*wire.StaleProcess
	for _, one := range s.named {
		if slices.ContainsFunc(s.files, func(file archive.Written) bool { return file.Ino == s.of[one] }) {
			still = append(still, one)
		}
	}
	return still, nil
}

// look goes through all processes.
func (s *stale) look(ctx context.Context, finder WriterFinder, t *tree, index int) error {
	held, err := t.use()
	if err != nil {
		return nil // that is told of the tree
	}
	began := time.Now()
	inodes := make([]uint64, 0, len(s.files))
	for _, one := range s.files {
		inodes = append(inodes, one.Ino)
	}
	var found map[uint64]evidence.Use
	if err := held.Rows.Root().Control(func(fd int) error {
		found, err = finder.Holders(ctx, fd, inodes)
		return err
	}); err != nil {
		return fmt.Errorf("looking who has files open that were replaced: %w", err)
	}
	s.drop(func(one *archive.Written) bool {
		return len(found[one.Ino].Processes) == 0 && one.Writing() != archive.Somebody || one.Linked() && isInTree(held, one.Ino)
	})
	s.named, s.of = nil, map[*wire.StaleProcess]uint64{}
	for _, file := range s.files {
		for _, process := range holdersOf(found[file.Ino]) {
			one := &wire.StaleProcess{Tree: uint32(index), Path: []byte(file.Path), Pid: uint32(process)}
			if process != 0 {
				one.Command, one.Unit = finder.Process(process)
			}
			s.named, s.of[one] = append(s.named, one), file.Ino
		}
	}
	s.looked, s.took = time.Now(), time.Since(began)
	return nil
}

// holdersOf are the processes but this one; 0 where there is none, and somebody writes all the same.
func holdersOf(use evidence.Use) []int {
	holders := slices.DeleteFunc(slices.Clone(use.Processes), func(process int) bool { return process == os.Getpid() })
	if len(use.Processes) == 0 {
		return []int{0}
	}
	return holders
}

// isInTree is true if a file has another name that users see: who writes into it writes there.
func isInTree(held *Held, inode uint64) bool {
	for row := range held.Rows.Rows() {
		if row.Ino == inode {
			return true
		}
	}
	return false
}

// findStale finds what repairs before this program's life left.
func (s *Service) findStale(ctx context.Context, in *archived, t *tree) {
	if s.options.Writers == nil {
		return
	}
	files, err := in.Written(ctx, mostSearched)
	if err != nil {
		s.options.Log.Warn("looking for files of the archive that somebody has open", "tree", t.spec.Name, "why", err)
	}
	t.stale.keep(files)
}

// staleProcesses names who writes into files that are in the trees no more, as many as fit.
func (s *Service) staleProcesses(ctx context.Context, of *member) (all []*wire.StaleProcess, err error) {
	if s.options.Writers == nil {
		return nil, nil
	}
	for i, t := range of.trees {
		found, err := t.stale.processes(ctx, s.options.Writers, t, i)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
	}
	all = all[:min(len(all), mostStale)]
	for !port.Fits(&wire.Seen{Stale: all}) {
		all = all[:len(all)/2]
	}
	return all, nil
}
