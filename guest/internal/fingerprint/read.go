package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

const (
	batchFiles = 1_000
	batchBytes = 256 << 20
	// Up to so many files each is written back by itself; beyond, the file system is in one go.
	oneByOne = 16
)

// Reading is what Read is to do.
type Reading struct {
	Paths     iter.Seq[string] // nil: all that is unread
	PastCache bool             // from the disk; on a file system in memory there is nothing else
	Most      int64            // bytes; a file that is larger by now is left unread; 0: none is too large
	// Urgent says that somebody waits: several files are read at a time, as fast as the disk gives them. Otherwise one after the other, and
	// past the cache no more bytes a second than the scanner's bandwidth.
	Urgent bool
	// Progress is told where the reading is, after each file and each megabyte, by one reader at a time; it may be nil.
	Progress func(path string, done, size int64)
}

// Done is what Read did.
type Done struct {
	Files int
	Bytes int64
	Moved int // rows that changed while they were read, or that could not be: they stay unread
}

// errMoved means that a file changed while it was read.
var errMoved = errors.New("it changes while it is read")

// errLarger means that a file is larger than Reading.Most by now.
var errLarger = errors.New("it is larger than what is read now")

// Read reads contents and makes digests. What it reads is written back, looked at, read, and looked at again; if it changed
// meanwhile once more, three times at most: then the digest is of what was read last, and the row moves at the next look. What
// cannot be read has a digest that no content has, and Row.Trouble says why. The error is the context's, or of a Scanner that
// was closed.
func (s *Scanner) Read(ctx context.Context, reading Reading) (Done, error) {
	r := &reader{Scanner: s, ctx: ctx, reading: reading, hasher: NewHasher(0)}
	if reading.PastCache && !reading.Urgent {
		r.hasher = NewHasher(s.options.Bandwidth)
	}
	paths := reading.Paths
	if paths == nil {
		paths = s.Unread()
	}
	var batch []string
	var bytes int64
	for path := range paths {
		size, known := s.size(path)
		if !known {
			continue
		}
		batch = append(batch, path)
		if bytes += size; len(batch) >= batchFiles || bytes >= batchBytes {
			if err := r.batch(batch); err != nil {
				return r.done, err
			}
			batch, bytes = batch[:0], 0
		}
	}
	return r.done, r.batch(batch)
}

func (s *Scanner) size(path string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, false
	}
	i, known := s.table.get(path)
	if !known {
		return 0, false
	}
	return s.table.at(i).size, true
}

type reader struct {
	*Scanner
	ctx     context.Context
	reading Reading
	hasher  *Hasher
	done    Done
}

func (r *reader) batch(paths []string) error {
	var before map[string]beneath.Stat
	seconds := r.options.Now().Unix()
	if len(paths) > oneByOne {
		before = make(map[string]beneath.Stat, len(paths))
		for _, path := range paths {
			if st, err := r.root.Stat(name(path)); err == nil {
				before[path] = st
			}
		}
		if err := r.root.SyncFileSystem(); err != nil {
			before = nil // each by itself then
		}
	}
	if r.reading.Urgent && len(paths) > 1 {
		return r.together(paths, before, seconds)
	}
	for _, path := range paths {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := r.one(path, before, seconds); err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
	}
	return nil
}

// together reads several files of a batch at a time.
func (r *reader) together(paths []string, before map[string]beneath.Stat, seconds int64) error {
	var adding, telling sync.Mutex
	reading := r.reading
	if told := reading.Progress; told != nil {
		reading.Progress = func(path string, done, size int64) {
			telling.Lock()
			defer telling.Unlock()
			told(path, done, size)
		}
	}
	return Together(r.ctx, slices.Values(paths), func(ctx context.Context, path string) error {
		own := reader{Scanner: r.Scanner, ctx: ctx, reading: reading, hasher: NewHasher(0)}
		err := own.one(path, before, seconds)
		adding.Lock()
		defer adding.Unlock()
		r.done.Files += own.done.Files
		r.done.Bytes += own.done.Bytes
		r.done.Moved += own.done.Moved
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		return nil
	})
}

// atATime is how many files are read together: the disk is waited for, not the processor.
const atATime = 4

// Together does something with each of what is given, several at a time, and returns when nothing of it runs any more. The first error, or
// the context's end, ends all.
func Together[T any](ctx context.Context, given iter.Seq[T], do func(context.Context, T) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	wanted := make(chan T)
	var running sync.WaitGroup
	for range atATime {
		running.Go(func() {
			for one := range wanted {
				if ctx.Err() != nil {
					continue
				}
				if err := do(ctx, one); err != nil {
					end(err)
				}
			}
		})
	}
	for one := range given {
		if ctx.Err() != nil {
			break
		}
		wanted <- one
	}
	close(wanted)
	running.Wait()
	return context.Cause(ctx)
}

// one reads a row, whatever it is by now. The error ends the whole reading.
func (r *reader) one(path string, before map[string]beneath.Stat, seconds int64) error {
	start, known := r.known(path)
	if !known {
		return nil
	}
	var found readout
	var err error
	for round := range rounds {
		st, written := before[path]
		written = written && round == 0
		if !written {
			seconds = r.options.Now().Unix()
		}
		found, err = r.attempt(path, st, written, round == rounds-1)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case errors.Is(err, errMoved):
		r.done.Moved++
		if found.hash == "" { // it is gone
			return nil
		}
	case vanished(err), errors.Is(err, errLarger):
		r.done.Moved++
		return nil // the next look sees what became of it
	case errors.Is(err, beneath.ErrBusy):
		r.done.Moved++
		r.tell(path, err.Error())
		return nil
	case err != nil:
		st, statErr := r.root.Stat(name(path))
		if statErr != nil {
			r.done.Moved++
			return nil
		}
		found = readout{stat: st, hash: Unreadable, trouble: err.Error(), fence: r.fenced()}
	}
	// What the disk itself does not give stays lost until it is read from there again: the page cache may still have it.
	told := err == nil || r.reading.PastCache && errors.Is(err, unix.EIO)
	return r.keep(path, start, found, told && IsPast(found.stat.Ctime, seconds))
}

