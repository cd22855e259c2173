package port

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A frame is, between two zero bytes and stuffed so that it has none itself:
//
//	magic "VQG", version (1 byte), length of the payload (4 bytes, big endian), CRC-32C of the 8 bytes before and of the payload, payload
//
// A frame that was cut anywhere ends at the zero with which the next one begins, so nothing waits for the rest of it.

const (
	// MaxPayload is the size of the largest payload of a frame, in bytes.
	MaxPayload = 256 << 10

	frameVersion = 1
	headerSize   = 12
	maxFrame     = headerSize + MaxPayload
	chunkSize    = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginFrame returns buffer, emptied, with room for the header; the payload is to be appended.
func beginFrame(buffer []byte) []byte { return append(buffer[:0], make([]byte, headerSize)...) }

// appendFrame fills in the header of raw, which came from beginFrame, and appends the frame to dst.
func appendFrame(dst, raw []byte) ([]byte, error) {
	length := len(raw) - headerSize
	if length > MaxPayload {
		return dst, fmt.Errorf("writing a frame: %d bytes are more than the %d that fit", length, MaxPayload)
	}
	copy(raw, "VQG")
	raw[3] = frameVersion
	binary.BigEndian.PutUint32(raw[4:], uint32(length))
	binary.BigEndian.PutUint32(raw[8:], checksum(raw))
	return append(appendStuffed(append(dst, 0), raw), 0), nil
}

func checksum(raw []byte) uint32 {
	return crc32.Update(crc32.Checksum(raw[:8], castagnoli), castagnoli, raw[headerSize:])
}

// openFrame returns the payload of what was between two zeros; it lies in the same memory.
func openFrame(stuffed []byte) ([]byte, bool) {
	raw, ok := unstuff(stuffed)
	if !ok || len(raw) < headerSize || string(raw[:3]) != "VQG" || raw[3] != frameVersion {
		return nil, false
	}
	if int(binary.BigEndian.Uint32(raw[4:])) != len(raw)-headerSize || binary.BigEndian.Uint32(raw[8:]) != checksum(raw) {
		return nil, false
	}
	return raw[headerSize:], true
}

// frameReader finds the frames in whatever comes. It holds at most one frame and one chunk. For one goroutine.
type frameReader struct {
	source      io.Reader
	beforeRead  func() // called whenever everything that was read is used up
	chunk       []byte
	rest        []byte // of the chunk
	frame       []byte // what came since the last zero
	overflowing bool   // too much came since then: it is dropped
	dropped     uint64
}

func newFrameReader(source io.Reader, beforeRead func()) *frameReader {
	return &frameReader{source: source, beforeRead: beforeRead, chunk: make([]byte, chunkSize)}
}

// next returns the payload of the next whole frame, valid until the next call, and drops what is none. The error is the source's.
func (r *frameReader) next() ([]byte, error) {
	for {
		for len(r.rest) > 0 {
			piece, whole := r.rest, false
			if n := bytes.IndexByte(r.rest, 0); n >= 0 {
				piece, whole = r.rest[:n], true
				r.rest = r.rest[n+1:]
			} else {
				r.rest = nil
			}
			if payload, ok := r.add(piece, whole); ok {
				return payload, nil
			}
		}
		r.beforeRead()
		n, err := r.source.Read(r.chunk)
		r.rest = r.chunk[:n]
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

func (r *frameReader) add(piece []byte, whole bool) ([]byte, bool) {
	if r.overflowing || len(r.frame)+len(piece) > maxStuffed(maxFrame) {
		r.dropped += uint64(len(r.frame) + len(piece))
		r.frame, r.overflowing = r.frame[:0], !whole
		return nil, false
	}
	r.frame = append(r.frame, piece...)
	if !whole || len(r.frame) == 0 {
		return nil, false
	}
	stuffed := r.frame
	r.frame = r.frame[:0]
	payload, ok := openFrame(stuffed)
	if !ok {
		r.dropped += uint64(len(stuffed))
	}
	return payload, ok
}
