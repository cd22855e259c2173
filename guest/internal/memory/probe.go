package memory

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const probeSize = 4096

// probe is the file of the memory, opened past the page cache, and where its beginning is read to.
type probe struct {
	file    *os.File
	fd      int
	page    []byte // aligned
	version uint64 // of the memory
}

func (p *probe) close() {
	_ = p.file.Close()
	_ = unix.Munmap(p.page)
}

// Probe reads the beginning of what is remembered from the disk: past the page cache, which hides that a disk is gone. Where the
// file system cannot, it finds nothing. It may hang as long as the disk does, and keeps nobody else waiting then.
func (s *Store) Probe() error {
	p := s.probe.Swap(nil)
	if p != nil && p.version != s.version.Load() {
		p.close()
		p = nil
	}
	if p == nil {
		var err error
		if p, err = s.openProbe(); err != nil || p == nil {
			return err
		}
	}
	if _, err := unix.Pread(p.fd, p.page, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		p.close()
		return fmt.Errorf("reading the memory in %s: %w", s.where, err)
	}
	if !s.probe.CompareAndSwap(nil, p) {
		p.close()
	} else if p.version != s.version.Load() {
		s.closeProbe()
	}
	return nil
}

// openProbe gives nil where the file system cannot read past the cache.
func (s *Store) openProbe() (*probe, error) {
	p := &probe{version: s.version.Load()}
	var err error
	if p.file, err = s.dir.OpenRegular(memoryName, unix.O_RDONLY|unix.O_DIRECT, 0); errors.Is(err, unix.EINVAL) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the memory in %s: %w", s.where, err)
	}
	p.fd = int(p.file.Fd())
	if p.page, err = unix.Mmap(-1, 0, probeSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("getting memory for a page: %w", err)
	}
	return p, nil
}

// forgetProbe has the next Probe open the file anew.
func (s *Store) forgetProbe() {
	s.version.Add(1)
	s.closeProbe()
}

func (s *Store) closeProbe() {
	if p := s.probe.Swap(nil); p != nil {
		p.close()
	}
}
