package memory

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"math"

	"virtquorum.io/guest/internal/fingerprint"
)

// Format 2, big-endian: the magic VQM2; cluster, tree, member and the file system's identity, each with its length (4 bytes)
// before it; tenure, sequence (8 each), root, configuration (32 each); then rows by path: length of path (4), path, digest
// (32), ctime, inode (8 each); then 0xffffffff, the number of rows (8) and the seal (32) over all before.
const (
	magic    = "VQM2"
	end      = math.MaxUint32
	pathMost = 1 << 16
	rowsMost = 16 << 20
	sealSize = 32
	// fileMost bounds what is read at all.
	fileMost = 16 << 30
)

// Unknown is a ctime that says nothing, because a write in its tick would not have shown.
const Unknown = math.MinInt64

// Position is where an elected root stands in the cluster's history. Later is greater, tenure first.
type Position struct{ Tenure, Sequence uint64 }

// IsAfter is true if this is newer than the other.
func (p Position) IsAfter(other Position) bool {
	return p.Tenure > other.Tenure || p.Tenure == other.Tenure && p.Sequence > other.Sequence
}

// State is what a member was verified to hold.
type State struct {
	Position      Position
	Root          fingerprint.Digest // of all the member's rows, of all trees
	Configuration fingerprint.Digest // of trees' names, paths and excludes: rows read under another one cannot be compared
}

// Row is what is remembered of a row.
type Row struct {
	Path   string
	Digest fingerprint.Digest
	Ctime  int64 // Unknown if the row was not settled
	Ino    uint64
}

// Of is what to remember of a scanned row.
func Of(row fingerprint.Row) Row {
	remembered := Row{row.Path, row.Digest, row.Ctime, row.Ino}
	if !row.Settled {
		remembered.Ctime = Unknown
	}
	return remembered
}

var errOrder = errors.New("the rows are not in the order of their paths")

// write writes a memory; rows come by path.
func write(ctx context.Context, to io.Writer, seal hash.Hash, owner Owner, identity []byte, state State, rows iter.Seq[Row]) error {
	file := bufio.NewWriterSize(to, 64<<10)
	out := io.MultiWriter(file, seal)
	b := []byte(magic)
	for _, field := range []string{owner.Cluster, owner.Tree, owner.Member, string(identity)} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(field))), field...)
	}
	b = binary.BigEndian.AppendUint64(b, state.Position.Tenure)
	b = binary.BigEndian.AppendUint64(b, state.Position.Sequence)
	b = append(append(b, state.Root[:]...), state.Configuration[:]...)
	if _, err := out.Write(b); err != nil {
		return err
	}
	count, last := uint64(0), ""
	for row := range rows {
		switch {
		case count%1024 == 0 && ctx.Err() != nil:
			return ctx.Err()
		case count > 0 && row.Path <= last:
			return fmt.Errorf("%q after %q: %w", row.Path, last, errOrder)
		case len(row.Path) > pathMost || count == rowsMost:
			return errors.New("too many rows, or too long a path")
		}
		count++
		last = row.Path
		b = append(binary.BigEndian.AppendUint32(b[:0], uint32(len(row.Path))), row.Path...)
		b = append(b, row.Digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(row.Ctime))
		b = binary.BigEndian.AppendUint64(b, row.Ino)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	b = binary.BigEndian.AppendUint32(b[:0], end)
	if _, err := out.Write(binary.BigEndian.AppendUint64(b, count)); err != nil {
		return err
	}
	if _, err := file.Write(seal.Sum(nil)); err != nil {
		return err
	}
	return file.Flush()
}

// header is what comes before the rows.
type header struct {
	owner    Owner
	identity []byte
	state    State
}

// parser reads a memory piece by piece; what makes no sense is ErrDamaged.
type parser struct {
	in    *bufio.Reader
	path  []byte
	last  string
	count uint64
}

func newParser(in io.Reader) *parser { return &parser{in: bufio.NewReaderSize(in, 64<<10)} }

