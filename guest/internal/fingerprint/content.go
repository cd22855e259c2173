package fingerprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	piece     = 1 << 20 // bytes read, or taken for zeros, between two looks at the context
	alignment = 4096    // of what is read with O_DIRECT
)

// zeros is what a hole reads as.
var zeros [piece]byte

// Hasher reads contents. For one goroutine.
type Hasher struct {
	// Progress is told how many bytes of how many were read, at least once a file and after each megabyte. It may be nil.
	Progress func(done, size int64)
	// Still is asked as often, and ends the hashing by an error: it is of no use any more. It may be nil.
	Still func() error

	buffer []byte // while it reads
	pacer  pacer
}

// buffers are taken by who reads just now: a look that has nothing to read needs none.
var buffers = sync.Pool{New: func() any {
	memory := make([]byte, piece+alignment)
	skip := -uintptr(unsafe.Pointer(&memory[0])) & (alignment - 1)
	buffer := memory[skip : skip+piece : skip+piece]
	return &buffer
}}

// NewHasher makes one that reads no more than so many bytes a second (0: no limit). What a hole holds is free.
func NewHasher(bandwidth int64) *Hasher { return &Hasher{pacer: pacer{rate: bandwidth}} }

// Hash is the SHA-256, in hexadecimal digits, of a file's first size bytes, holes as zeros. It ends with the context. A file
// opened with O_DIRECT is read with it.
func (h *Hasher) Hash(ctx context.Context, file *os.File, size int64, sparse bool) (string, error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	h.buffer = *buffer
	defer func() { h.buffer = nil }()
	sum := sha256.New()
	hole, data := int64(-1), int64(-1) // the last hole found is [hole, data)
	if !sparse {
		hole, data = 0, 0
	}
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if sparse && done >= data {
			hole, data = nextHole(file, done, size)
		}
		n, ended := min(piece-done%piece, size-done), false
		if sparse && hole <= done && done+n <= data {
			sum.Write(zeros[:n])
		} else {
			var err error
			if n, ended, err = h.read(ctx, sum, file, done, n); err != nil {
				return "", err
			}
		}
		done += n
		if h.Still != nil && done < size {
			if err := h.Still(); err != nil {
				return "", err
			}
		}
		if h.Progress != nil {
			h.Progress(done, size)
		}
		if ended {
			break
		}
	}
	if h.Progress != nil && size == 0 {
		h.Progress(0, 0)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// read takes bytes up to a number; ended says that the file has become shorter.
func (h *Hasher) read(ctx context.Context, sum hash.Hash, file *os.File, at, most int64) (taken int64, ended bool, err error) {
	// O_DIRECT wants whole blocks, also at the end.
	whole := min(int64(len(h.buffer)), (most+alignment-1)&^(alignment-1))
	n, err := unix.Pread(int(file.Fd()), h.buffer[:whole], at)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Pread(int(file.Fd()), h.buffer[:whole], at)
	}
	if err != nil {
		return 0, false, fmt.Errorf("reading at byte %d: %w", at, err)
	}
	taken = min(int64(n), most)
	sum.Write(h.buffer[:taken])
	return taken, taken < most && n%alignment != 0 || n == 0, h.pacer.spend(ctx, taken)
}

// nextHole finds the next hole at or behind a place; where the file system knows of none it is behind the end.
func nextHole(file *os.File, from, size int64) (hole, data int64) {
	fd := int(file.Fd())
	hole, err := unix.Seek(fd, from, unix.SEEK_HOLE)
	if err != nil || hole >= size {
		return size, size
	}
	data, err = unix.Seek(fd, hole, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return hole, size
	}
	if err != nil {
		return size, size
	}
	return hole, data
}

// pacer spreads bytes over time.
type pacer struct {
	rate  int64 // bytes a second; 0: no limit
	until time.Time
}

// spend waits until so many bytes more are due.
func (p *pacer) spend(ctx context.Context, bytes int64) error {
	if p.rate <= 0 {
		return nil
	}
	now := time.Now()
	if p.until.Before(now) {
		p.until = now
	}
	p.until = p.until.Add(time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second)))
	timer := time.NewTimer(p.until.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Durable writes a file's content back. Later stores through a mapping then move the ctime.
func Durable(file *os.File) error {
	for {
		err := unix.Fdatasync(int(file.Fd()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err == nil, errors.Is(err, unix.EINVAL), errors.Is(err, unix.EROFS), errors.Is(err, unix.ENOTSUP):
			return nil
		default:
			return fmt.Errorf("writing %q back: %w", file.Name(), err)
		}
	}
}

// forgetCache drops a file's clean pages, so that what is read comes from the disk.
func forgetCache(file *os.File) { _ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED) }

// direct is true where reading with O_DIRECT goes past the cache for this file, and not silently through it, with blocks that
// are not larger than what is read at once.
func direct(file *os.File, system FileSystem) bool {
	const dioalign = 0x2000 // STATX_DIOALIGN, from kernel 6.1
	var st unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, dioalign, &st)
	if err == nil && st.Mask&dioalign != 0 {
		return st.Dio_offset_align != 0 && st.Dio_offset_align <= alignment && st.Dio_mem_align <= alignment && system.Direct
	}
	return system.Direct
}

// HashPastCache is the SHA-256 of an open file's first size bytes, as the disk has them: what is not written back yet is read from the cache,
// so make it durable first. On a file system in memory there is nothing else. The file may be read with O_DIRECT from then on.
func HashPastCache(ctx context.Context, file *os.File, size int64, system FileSystem) ([sha256.Size]byte, error) {
	var content [sha256.Size]byte
	if !system.InMemory {
		past := direct(file, system)
		if past {
			_, err := unix.FcntlInt(file.Fd(), unix.F_SETFL, unix.O_DIRECT)
			past = err == nil
		}
		if !past {
			forgetCache(file)
		}
	}
	digits, err := NewHasher(0).Hash(ctx, file, size, true)
	if err == nil {
		_, err = hex.Decode(content[:], []byte(digits))
	}
	return content, err
}
