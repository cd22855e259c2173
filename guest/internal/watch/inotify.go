package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const inotifyMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_CLOSE_WRITE |
	unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

var errTooManyWatches = errors.New("there are more directories than may be watched; raise fs.inotify.max_user_watches in the guest for faster looks")

// Watches each directory of the tree. Used by one goroutine, but for close.
type inotify struct {
	root    *os.File
	options Options
	scratch []byte

	mutex  sync.Mutex // over events and closed
	events *os.File
	closed bool

	watches map[int32]*node
	top     *node
}

// A watched directory.
type node struct {
	watch    int32
	parent   *node
	name     string
	children map[string]*node
}

func (n *node) path() string {
	length := 0
	for at := n; at.parent != nil; at = at.parent {
		length += len(at.name) + 1
	}
	if length == 0 {
		return ""
	}
	path := make([]byte, length-1)
	for at, end := n, length-1; at.parent != nil; at = at.parent {
		copy(path[end-len(at.name):end], at.name)
		if end -= len(at.name) + 1; end >= 0 {
			path[end] = '/'
		}
	}
	return string(path)
}

func openInotify(ctx context.Context, root *os.File, options Options) (source, error) {
	i := &inotify{root: root, options: options, scratch: make([]byte, readSize)}
	if err := i.begin(ctx); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// Begins anew, with all directories that there are now.
func (i *inotify) begin(ctx context.Context) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("asking the kernel for it: %w", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	i.mutex.Lock()
	if i.closed {
		i.mutex.Unlock()
		events.Close()
		return os.ErrClosed
	}
	before := i.events
	i.events = events
	i.mutex.Unlock()
	if before != nil {
		before.Close()
	}
	i.watches, i.top = map[int32]*node{}, nil
	top, err := unix.Openat(int(i.root.Fd()), ".", unix.O_PATH|directoryFlags, 0)
	if err != nil {
		return fmt.Errorf("opening the tree: %w", err)
	}
	return i.addAll(ctx, nil, "", top)
}

func (i *inotify) close() error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.closed = true
	if i.events == nil {
		return nil
	}
	if err := i.events.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (i *inotify) wake() error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.events == nil {
		return nil
	}
	return i.events.SetReadDeadline(time.Now())
}

func (i *inotify) run(ctx context.Context, into *gatherer) error {
	for {
		err := rounds(ctx, i.events, i.options, into, i.scratch, func(read []byte) error {
			for len(read) > 0 {
				event, rest, err := parseInotify(read)
				if err != nil {
					return err
				}
				if err := i.take(ctx, event, into); err != nil {
					return err
				}
				read = rest
			}
			return nil
		}, func() {})
		if !errors.Is(err, errLostEvents) {
			return err
		}
		// New directories may be among what was lost. Said only when all are watched again, so that the walk misses nothing.
		if err := i.begin(ctx); err != nil {
			if errors.Is(err, os.ErrClosed) || ctx.Err() != nil {
				return nil
			}
			return err
		}
		into.overflow("the kernel's queue of events was full")
		into.flush()
	}
}

var errLostEvents = errors.New("events were lost")

func (i *inotify) take(ctx context.Context, event inotifyEvent, into *gatherer) error {
	switch {
	case event.mask&unix.IN_Q_OVERFLOW != 0:
		return errLostEvents
	case event.mask&unix.IN_UNMOUNT != 0:
		return errors.New("its file system was unmounted")
	}
	at, known := i.watches[event.watch]
	if !known {
		return nil // of a directory that moved or went: told by its parent
	}
	switch {
	case event.mask&unix.IN_IGNORED != 0:
		i.forget(at)
		return nil
	case event.mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF) != 0:
		if at == i.top {
			into.overflow("the tree itself was moved or removed")
		}
		return nil
	}
	path := at.path()
	if event.name != "" {
		path = joined(path, event.name)
	}
	subtree := event.mask&unix.IN_ISDIR != 0 && event.mask&(unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO) != 0
	if subtree {
		if err := i.moved(ctx, at, event, path); err != nil {
			into.add(Event{Path: path, Subtree: true})
			return err
		}
	}
	if !into.overflown() {
		into.add(Event{Path: path, Subtree: subtree, Ino: i.number(path)})
	}
	return nil
}