func (p *parser) fixed(into []byte) error {
	if _, err := io.ReadFull(p.in, into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it is cut short", ErrDamaged)
		}
		return err
	}
	return nil
}

func (p *parser) field(most uint32) ([]byte, error) {
	var length [4]byte
	if err := p.fixed(length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > most {
		return nil, fmt.Errorf("%w: a name has %d bytes", ErrDamaged, n)
	}
	field := make([]byte, n)
	return field, p.fixed(field)
}

func (p *parser) header() (h header, err error) {
	var start [4]byte
	if err := p.fixed(start[:]); err != nil {
		return h, err
	}
	if string(start[:]) != magic {
		return h, fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	var fields [4][]byte
	for i := range fields {
		if fields[i], err = p.field(nameMost); err != nil {
			return h, err
		}
	}
	h.owner = Owner{string(fields[0]), string(fields[1]), string(fields[2])}
	h.identity = fields[3]
	var rest [16 + 64]byte
	if err := p.fixed(rest[:]); err != nil {
		return h, err
	}
	h.state.Position = Position{binary.BigEndian.Uint64(rest[:]), binary.BigEndian.Uint64(rest[8:])}
	copy(h.state.Root[:], rest[16:])
	copy(h.state.Configuration[:], rest[48:])
	return h, nil
}

// row reads the next row; io.EOF after the last, when the number of rows was right. The seal is left to be read.
func (p *parser) row() (Row, error) {
	var length [4]byte
	if err := p.fixed(length[:]); err != nil {
		return Row{}, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == end {
		var count [8]byte
		if err := p.fixed(count[:]); err != nil {
			return Row{}, err
		}
		if binary.BigEndian.Uint64(count[:]) != p.count {
			return Row{}, fmt.Errorf("%w: rows are missing", ErrDamaged)
		}
		return Row{}, io.EOF
	}
	if n > pathMost || p.count == rowsMost {
		return Row{}, fmt.Errorf("%w: a path has %d bytes, or there are too many", ErrDamaged, n)
	}
	if cap(p.path) < int(n)+48 {
		p.path = make([]byte, n+48)
	}
	b := p.path[:n+48]
	if err := p.fixed(b); err != nil {
		return Row{}, err
	}
	row := Row{Path: string(b[:n])}
	if p.count > 0 && row.Path <= p.last {
		return Row{}, fmt.Errorf("%w: %w", ErrDamaged, errOrder)
	}
	p.count++
	p.last = row.Path
	copy(row.Digest[:], b[n:])
	row.Ctime = int64(binary.BigEndian.Uint64(b[n+32:]))
	row.Ino = binary.BigEndian.Uint64(b[n+40:])
	return row, nil
}

// sealed is true if a file of a size ends with the seal of what is before.
func sealed(ctx context.Context, file io.ReaderAt, size int64, seal hash.Hash) (bool, error) {
	if size < sealSize || size > fileMost {
		return false, nil
	}
	buffer := make([]byte, 256<<10)
	for at := int64(0); at < size-sealSize; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), size-sealSize-at)], at)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, err
		}
		seal.Write(buffer[:n])
		at += int64(n)
	}
	written := make([]byte, sealSize)
	if _, err := file.ReadAt(written, size-sealSize); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return hmac.Equal(written, seal.Sum(nil)), nil
}

// whose says what is wrong with an owner and a file system, as a sentence.
func (s *Store) whose(h header) error {
	switch {
	case h.owner.Cluster != s.owner.Cluster:
		return fmt.Errorf("%w: it is of the cluster %q", ErrAnothers, h.owner.Cluster)
	case h.owner.Tree != s.owner.Tree:
		return fmt.Errorf("%w: it is of the file tree %q", ErrAnothers, h.owner.Tree)
	case h.owner.Member != s.owner.Member:
		return fmt.Errorf("%w: it is of the member %q, as on a copy of its disk", ErrAnothers, h.owner.Member)
	case !bytes.Equal(h.identity, s.identity):
		return fmt.Errorf("%w: it was written on another file system, and copied", ErrAnothers)
	}
	return nil
}
