package sync

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// deltaFrom is the size from which a file is compared block by block with the joiner's old version, in bytes.
	deltaFrom = 1 << 20
	minBlock  = 2 << 10
	maxBlock  = 8 << 20
	maxBlocks = 1 << 18
	// blockHash is what crosses for each block: both hashes' first halves. Where they lie, the content's SHA-256 does not.
	blockHash = 8
	// prime is odd, so that no byte of a window ever falls out of the rolling hash.
	prime = 0x9E3779B97F4A7C15
)

// blockSize is the one with which hashes and one changed block together are fewest bytes, a multiple of 4 KiB where that
// can be, so that blocks can be shared on disk.
func blockSize(size int64) int64 {
	best := int64(math.Sqrt(float64(size) * blockHash))
	best = max(best, minBlock, (size+maxBlocks-1)/maxBlocks)
	if best >= 4<<10 {
		best = (best + 4<<10 - 1) &^ (4<<10 - 1)
	}
	return best
}

// blocksOf is how many blocks a size has; 0 if it is too large, or too small, to be compared so.
func blocksOf(size int64) (blocks, each int64) {
	if size < deltaFrom {
		return 0, 0
	}
	each = blockSize(size)
	if each > maxBlock {
		return 0, 0
	}
	return (size + each - 1) / each, each
}

func roll(window []byte) uint64 {
	var sum uint64
	for _, b := range window {
		sum = sum*prime + uint64(b) + 1
	}
	return sum
}

// power is prime to the n: what a byte is worth when it leaves a window of n bytes.
func power(n int64) uint64 {
	result, base := uint64(1), uint64(prime)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result *= base
		}
		base *= base
	}
	return result
}

func weak(sum uint64) uint32 { return uint32(sum >> 32) }

func strong(block []byte) uint32 {
	sum := sha256.Sum256(block)
	return binary.BigEndian.Uint32(sum[:4])
}

// appendBlockHash appends the hashes of one block.
func appendBlockHash(to, block []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, weak(roll(block)))
	return binary.BigEndian.AppendUint32(to, strong(block))
}

// signature is what the donor knows of the joiner's old version: at most maxBlocks blocks.
type signature struct {
	size   int64 // of all full blocks but perhaps the last
	last   int64 // of the last one
	weak   []uint32
	strong []uint32
	first  []int32 // by a part of the weak hash: a block, or -1
	next   []int32 // another block with the same part
	shift  uint
}

func newSignature(m get) *signature {
	s := &signature{size: m.blockSize, last: m.oldSize - (m.blocks-1)*m.blockSize}
	s.weak = make([]uint32, 0, m.blocks)
	s.strong = make([]uint32, 0, m.blocks)
	return s
}

// add takes a frame of block hashes; whole blocks' only.
func (s *signature) add(payload []byte) error {
	if len(payload) == 0 || len(payload)%blockHash != 0 || len(payload)/blockHash > cap(s.weak)-len(s.weak) {
		return fmt.Errorf("%w: hashes of blocks", errFrame)
	}
	for ; len(payload) > 0; payload = payload[blockHash:] {
		s.weak = append(s.weak, binary.BigEndian.Uint32(payload))
		s.strong = append(s.strong, binary.BigEndian.Uint32(payload[4:]))
	}
	return nil
}

func (s *signature) complete() bool { return len(s.weak) == cap(s.weak) }

func (s *signature) index() {
	bits := uint(8)
	for 1<<bits < 4*len(s.weak) {
		bits++
	}
	s.shift = 32 - bits
	s.first = make([]int32, 1<<bits)
	for i := range s.first {
		s.first[i] = -1
	}
	s.next = make([]int32, len(s.weak))
	for i := len(s.weak) - 1; i >= 0; i-- { // so that the first of equal blocks is found
		at := s.weak[i] >> s.shift
		s.next[i] = s.first[at]
		s.first[at] = int32(i)
	}
}

// chain bounds how many blocks with one hash are tried: a file of equal blocks has very many.
const chain = 8

// find returns the block that a window is, preferring the one expected next; -1 if none is.
func (s *signature) find(sum uint64, window []byte, expected int64) int64 {
	w := weak(sum)
	at := s.first[w>>s.shift]
	if at < 0 {
		return -1
	}
	hashed, hash := false, uint32(0)
	same := func(i int64) bool {
		if s.weak[i] != w || s.length(i) != int64(len(window)) {
			return false
		}
		if !hashed {
			hashed, hash = true, strong(window)
		}
		return s.strong[i] == hash
	}
	if expected >= 0 && expected < int64(len(s.weak)) && same(expected) {
		return expected
	}
	for tries := 0; at >= 0 && tries < chain; at, tries = s.next[at], tries+1 {
		if same(int64(at)) {
			return int64(at)
		}
	}
	return -1
}

func (s *signature) length(block int64) int64 {
	if block == int64(len(s.weak))-1 {
		return s.last
	}
	return s.size
}

// deltaSink takes a content in order.
type deltaSink interface {
	data(bytes []byte) error
	copied(first, count int64) error
}

// delta writes what is read as bytes and as blocks of the signature; its memory is a few blocks.
func (s *signature) delta(ctx context.Context, from io.Reader, to deltaSink) error {
	out := runs{to: to}
	buffer := make([]byte, max(3*s.size, 4*maxData))
	leaving := power(s.size)
	pending, at, end := 0, 0, 0 // bytes that no block has begin at pending, the window at at
	var sum uint64
	rolling, eof, expected := false, false, int64(-1)
	for {
		if int64(end-at) <= s.size && !eof { // one byte more than the window, to roll
			if err := out.data(buffer[pending:at]); err != nil {
				return err
			}
			end = copy(buffer, buffer[at:end])
			pending, at = 0, 0
			n, err := io.ReadFull(from, buffer[end:])
			end += n
			if eof = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !eof {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if int64(end-at) < s.size {
			break
		}
		window := buffer[at : at+int(s.size)]
		if !rolling {
			sum, rolling = roll(window), true
		}
		if block := s.find(sum, window, expected); block >= 0 {
			if err := out.block(buffer[pending:at], block); err != nil {
				return err
			}
			at += int(s.size)
			pending, rolling, expected = at, false, block+1
			continue
		}
		if at+int(s.size) < end {
			sum = sum*prime + uint64(buffer[at+int(s.size)]) + 1 - leaving*(uint64(buffer[at])+1)
		} else {
			rolling = false
		}
		at++
	}
	return s.tail(buffer[pending:end], &out)
}

// tail is what is shorter than a block: only the last block can end it.
func (s *signature) tail(rest []byte, out *runs) error {
	if s.last < s.size && int64(len(rest)) >= s.last {
		window := rest[int64(len(rest))-s.last:]
		last := int64(len(s.weak)) - 1
		if s.find(roll(window), window, last) == last {
			if err := out.block(rest[:int64(len(rest))-s.last], last); err != nil {
				return err
			}
			rest = nil
		}
	}
	if err := out.data(rest); err != nil {
		return err
	}
	return out.flush()
}

// runs makes one of blocks that follow each other.
type runs struct {
	to           deltaSink
	first, count int64
}

func (r *runs) data(bytes []byte) error {
	if len(bytes) == 0 {
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.to.data(bytes)
}

func (r *runs) block(before []byte, block int64) error {
	if err := r.data(before); err != nil {
		return err
	}
	if r.count > 0 && r.first+r.count == block {
		r.count++
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.first, r.count = block, 1
	return nil
}

func (r *runs) flush() error {
	if r.count == 0 {
		return nil
	}
	first, count := r.first, r.count
	r.count = 0
	return r.to.copied(first, count)
}
