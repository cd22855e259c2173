// Package watch tells which paths of a file tree may have changed, and whether another process made the change.
//
// Events make looking fast, a walk keeps it true: whoever uses this package must still walk the tree now and then, because each
// way of watching is blind to something.
//
//	way       what it does not see
//	fanotify  stores through a mapping (a close of the file after the last of them is seen, if it was open for writing);
//	          what another machine does to a shared file system; what is mounted or unmounted over a directory;
//	          content that changes below the file system
//	inotify   the same; the process; a write through a name of the file that is outside the tree
//	walk      everything: it says at an interval that anything may have changed
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// The ways of watching a tree, best first.
const (
	Fanotify = "fanotify"
	Inotify  = "inotify"
	Walk     = "walk"
)

// Event says that something may have changed.
type Event struct {
	// Path is relative to the root of the tree, in raw bytes; "" is the root itself, and if Nameless is set it is not known.
	// A receiver that makes no difference takes "" for anything.
	Path string
	// Nameless says that only Ino is known, because the change was made through no name or one outside the tree. An inode
	// that is not of the tree is then of no concern.
	Nameless bool
	// Subtree says that a directory came, went or moved: what is beneath Path may all be new or gone.
	Subtree bool
	// Foreign says that a process made the change which is neither this program nor its child. Only fanotify knows: the
	// other ways never say so.
	Foreign bool
	// Ino is the inode that changed, or 0 if it is gone or unknown. All names of it may have changed: those that the
	// receiver knows for Ino, and those that it knows for the inode which Path had before.
	Ino uint64
}

// Batch is what was gathered, at most the bounds of Options, with each path named once.
type Batch struct {
	Events []Event
	// Overflow says that anything may have changed; Events is then empty.
	Overflow bool
	// Why is the reason of an Overflow, a sentence for people.
	Why string

	drained []chan struct{}
}

// Looked says that what the batch names was looked at: who asked for a drain that ends with it may go on. It is called once for each
// batch, by who took it.
func (b Batch) Looked() {
	for _, done := range b.drained {
		close(done)
	}
}

// Watcher watches one tree.
type Watcher interface {
	// Changes begins to tell what changes from its return on; what changed before must be found by a walk that begins after
	// it. The channel is closed when the context ends or Close is called. What is not taken from it is gathered further,
	// within bounds. It may be called once.
	Changes(ctx context.Context) (<-chan Batch, error)
	// Drain asks that what happened before it be told at once: the channel is closed when the batch with the last of it was
	// looked at, and also when the watcher ends. Safe for many goroutines.
	Drain() <-chan struct{}
	// Kind is Fanotify, Inotify or Walk. It may become Walk while the watcher works.
	Kind() string
	// Why says why no better way of watching is used, a sentence for people; "" if the best one is.
	Why() string
	// Close ends the watcher and waits for its goroutines. It may be called more than once.
	Close() error
}

// Options of a watcher. The zero value means the defaults.
type Options struct {
	// Kinds are the ways that may be tried, in this order. Default: all, best first. Walk is always the last resort.
	Kinds []string
	// Gather is how long changes are gathered, 20 ms by default.
	Gather time.Duration
	// Interval is how often the walk alone says Overflow, 2 s by default.
	Interval time.Duration
	// MostPaths and MostBytes bound the paths of a batch: 8,192 and 2 MiB by default. More of either is an Overflow.
	MostPaths, MostBytes int
	// MostDirectories bounds the directories that inotify watches, 100,000 by default; each takes about 1 KB in the kernel.
	MostDirectories int
	// Skip says which paths, with everything beneath them, are of no interest, such as the program's own directory: it is
	// asked for directories too, in the watcher's goroutine. nil: none.
	Skip func(path string) bool
	// Own says which processes besides this one and its living descendants are its own, such as commands that have ended.
	// nil: none.
	Own func(pid int) bool
	// After is time.After, or a test's clock.
	After func(time.Duration) <-chan time.Time

	// Does without what kernels before 5.17 lack.
	old bool
}