// Follows a directory that came, went or moved.
func (i *inotify) moved(ctx context.Context, parent *node, event inotifyEvent, path string) error {
	if event.mask&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0 {
		if child := parent.children[event.name]; child != nil {
			i.drop(child)
		}
		// There may be another one already: two that exchange their names give four events.
	}
	if i.options.Skip(path) {
		return nil
	}
	// The names come from the root, which is held open, each through no link: the same directory, or none, or one that moved
	// here meanwhile, whose own event follows.
	fd, err := i.open(parent, event.name)
	if err != nil {
		return nil
	}
	return i.addAll(ctx, parent, event.name, fd)
}

func (i *inotify) open(parent *node, name string) (int, error) {
	var names []string
	for at := parent; at.parent != nil; at = at.parent {
		names = append(names, at.name)
	}
	fd, err := unix.Openat(int(i.root.Fd()), ".", unix.O_PATH|directoryFlags, 0)
	for n := len(names); err == nil && n >= 0; n-- {
		next := name
		if n > 0 {
			next = names[n-1]
		}
		var down int
		down, err = unix.Openat(fd, next, unix.O_PATH|directoryFlags|unix.O_NOFOLLOW, 0)
		unix.Close(fd)
		fd = down
	}
	return fd, err
}

// The inode of a path, for a receiver that knows its other names; 0 if there is none now. What a link on the way would lead to
// is only a number too many.
func (i *inotify) number(path string) uint64 {
	if path == "" {
		path = "."
	}
	var stat unix.Stat_t
	if unix.Fstatat(int(i.root.Fd()), path, &stat, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != nil {
		return 0
	}
	return stat.Ino
}

// Watches a directory that is open as fd, which this closes.
func (i *inotify) watch(parent *node, name string, fd int) (*node, error) {
	defer unix.Close(fd)
	var number int
	err := control(i.events, func(events int) (err error) {
		number, err = unix.InotifyAddWatch(events, "/proc/self/fd/"+strconv.Itoa(fd), inotifyMask)
		return err
	})
	switch {
	case errors.Is(err, unix.ENOSPC):
		return nil, errTooManyWatches
	case err != nil && parent == nil:
		return nil, fmt.Errorf("watching the tree: %w", err)
	case err != nil:
		return nil, nil // gone meanwhile
	}
	at, known := i.watches[int32(number)]
	if known {
		// Moved since it was watched, and the events of that are still to come. Where the move turned the tree's order round
		// while it was listed, they put it right: a directory is never put beneath itself.
		for above := parent; ; above = above.parent {
			if above == at || parent == nil {
				return nil, nil
			}
			if above.parent == nil {
				break
			}
		}
		if at.parent.children[at.name] == at {
			delete(at.parent.children, at.name)
		}
	} else {
		at = &node{watch: int32(number)}
		i.watches[at.watch] = at
	}
	at.parent, at.name = parent, name
	if parent == nil {
		i.top = at
		return at, nil
	}
	if other := parent.children[name]; other != nil && other != at {
		other.parent = nil
		i.drop(other)
	}
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[name] = at
	if len(i.watches) > i.options.MostDirectories {
		return nil, errTooManyWatches
	}
	return at, nil
}

// Takes the watch from a directory and all beneath it.
func (i *inotify) drop(at *node) {
	for pending := []*node{at}; len(pending) > 0; {
		last := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, child := range last.children {
			pending = append(pending, child)
		}
		delete(i.watches, last.watch)
		// An error says that it is gone, which is what is wanted.
		_ = control(i.events, func(events int) error {
			_, err := unix.InotifyRmWatch(events, uint32(last.watch))
			return err
		})
	}
	if at.parent != nil && at.parent.children[at.name] == at {
		delete(at.parent.children, at.name)
	}
}

// Forgets a directory whose watch the kernel took. What was beneath it has events of its own.
func (i *inotify) forget(at *node) {
	delete(i.watches, at.watch)
	if at.parent != nil && at.parent.children[at.name] == at {
		delete(at.parent.children, at.name)
	}
}
