package sync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// arrival is a content that is coming into the stage. A nil one may be closed.
type arrival struct {
	item    *item
	file    *os.File
	at      int64
	content hash.Hash
}

func (a *arrival) close() {
	if a != nil {
		_ = a.file.Close()
		a.item.basis.close()
	}
}

// read takes what comes until every row is done with.
func (t *transfer) read(ctx context.Context) error {
	for {
		k, payload, err := t.in.next()
		if err != nil {
			if errors.Is(err, unix.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("it ended the connection")
			}
			return t.lost("", err)
		}
		if err := t.take(k, payload); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// front is the row that an answer must be for.
func (t *transfer) front(queue *[]*item, pop bool) *item {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(*queue) == 0 {
		return nil
	}
	i := (*queue)[0]
	if pop {
		*queue = (*queue)[1:]
	}
	return i
}

func (t *transfer) take(k kind, payload []byte) error {
	switch k {
	case kindPing:
		return nil
	case kindHeader:
		h, err := parseHeader(payload)
		if err != nil {
			return t.lost("", err)
		}
		i := t.front(&t.asked, true)
		if i == nil || i.id != h.id {
			return t.peerError("", ErrMisbehaved, "a row that was not asked for")
		}
		return t.header(i, h)
	case kindMoved:
		m, err := parseNote(payload)
		if err != nil {
			return t.lost("", err)
		}
		return t.gone(m)
	case kindRefuse:
		m, err := parseNote(payload)
		if err != nil {
			return t.lost("", err)
		}
		return t.peerError("", ErrRefused, "%s", m.text)
	case kindData, kindHole, kindCopy, kindEnd:
		i := t.front(&t.contents, false)
		if i == nil {
			return t.peerError("", ErrMisbehaved, "a content that was not asked for")
		}
		return t.part(i, k, payload)
	}
	return t.peerError("", ErrMisbehaved, "a message of kind %d", k)
}

func (t *transfer) gone(m note) error {
	if i := t.front(&t.contents, false); i != nil && i.id == m.id {
		t.front(&t.contents, true)
		t.now.close()
		t.now = nil
		i.basis.close()
		t.moved(i, m.text)
		t.twins.went(i, t.copies)
		t.finished()
		return nil
	}
	i := t.front(&t.asked, true)
	if i == nil || i.id != m.id {
		return t.peerError("", ErrMisbehaved, "a row that was not asked for")
	}
	t.moved(i, m.text)
	t.twins.went(i, t.copies)
	t.finished()
	return nil
}

// header believes a row's description only because its digest is the one that was ordered; so everything in it is ordered,
// the content's hash too.
func (t *transfer) header(i *item, h *header) error {
	s := i.stage
	if s.tree.digest(h) != i.wanted().Digest {
		return t.peerError(i.path(), ErrMisbehaved, "a row that is not the one ordered")
	}
	if size := i.wanted().Size; h.kind == 'f' && size != AnySize && h.size != size {
		return t.peerError(i.path(), ErrMisbehaved, "%d bytes where %d were ordered", h.size, i.wanted().Size)
	}
	i.header = h
	s.headers[i.at] = h
	switch {
	case h.kind != 'f':
		if err := s.make(i); err != nil {
			return err
		}
		t.finished()
		return nil
	case h.linkTo != "": // made of its first name, when that is there
		i.drop = true
	default:
		if err := s.room(h); err != nil {
			return err
		}
		if !i.whole && h.size >= heldFrom {
			t.copies <- i
			return nil
		}
	}
	t.gets <- i
	return nil
}

// part takes a piece of a content: never more than was ordered.
func (t *transfer) part(i *item, k kind, payload []byte) error {
	if t.now == nil {
		file, err := i.stage.create(i)
		if err != nil {
			return err
		}
		t.now = &arrival{item: i, file: file, content: sha256.New()}
	}
	a := t.now
	left := i.header.size - a.at
	switch k {
	case kindData:
		if len(payload) == 0 || int64(len(payload)) > left {
			return t.peerError(i.path(), ErrMisbehaved, "more bytes than the %d ordered", i.header.size)
		}
		return a.data(payload)
	case kindHole:
		m, err := parsePair(payload)
		if err != nil || m.count == 0 || m.count > left {
			return t.peerError(i.path(), ErrMisbehaved, "a longer hole than was ordered")
		}
		return a.hole(m.count)
	case kindCopy:
		m, err := parsePair(payload)
		length, fits := i.basis.length(m)
		if err != nil || !fits || length > left {
			return t.peerError(i.path(), ErrMisbehaved, "blocks that are not there")
		}
		return a.copied(m.first*i.basis.block, length)
	}
	m, err := parseNote(payload)
	if err != nil || m.id != i.id || left != 0 {
		return t.peerError(i.path(), ErrMisbehaved, "an end after %d of %d bytes", a.at, i.header.size)
	}
	return t.arrived(a)
}

func (t *transfer) arrived(a *arrival) error {
	i := a.item
	t.front(&t.contents, true)
	t.now = nil
	defer a.close()
	if !bytes.Equal(a.content.Sum(nil), i.header.content[:]) {
		if i.basis == nil {
			return t.peerError(i.path(), ErrMisbehaved, "another content than was ordered")
		}
		// The old version changed while it was compared, or two blocks have the same short hash.
		i.basis.close()
		i.basis, i.whole, i.again = nil, true, true
		t.gets <- i
		return nil
	}
	if err := i.stage.complete(i, a.file); err != nil {
		return err
	}
	t.twins.came(i, t.copies)
	t.finished()
	return nil
}

func (a *arrival) data(payload []byte) error {
	if _, err := a.file.WriteAt(payload, a.at); err != nil {
		return local(fmt.Sprintf("staging %q", a.item.path()), err)
	}
	a.content.Write(payload)
	a.at += int64(len(payload))
	return nil
}

// hole only hashes: what was never written is a hole once the file has its length.
func (a *arrival) hole(length int64) error {
	hashZeros(a.content, length)
	a.at += length
	return nil
}

func hashZeros(to io.Writer, length int64) {
	var zeros [32 << 10]byte
	for length > 0 {
		n := min(length, int64(len(zeros)))
		_, _ = to.Write(zeros[:n]) // a hash takes all
		length -= n
	}
}

// copied takes a run of the old version's blocks.
func (a *arrival) copied(from, length int64) error {
	buffer := make([]byte, min(length, maxData))
	for length > 0 {
		n := min(length, int64(len(buffer)))
		if _, err := a.item.basis.file.ReadAt(buffer[:n], from); err != nil {
			if !errors.Is(err, io.EOF) {
				return local(fmt.Sprintf("reading the old version of %q", a.item.path()), err)
			}
			clear(buffer[:n]) // it was cut meanwhile: the hash will tell
		}
		if err := a.data(buffer[:n]); err != nil {
			return err
		}
		from, length = from+n, length-n
	}
	return nil
}
