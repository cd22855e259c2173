package sync

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"virtquorum.io/guest/internal/fingerprint"
)

// want asks for rows of one tree.
type want struct {
	tree string
	rows []wantedRow
}

type wantedRow struct {
	path   string
	digest fingerprint.Digest
}

const maxTreeName = 4096

func (m want) append(to []byte) []byte {
	to = appendText(to, m.tree)
	to = binary.AppendUvarint(to, uint64(len(m.rows)))
	for _, row := range m.rows {
		to = append(appendText(to, row.path), row.digest[:]...)
	}
	return to
}

func parseWant(payload []byte) (want, error) {
	p := parser{rest: payload}
	m := want{tree: p.text(maxTreeName)}
	count := p.number()
	if count > uint64(len(p.rest)) {
		p.fail("a number of rows")
		count = 0
	}
	for ; count > 0 && p.err == nil; count-- {
		row := wantedRow{path: p.text(maxPath)}
		p.fixed(row.digest[:])
		m.rows = append(m.rows, row)
	}
	return m, p.end()
}

// get asks for the content of a row; with blocks, the hashes of so many of the joiner's blocks follow.
type get struct {
	id        uint64
	blocks    int64
	blockSize int64
	oldSize   int64
}

func (m get) append(to []byte) []byte {
	to = binary.AppendUvarint(to, m.id)
	to = binary.AppendUvarint(to, uint64(m.blocks))
	to = binary.AppendUvarint(to, uint64(m.blockSize))
	return binary.AppendUvarint(to, uint64(m.oldSize))
}

func parseGet(payload []byte) (get, error) {
	p := parser{rest: payload}
	m := get{id: p.number(), blocks: p.length(), blockSize: p.length(), oldSize: p.length()}
	if err := p.end(); err != nil {
		return get{}, err
	}
	if m.blocks == 0 {
		return get{id: m.id}, nil
	}
	if m.blocks > maxBlocks || m.blockSize < minBlock || m.blockSize > maxBlock ||
		m.blocks != (m.oldSize+m.blockSize-1)/m.blockSize {
		return get{}, fmt.Errorf("%w: %d blocks of %d bytes", errFrame, m.blocks, m.blockSize)
	}
	return m, nil
}

// drop says that a row's content is not needed.
type drop struct{ id uint64 }

func (m drop) append(to []byte) []byte { return binary.AppendUvarint(to, m.id) }

func parseDrop(payload []byte) (drop, error) {
	p := parser{rest: payload}
	m := drop{id: p.number()}
	return m, p.end()
}

// xattr is one extended attribute.
type xattr struct{ name, value string }

// header says what a row is: with the cluster's key, all of it but mtime and allocated is in the row's digest.
type header struct {
	id        uint64
	kind      byte // find's %y
	mode      uint32
	uid, gid  uint32
	size      int64
	allocated int64 // bytes on the donor's disk
	mtime     int64 // ns since 1970
	rdev      uint64
	target    string
	linkTo    string
	content   [sha256.Size]byte // of files only
	xattrs    []xattr
}

func (m *header) append(to []byte) []byte {
	to = binary.AppendUvarint(to, m.id)
	to = append(to, m.kind)
	for _, n := range []uint64{uint64(m.mode), uint64(m.uid), uint64(m.gid), uint64(m.size), uint64(m.allocated), m.rdev} {
		to = binary.AppendUvarint(to, n)
	}
	to = binary.AppendVarint(to, m.mtime)
	to = appendText(appendText(to, m.target), m.linkTo)
	if m.kind == 'f' {
		to = append(to, m.content[:]...)
	}
	to = binary.AppendUvarint(to, uint64(len(m.xattrs)))
	for _, x := range m.xattrs {
		to = appendText(appendText(to, x.name), x.value)
	}
	return to
}

func parseHeader(payload []byte) (*header, error) {
	p := parser{rest: payload}
	m := &header{id: p.number(), kind: p.byte()}
	m.mode, m.uid, m.gid = p.number32(), p.number32(), p.number32()
	m.size, m.allocated, m.rdev = p.length(), p.length(), p.number()
	m.mtime = p.signed()
	m.target, m.linkTo = p.text(maxPath), p.text(maxPath)
	if m.kind == 'f' {
		p.fixed(m.content[:])
	}
	count := p.number()
	if count > uint64(len(p.rest)) {
		p.fail("a number of attributes")
		count = 0
	}
	for ; count > 0 && p.err == nil; count-- {
		m.xattrs = append(m.xattrs, xattr{p.text(256), p.text(maxXattrs)})
	}
	return m, p.end()
}

func (p *parser) number32() uint32 {
	value := p.number()
	if value > 1<<32-1 {
		p.fail("a number")
	}
	return uint32(value)
}

// note is a sentence about a row: why it moved, or why the connection is refused.
type note struct {
	id   uint64
	text string
}

const maxNote = 1024

func (m note) append(to []byte) []byte {
	return appendText(binary.AppendUvarint(to, m.id), m.text[:min(len(m.text), maxNote)])
}

func parseNote(payload []byte) (note, error) {
	p := parser{rest: payload}
	m := note{id: p.number(), text: clean(p.text(maxNote))}
	return m, p.end()
}

// clean keeps what another machine said to one printable line.
func clean(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c > '~' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}

// pair is two numbers: the length of a hole, or a run of blocks.
type pair struct{ first, count int64 }

func (m pair) append(to []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(to, uint64(m.first)), uint64(m.count))
}

func parsePair(payload []byte) (pair, error) {
	p := parser{rest: payload}
	m := pair{first: p.length(), count: p.length()}
	return m, p.end()
}
