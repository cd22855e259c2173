package sync

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

const (
	// window bounds the rows that are asked for and not done with.
	window = 4096
	// small contents are kept from the hash until they are asked for, within reason.
	smallContent = 32 << 10
	keptContents = 8 << 20
)

// session is one joiner's connection at the donor. For one goroutine; it answers in the order of the questions, and TCP holds
// back who asks faster than it takes the answers.
type session struct {
	order   *ServeOrder
	in      *frameReader
	out     *frameWriter
	next    uint64 // number of the next row
	pending map[uint64]*pending
	kept    int
	said    time.Time // when something was last written

	moved    bool // a row was not, or no longer, what was asked for
	complete bool // the joiner said that it has all, and does
}

// alive says that the donor is there while it reads something long.
func (s *session) alive() error {
	if time.Since(s.said) < pingEvery {
		return nil
	}
	s.said = time.Now()
	return errors.Join(s.out.write(kindPing, nil), s.out.flush())
}

// pending is a file whose header was sent: its content may be asked for.
type pending struct {
	in    *beneath.Dir // the tree, or where the copy is
	path  string
	state fileState
	small []byte // the content, if it is kept
}

func (s *session) run(ctx context.Context) error {
	for {
		if s.in.idle() {
			if err := s.out.flush(); err != nil {
				return err
			}
		}
		k, payload, err := s.in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && k == kindDone {
			s.complete = len(s.pending) == 0 && !s.moved
			return nil
		}
		if err == nil {
			err = s.answer(ctx, k, payload)
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) answer(ctx context.Context, k kind, payload []byte) error {
	switch k {
	case kindWant:
		m, err := parseWant(payload)
		if err != nil {
			return err
		}
		return s.headers(ctx, m)
	case kindGet:
		m, err := parseGet(payload)
		if err != nil {
			return err
		}
		return s.content(ctx, m)
	case kindDrop:
		m, err := parseDrop(payload)
		if err != nil {
			return err
		}
		_, err = s.take(m.id)
		return err
	case kindPing:
		return nil
	}
	return fmt.Errorf("%w: kind %d", errFrame, k)
}

func (s *session) headers(ctx context.Context, m want) error {
	at := slices.IndexFunc(s.order.Trees, func(t Served) bool { return t.Name == m.tree })
	if at < 0 {
		return errors.New("no tree of that name is served")
	}
	tree := &s.order.Trees[at]
	for _, row := range m.rows {
		id := s.next
		s.next++
		h, waiting, err := s.look(ctx, tree, row)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if err := s.tellMoved(id, err); err != nil {
				return err
			}
			continue
		}
		h.id = id
		if waiting != nil {
			if len(s.pending) >= window {
				return errors.New("too many rows are asked for at a time")
			}
			s.pending[id] = waiting
			s.kept += len(waiting.small)
		}
		if err := s.out.message(kindHeader, h); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) tellMoved(id uint64, why error) error {
	s.moved = true
	return s.out.message(kindMoved, note{id, why.Error()})
}

var (
	errNotListed = errors.New("it is not listed")
	errMoved     = errors.New("it changed meanwhile")
)

// look makes the header of a row, if the row is listed and still is what was listed.
func (s *session) look(ctx context.Context, tree *Served, row wantedRow) (*header, *pending, error) {
	listed, ok := tree.Row(row.path)
	if !ok {
		return nil, nil, errNotListed
	}
	if listed.Digest != row.digest {
		return nil, nil, errors.New("it is listed otherwise")
	}
	if listed.Frozen != nil {
		return listed.Frozen.look(tree, &listed)
	}
	h, st, err := tree.describe(tree.Dir, row.path, listed.LinkTo)
	if err != nil {
		return nil, nil, err
	}
	if listed.LinkTo != "" {
		first, err := tree.Dir.Stat(listed.LinkTo)
		if err != nil || first.Ino != st.Ino || first.Dev != st.Dev {
			return nil, nil, errMoved
		}
	}
	var waiting *pending
	if h.kind == 'f' {
		if waiting, err = s.hash(ctx, tree, row.path, h); err != nil {
			return nil, nil, err
		}
	}
	if tree.digest(h) != listed.Digest {
		return nil, nil, errMoved
	}
	return h, waiting, nil
}

// hash reads a file's content into the header.
func (s *session) hash(ctx context.Context, tree *Served, path string, h *header) (*pending, error) {
	f, err := tree.Dir.OpenRegular(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &pending{in: tree.Dir, path: path}
	if p.state, err = stateOf(f); err != nil {
		return nil, err
	}
	if p.state.size != h.size {
		return nil, errMoved
	}
	keep := h.size <= smallContent && s.kept+int(h.size) <= keptContents
	content := sha256.New()
	var n int64
	buffer := make([]byte, min(h.size+1, maxData))
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.alive(); err != nil {
			return nil, err
		}
		read, err := f.Read(buffer)
		n += int64(read)
		content.Write(buffer[:read])
		if keep {
			p.small = append(p.small, buffer[:read]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if n > h.size {
			return nil, errMoved
		}
	}
	after, err := stateOf(f)
	if err != nil {
		return nil, err
	}
	if after != p.state || n != h.size {
		return nil, errMoved
	}
	content.Sum(h.content[:0])
	return p, nil
}

func (s *session) take(id uint64) (*pending, error) {
	p, ok := s.pending[id]
	if !ok {
		return nil, fmt.Errorf("row %d was not asked for, or is no file", id)
	}
	delete(s.pending, id)
	s.kept -= len(p.small)
	return p, nil
}

// content sends a file that is still the one whose header was sent.
func (s *session) content(ctx context.Context, m get) error {
	p, err := s.take(m.id)
	if err != nil {
		return err
	}
	var blocks *signature
	if m.blocks > 0 {
		if blocks, err = s.blocks(m); err != nil {
			return err
		}
	}
	if blocks == nil && int64(len(p.small)) == p.state.size {
		if len(p.small) > 0 {
			if err := s.out.write(kindData, p.small); err != nil {
				return err
			}
		}
		return s.out.message(kindEnd, note{id: m.id})
	}
	f, err := p.in.OpenRegular(p.path, unix.O_RDONLY, 0)
	if err != nil {
		return s.tellMoved(m.id, err)
	}
	defer f.Close()
	if state, err := stateOf(f); err != nil || state != p.state {
		return s.tellMoved(m.id, errMoved)
	}
	sink := &contentSink{session: s}
	err = send(ctx, f, p.state.size, blocks, sink)
	if sink.broken {
		return err
	}
	if err == nil {
		var after fileState
		if after, err = stateOf(f); err == nil && after != p.state {
			err = errMoved
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return s.tellMoved(m.id, err)
	}
	return s.out.message(kindEnd, note{id: m.id})
}

// blocks reads the hashes of the joiner's blocks.
func (s *session) blocks(m get) (*signature, error) {
	blocks := newSignature(m)
	for !blocks.complete() {
		k, payload, err := s.in.next()
		if err != nil {
			return nil, err
		}
		if k == kindPing {
			continue
		}
		if k != kindBlocks {
			return nil, fmt.Errorf("%w: kind %d among hashes of blocks", errFrame, k)
		}
		if err := blocks.add(payload); err != nil {
			return nil, err
		}
	}
	blocks.index()
	return blocks, nil
}

func send(ctx context.Context, f *os.File, size int64, blocks *signature, to *contentSink) error {
	buffer := make([]byte, maxData)
	return segments(f, size, func(from, length int64) error {
		part := aliveReader{io.NewSectionReader(f, from, length), to}
		if blocks != nil {
			return blocks.delta(ctx, part, to)
		}
		for left := length; left > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := part.Read(buffer)
			if n > 0 {
				if err := to.data(buffer[:n]); err != nil {
					return err
				}
			}
			left -= int64(n)
			if errors.Is(err, io.EOF) && left > 0 {
				return errMoved
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		return nil
	}, func(_, length int64) error { return to.hole(length) })
}

// contentSink writes a content as frames; broken means that the connection is.
type contentSink struct {
	*session
	broken bool
}

// aliveReader reads for a sink: blocks that the joiner has may be all there is for long.
type aliveReader struct {
	io.Reader
	sink *contentSink
}

func (r aliveReader) Read(p []byte) (int, error) {
	if err := r.sink.sent(r.sink.alive()); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func (c *contentSink) sent(err error) error {
	c.broken = c.broken || err != nil
	return err
}

func (c *contentSink) data(bytes []byte) error {
	for part := range slices.Chunk(bytes, maxData) {
		if err := c.sent(c.out.write(kindData, part)); err != nil {
			return err
		}
	}
	return nil
}

func (c *contentSink) hole(length int64) error {
	return c.sent(c.out.message(kindHole, pair{count: length}))
}

func (c *contentSink) copied(first, count int64) error {
	return c.sent(c.out.message(kindCopy, pair{first, count}))
}
