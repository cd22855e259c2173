package service

import (
	"context"
	"iter"
	"sync"
	"time"

	"virtquorum.io/guest/internal/fingerprint"
)

const (
	largeFile     = 64 << 20    // bytes; such a file is read beside the others, so that they need not wait for it
	shortestBreak = time.Second // before a large file is read once more that changed while it was read
)

// large are the files that are read beside the others, one at a time. One that changed while it was read rests for as long as that
// took, so that a file which changes all the time takes half of a core at most and the others have their turn.
type large struct {
	mu      sync.Mutex
	reading string
	rests   map[string]time.Time // until when
}

// takes is true if the file is not read already, and is not to rest.
func (l *large) takes(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one, until := range l.rests {
		if time.Now().After(until) {
			delete(l.rests, one)
		}
	}
	_, rests := l.rests[path]
	return path != l.reading && !rests
}

func (l *large) begin(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = path
}

// end says that the reading of it is over; for how long it is to rest, or 0.
func (l *large) end(path string, rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = ""
	if rest > 0 {
		if l.rests == nil {
			l.rests = map[string]time.Time{}
		}
		l.rests[path] = time.Now().Add(rest)
	}
}

// read reads what looks found, small files first and large ones beside them.
func (t *tree) read(ctx context.Context, rows *fingerprint.Scanner) {
	queue := make(chan string, 1)
	var beside sync.WaitGroup
	beside.Go(func() {
		for path := range queue {
			t.readLarge(ctx, rows, path)
		}
	})
	defer beside.Wait()
	defer close(queue)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.unread:
		}
		err := t.readSmall(ctx, rows, nil, func(path string) {
			if t.large.takes(path) {
				select {
				case queue <- path:
				default: // after the one that is being read
				}
			}
		})
		t.readDone(ctx, err)
	}
}

// readSmall reads what is to be read but for large files, which it tells. Whoever waits for another's reading finds less to do.
func (t *tree) readSmall(ctx context.Context, rows *fingerprint.Scanner, progress func(string, int64, int64), large func(path string)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case t.small <- struct{}{}:
		defer func() { <-t.small }()
	}
	_, err := rows.Read(ctx, fingerprint.Reading{Progress: progress, Most: largeFile, Paths: func(yield func(string) bool) {
		for path := range rows.Unread() {
			if entry, _ := rows.Entry(path); entry.Size > largeFile { // by now: an entry is known though it changed
				large(path)
			} else if !yield(path) {
				return
			}
		}
	}})
	return err
}

func (t *tree) readLarge(ctx context.Context, rows *fingerprint.Scanner, path string) {
	if row, known := rows.Row(path); !known || !row.Unread { // it was read, or went, while it waited
		return
	}
	t.large.begin(path)
	began := time.Now()
	done, err := rows.Read(ctx, fingerprint.Reading{Paths: one(path)})
	rest := time.Duration(0)
	if done.Moved > 0 {
		rest = max(shortestBreak, time.Since(began))
	}
	t.large.end(path, rest)
	time.AfterFunc(rest, t.toRead) // another may wait for its turn, or this one once more
	t.readDone(ctx, err)
}

// toRead says that there may be something to read.
func (t *tree) toRead() {
	select {
	case t.unread <- struct{}{}:
	default:
	}
}

func one(path string) iter.Seq[string] { return func(yield func(string) bool) { yield(path) } }

func (t *tree) readDone(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		t.failed(err)
	}
	t.changed()
}
