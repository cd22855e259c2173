package sync

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// maxFrame bounds what one frame may make the other end allocate, in bytes.
	maxFrame = 1536 << 10
	// maxData is how much content one frame carries, in bytes.
	maxData = 64 << 10
	// maxPath bounds a path and a link's target, in bytes: 400 directories with the longest names fit.
	maxPath = 128 << 10
	// maxXattrs bounds the extended attributes of a row, names and values together, in bytes.
	maxXattrs = 1 << 20
	// frameHead is a frame's length and its kind.
	frameHead = 5
)

// kind says what a frame is. The joiner's are below 16.
type kind byte

const (
	kindWant   kind = 1  // rows, numbered from 0 in the order in which they are asked for
	kindGet    kind = 2  // the content of a row, whole or by the blocks that the joiner has
	kindBlocks kind = 3  // hashes of the joiner's blocks, after a get
	kindDrop   kind = 4  // the content of a row is not needed
	kindPing   kind = 5  // nothing is asked now, but the joiner is there
	kindDone   kind = 6  // the joiner has all that it wants, and ends the connection
	kindHeader kind = 16 // what a row is
	kindMoved  kind = 17 // a row is not, or no longer, what was asked for
	kindData   kind = 18 // bytes of the content that is being sent
	kindHole   kind = 19 // so many bytes without data
	kindCopy   kind = 20 // so many of the joiner's own blocks
	kindEnd    kind = 21 // the content is complete
	kindRefuse kind = 22 // a sentence, and the end of the connection
)

var errFrame = errors.New("what came is no message of this protocol")

// frameWriter writes frames into a buffer; flush sends them. For one goroutine.
type frameWriter struct {
	to      *bufio.Writer
	scratch []byte
}

func newFrameWriter(to io.Writer) *frameWriter {
	return &frameWriter{to: bufio.NewWriterSize(to, 32<<10)}
}

func (w *frameWriter) write(k kind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d bytes is longer than %d", len(payload), maxFrame)
	}
	var head [frameHead]byte
	binary.BigEndian.PutUint32(head[:4], uint32(len(payload)))
	head[4] = byte(k)
	if _, err := w.to.Write(head[:]); err != nil {
		return err
	}
	_, err := w.to.Write(payload)
	return err
}

func (w *frameWriter) message(k kind, m interface{ append([]byte) []byte }) error {
	w.scratch = m.append(w.scratch[:0])
	return w.write(k, w.scratch)
}

func (w *frameWriter) flush() error { return w.to.Flush() }

// frameReader reads frames. For one goroutine.
type frameReader struct {
	from   *bufio.Reader
	buffer []byte
}

func newFrameReader(from io.Reader) *frameReader {
	return &frameReader{from: bufio.NewReaderSize(from, 32<<10)}
}

// next returns a frame; its payload is good until the next call. io.EOF only where no frame has begun.
func (r *frameReader) next() (kind, []byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[:4])
	if length > maxFrame {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", errFrame, length)
	}
	if int(length) > cap(r.buffer) {
		r.buffer = make([]byte, length)
	}
	payload := r.buffer[:length]
	if _, err := io.ReadFull(r.from, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind(head[4]), payload, nil
}

// idle tells that nothing more has come yet: then answers must not wait in the buffer.
func (r *frameReader) idle() bool { return r.from.Buffered() == 0 }

// parser takes fields off a payload; the first thing that is wrong stays as its error.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", errFrame, what)
	}
	p.rest = nil
}

func (p *parser) number() uint64 {
	value, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail("a number")
		return 0
	}
	p.rest = p.rest[n:]
	return value
}

// length is a number that fits an int64.
func (p *parser) length() int64 {
	value := p.number()
	if value > 1<<62 {
		p.fail("a length")
		return 0
	}
	return int64(value)
}

func (p *parser) signed() int64 {
	value, n := binary.Varint(p.rest)
	if n <= 0 {
		p.fail("a number")
		return 0
	}
	p.rest = p.rest[n:]
	return value
}

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.fail("a byte")
		return 0
	}
	value := p.rest[0]
	p.rest = p.rest[1:]
	return value
}

func (p *parser) text(most int) string {
	length := p.number()
	if length > uint64(most) || length > uint64(len(p.rest)) {
		p.fail("a text")
		return ""
	}
	value := string(p.rest[:length])
	p.rest = p.rest[length:]
	return value
}

func (p *parser) fixed(into []byte) {
	if len(p.rest) < len(into) {
		p.fail("a hash")
		return
	}
	p.rest = p.rest[copy(into, p.rest):]
}

// end is the error of the whole: nothing may be left over.
func (p *parser) end() error {
	if p.err == nil && len(p.rest) > 0 {
		p.fail("more than belongs there")
	}
	return p.err
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}