func (o Options) withDefaults() Options {
	if o.Kinds == nil {
		o.Kinds = []string{Fanotify, Inotify}
	}
	if o.Gather <= 0 {
		o.Gather = 20 * time.Millisecond
	}
	if o.Interval <= 0 {
		o.Interval = 2 * time.Second
	}
	if o.MostPaths <= 0 {
		o.MostPaths = 8192
	}
	if o.MostBytes <= 0 {
		o.MostBytes = 2 << 20
	}
	if o.MostDirectories <= 0 {
		o.MostDirectories = 100_000
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	if o.Own == nil {
		o.Own = func(int) bool { return false }
	}
	if o.After == nil {
		o.After = time.After
	}
	return o
}

// A source puts changes into the gatherer until it is closed. Its run returns nil then, and an error if it can watch no more.
type source interface {
	run(ctx context.Context, into *gatherer) error
	// wake has run take what is there without waiting for more.
	wake() error
	close() error
}

// Open begins to watch the tree at this absolute path, by the best way that its file system and this kernel take. With inotify
// this lists all directories, for as long as the context lasts.
//
// It fails only if the tree cannot be opened or the context ends; that a way of watching is not to be had is no failure.
func Open(ctx context.Context, tree string, options Options) (Watcher, error) {
	options = options.withDefaults()
	root, err := os.OpenFile(tree, os.O_RDONLY|directoryFlags, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the tree to watch it: %w", err)
	}
	w := &watcher{options: options, kind: Walk, root: root}
	var reasons []string
	for _, kind := range options.Kinds {
		var from source
		var err error
		switch kind {
		case Fanotify:
			from, err = openFanotify(root, options)
		case Inotify:
			from, err = openInotify(ctx, root, options)
		case Walk:
		default:
			err = fmt.Errorf("there is no way of watching called %q", kind)
		}
		if err == nil {
			w.source, w.kind = from, kind
			break
		}
		if ctx.Err() != nil {
			root.Close()
			return nil, fmt.Errorf("beginning to watch %s: %w", tree, context.Cause(ctx))
		}
		reasons = append(reasons, fmt.Sprintf("%s cannot watch %s: %v", kind, tree, err))
	}
	w.why = strings.Join(reasons, "; ")
	return w, nil
}

// Watches with a source, and by the walk alone if that is none or fails.
type watcher struct {
	options Options
	root    *os.File

	mutex  sync.Mutex
	source source
	kind   string
	why    string
	into   *gatherer // nil: not started
	closed bool
	cancel context.CancelFunc
	work   sync.WaitGroup
}

func (w *watcher) Kind() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.kind
}

func (w *watcher) Why() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.why
}

func (w *watcher) Changes(ctx context.Context) (<-chan Batch, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.into != nil || w.closed {
		return nil, errors.New("this watcher is already used or closed: open another")
	}
	ctx, w.cancel = context.WithCancel(ctx)
	batches := make(chan Batch)
	into := newGatherer(w.options)
	w.into = into
	w.work.Go(func() {
		// What the source sees, and when it can see no more, what the interval says.
		if w.source != nil {
			stop := context.AfterFunc(ctx, func() { w.source.close() })
			err := w.source.run(ctx, into)
			stop()
			if err == nil || ctx.Err() != nil {
				return
			}
			w.fallBack(err, into)
		}
		w.walkAlone(ctx, into)
	})
	w.work.Go(func() {
		defer close(batches)
		into.deliver(ctx, batches)
	})
	return batches, nil
}

func (w *watcher) Drain() <-chan struct{} {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.into == nil || w.closed {
		done := make(chan struct{})
		close(done)
		return done
	}
	done := w.into.drain()
	if w.kind != Walk {
		if err := w.source.wake(); err != nil {
			w.source.close() // walks take its place
		}
	}
	return done
}

func (w *watcher) fallBack(err error, into *gatherer) {
	w.mutex.Lock()
	why := fmt.Sprintf("%s watches no more, the tree is walked instead: %v", w.kind, err)
	w.kind, w.why = Walk, why
	w.mutex.Unlock()
	w.source.close()
	into.overflow(why)
	into.flush()
}

func (w *watcher) walkAlone(ctx context.Context, into *gatherer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.options.After(w.options.Interval):
		case <-into.asked:
		}
		asked := into.waiting()
		into.overflow("the tree is walked at its interval")
		into.reached(asked)
		into.flush()
	}
}

func (w *watcher) Close() error {
	w.mutex.Lock()
	if w.closed {
		w.mutex.Unlock()
		return nil
	}
	w.closed = true
	if w.cancel != nil {
		w.cancel()
	}
	w.mutex.Unlock()
	var err error
	if w.source != nil {
		err = w.source.close()
	}
	w.work.Wait()
	return errors.Join(err, w.root.Close())
}
