package memory

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// Format 1, big-endian, in a tree's own .virtquorum/memory: the magic VQM1, tenure, sequence (8 each), root, configuration (32
// each), the number of rows (4), a row's length of path (4), path, digest (32), ctime, inode (8 each), in any order; then the
// SHA-256 of all before.
const (
	magic1    = "VQM1"
	file1Most = 512 << 20
)

// migrate takes over what an earlier version remembered, if nothing is remembered here. Only what is root's alone is believed:
// it has no seal.
func (s *Store) migrate() error {
	dir, err := s.tree.Sub(fingerprint.Own)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, beneath.ErrLink) || errors.Is(err, beneath.ErrMount) || errors.Is(err, unix.ENOTDIR) {
		return nil // whatever that is, it is no memory
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if mine(dir, fingerprint.Own) != nil {
		return nil
	}
	_, err = s.dir.Stat(memoryName)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if errors.Is(err, unix.ENOENT) {
		state, rows, err := s.earlier(dir)
		if err != nil || rows == nil {
			return err
		}
		if err := s.Save(context.Background(), state, slices.Values(rows)); err != nil {
			return fmt.Errorf("taking over what an earlier version remembered: %w", err)
		}
	}
	if err := dir.Unlink(memoryName); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing what an earlier version remembered: %w", err)
	}
	return nil
}

// earlier reads a memory of format 1; rows are nil if there is none that is whole and root's alone.
func (s *Store) earlier(dir *beneath.Dir) (State, []Row, error) {
	file, err := dir.OpenRegular(memoryName, unix.O_RDONLY, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, beneath.ErrNotRegular) || errors.Is(err, beneath.ErrLink) {
		return State{}, nil, nil
	}
	if err != nil {
		return State{}, nil, err
	}
	defer file.Close()
	st, err := dir.StatFile(file)
	if err != nil || !owned(st) || st.Size > file1Most {
		return State{}, nil, err
	}
	state, rows, err := decode1(io.NewSectionReader(file, 0, st.Size), st.Size)
	if errors.Is(err, ErrDamaged) {
		return State{}, nil, nil
	}
	return state, rows, err
}

// decode1 reads format 1; the rows come by path and are not nil.
func decode1(file io.Reader, size int64) (State, []Row, error) {
	sum := sha256.New()
	p := &parser{in: bufio.NewReader(io.TeeReader(io.LimitReader(file, size-sha256.Size), sum))}
	var start [4 + 16 + 64 + 4]byte
	if err := p.fixed(start[:]); err != nil {
		return State{}, nil, err
	}
	if string(start[:4]) != magic1 {
		return State{}, nil, fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	state := State{Position: Position{binary.BigEndian.Uint64(start[4:]), binary.BigEndian.Uint64(start[12:])}}
	copy(state.Root[:], start[20:])
	copy(state.Configuration[:], start[52:])
	rows := []Row{}
	for range binary.BigEndian.Uint32(start[84:]) {
		path, err := p.field(pathMost)
		if err != nil {
			return State{}, nil, err
		}
		var rest [48]byte
		if err := p.fixed(rest[:]); err != nil {
			return State{}, nil, err
		}
		row := Row{Path: string(path), Ctime: int64(binary.BigEndian.Uint64(rest[32:])), Ino: binary.BigEndian.Uint64(rest[40:])}
		copy(row.Digest[:], rest[:])
		rows = append(rows, row)
	}
	if n, err := io.Copy(io.Discard, p.in); err != nil || n > 0 {
		return State{}, nil, errors.Join(ErrDamaged, err)
	}
	var written [sha256.Size]byte
	if _, err := io.ReadFull(file, written[:]); err != nil || string(written[:]) != string(sum.Sum(nil)) {
		return State{}, nil, fmt.Errorf("%w: it is not what was written", ErrDamaged)
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Path, b.Path) })
	same := func(a, b Row) bool { return a.Path == b.Path }
	return state, slices.CompactFunc(rows, same), nil
}