// readout is what was read of a row.
type readout struct {
	stat    beneath.Stat
	target  string
	xattrs  []Xattr
	hash    string
	trouble string
	nanos   int64  // before its content was read
	fence   uint64 // of the scanner, then
}

// isWorthIt ends a reading in the middle: of a file that changed, which is read once more anyway, and of one that is gone.
func (r *reader) isWorthIt(file *os.File, before beneath.Stat, last bool) error {
	now, err := r.root.StatFile(file)
	if err == nil && (now.Nlink == 0 || !last && !Same(before, now)) {
		return errMoved
	}
	return err
}

// attempt reads a row once. before is what it looked like before the file system was written back, if it was; last: to its end, though
// it changes.
func (r *reader) attempt(path string, before beneath.Stat, written, last bool) (readout, error) {
	begun := readout{nanos: r.options.Now().UnixNano(), fence: r.fenced()}
	file, past, err := r.open(path)
	if errors.Is(err, beneath.ErrNotRegular) || errors.Is(err, beneath.ErrLink) {
		e, err := Describe(r.root, name(path), r.options.SELinux)
		begun.stat, begun.target, begun.xattrs, begun.hash = e.Stat, e.Target, e.Xattrs, e.Content()
		return begun, err
	}
	if err != nil {
		return readout{}, err
	}
	defer file.Close()
	st := before
	if !written {
		if st, err = r.root.StatFile(file); err != nil {
			return readout{}, err
		}
		if err := Durable(file); err != nil {
			return readout{}, err
		}
	}
	now, err := r.root.StatFile(file)
	if err != nil {
		return readout{}, err
	}
	if r.reading.Most > 0 && now.Size > r.reading.Most {
		return readout{}, errLarger
	}
	if past {
		forgetCache(file)
	}
	found := readout{stat: now, nanos: r.options.Now().UnixNano(), fence: begun.fence}
	if found.xattrs, err = FileXattrs(file, r.options.SELinux); err != nil {
		return readout{}, err
	}
	r.hasher.Progress = nil
	if r.reading.Progress != nil {
		r.hasher.Progress = func(done, size int64) { r.reading.Progress(path, done, size) }
	}
	r.hasher.Still = func() error { return r.isWorthIt(file, now, last) }
	if found.hash, err = r.hasher.Hash(r.ctx, file, now.Size, now.Blocks*512 < now.Size); err != nil {
		return readout{}, err
	}
	r.done.Files++
	r.done.Bytes += now.Size
	after, err := r.root.StatFile(file)
	if err != nil {
		return readout{}, err
	}
	if !Same(st, now) || !Same(now, after) {
		return found, errMoved
	}
	return found, nil
}

// open opens a file; past says that its pages in the cache must be dropped.
func (r *reader) open(path string) (file *os.File, past bool, err error) {
	file, err = r.root.OpenRegular(name(path), unix.O_RDONLY, 0)
	if err != nil || !r.reading.PastCache || r.system.InMemory {
		return file, false, err
	}
	if !direct(file, r.system) {
		return file, true, nil
	}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFL, unix.O_DIRECT); err != nil {
		return file, true, nil
	}
	return file, false, nil
}

// tell says why a row stays unread.
func (s *Scanner) tell(path, words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if i, known := s.table.get(path); known {
		s.setTrouble(i, words)
	}
}

// known remembers what the row was like when its reading began.
func (s *Scanner) known(path string) (record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return record{}, false
	}
	i, known := s.table.get(path)
	if !known {
		return record{}, false
	}
	return *s.table.at(i), true
}

// keep stores what was read, unless a look saw something newer meanwhile.
func (r *reader) keep(path string, start record, found readout, past bool) error {
	link := r.LinkTo(path)
	e := Entry{Path: path, Stat: found.stat, Target: found.target, Xattrs: found.xattrs, LinkTo: link}
	digest := r.key.Row(e, found.hash)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return unix.EBADF
	}
	i, known := r.table.get(path)
	if !known {
		return nil
	}
	row := r.table.at(i)
	if ctime := start.ctime; !row.is(found.stat) {
		// Newer than the look, and no look was newer still: only what a write changes is taken over, the rest is a look's.
		now := *row
		now.set(found.stat)
		start.size, start.mtime, start.ctime = now.size, now.mtime, now.ctime
		if row.ctime != ctime || !start.is(found.stat) || (now.flags^row.flags)&multi != 0 {
			r.done.Moved++
			return nil
		}
		row.set(found.stat)
		r.touch(i)
	}
	if row.link != start.link {
		r.done.Moved++
		return nil
	}
	doubtful := isDoubtful(found.stat.Ctime, found.nanos, r.system.isFine())
	if !past && doubtful && found.fence != r.fence {
		r.done.Moved++
		return nil // somebody wants to know what was written since
	}
	r.store(i, digest, past, doubtful, found.trouble)
	return nil
}
