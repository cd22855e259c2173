package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	directoryFlags = unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NONBLOCK

	// No FAN_UNLIMITED_QUEUE: the kernel's own bound holds, and what is above it is an overflow that is told.
	fanotifyFlags = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK | unix.FAN_REPORT_FID | unix.FAN_REPORT_DFID_NAME
	fanotifyMask  = comesOrGoes | unix.FAN_MODIFY | unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB | unix.FAN_ONDIR
	comesOrGoes   = unix.FAN_CREATE | unix.FAN_DELETE | unix.FAN_MOVED_FROM | unix.FAN_MOVED_TO

	mostPlaces = 16_384 // directories whose paths are kept
	mostInodes = 4096   // files whose inodes are kept during one round
	mostReads  = 256    // of readSize in one round, before what was gathered is made known
	readSize   = 64 << 10
	mostClimbs = 4096 // from a directory whose path is too long to one that has a path
)

// Watches the whole file system that the tree is on. Used by one goroutine, but for close.
type fanotify struct {
	events  *os.File
	root    *os.File
	options Options
	rootAt  string
	places  map[handle]place
	inodes  map[handle]inode
	owners  map[int32]bool
	scratch []byte
}

// Where a directory is.
type place struct {
	gone   bool
	inside bool
	path   string // relative to the tree if inside, else absolute
	above  bool   // path is that of a directory above it, because its own is too long
}

type inode struct {
	number uint64
	links  uint64
}

func openFanotify(root *os.File, options Options) (source, error) {
	// With the target of each event (5.17) the inode of what was removed is known too. Without names (before 5.9) it is of no use.
	events, err := unix.FanotifyInit(fanotifyFlags|unix.FAN_REPORT_TARGET_FID, unix.O_RDONLY|unix.O_CLOEXEC)
	if err == nil && options.old {
		unix.Close(events)
	}
	if errors.Is(err, unix.EINVAL) || err == nil && options.old {
		events, err = unix.FanotifyInit(fanotifyFlags, unix.O_RDONLY|unix.O_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for it: %w", err)
	}
	f := &fanotify{
		events: os.NewFile(uintptr(events), "fanotify"), root: root, options: options,
		places: map[handle]place{}, inodes: map[handle]inode{}, owners: map[int32]bool{}, scratch: make([]byte, readSize),
	}
	if err := f.begin(); err != nil {
		f.events.Close()
		return nil, err
	}
	return f, nil
}

func (f *fanotify) begin() error {
	if err := f.findRoot(); err != nil {
		return err
	}
	if err := f.tryHandles(); err != nil {
		return err
	}
	// A file system that is not the tree's alone is marked as a whole: a mark on each directory would be inotify again.
	err := control(f.events, func(fd int) error {
		return unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, fanotifyMask, int(f.root.Fd()), "")
	})
	if err != nil {
		return fmt.Errorf("marking the file system: %w", err)
	}
	return nil
}

// That handles of this file system can be opened, and lead where they should.
func (f *fanotify) tryHandles() error {
	found, _, err := unix.NameToHandleAt(int(f.root.Fd()), "", unix.AT_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("asking for a handle of the tree: %w", err)
	}
	if at := f.find(handle{found.Type(), string(found.Bytes())}); !at.inside || at.path != "" {
		return errors.New("its file handles cannot be opened")
	}
	return nil
}

func (f *fanotify) findRoot() error {
	path, err := pathOf(int(f.root.Fd()))
	if err != nil {
		return fmt.Errorf("asking where the tree is: %w", err)
	}
	f.rootAt = path
	return nil
}

func (f *fanotify) close() error {
	if err := f.events.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (f *fanotify) wake() error { return f.events.SetReadDeadline(time.Now()) }

func (f *fanotify) run(ctx context.Context, into *gatherer) error {
	return rounds(ctx, f.events, f.options, into, f.scratch, func(read []byte) error {
		for len(read) > 0 {
			event, rest, err := parseFanotify(read)
			if err != nil {
				return err
			}
			f.take(event, into)
			read = rest
		}
		return nil
	}, func() {
		clear(f.inodes)
		clear(f.owners)
	})
}

func (f *fanotify) take(event fanotifyEvent, into *gatherer) {
	if event.mask&unix.FAN_Q_OVERFLOW != 0 {
		clear(f.places)
		into.overflow("the kernel's queue of events was full")
		return
	}
	directory := event.mask&unix.FAN_ONDIR != 0
	moves := directory && event.mask&comesOrGoes != 0
	if moves {
		// Paths beneath may be others now.
		clear(f.places)
		if err := f.findRoot(); err != nil {
			into.overflow("the tree cannot be found: " + err.Error())
		}
	}
	if into.overflown() {
		return
	}
	if !event.parent.known() {
		f.nameless(event, into)
		return
	}
	at := f.find(event.parent)
	switch {
	case at.gone:
		// That it went was an event of the directory above, and told. Another name of the file may live.
		event.parent = handle{}
		f.nameless(event, into)
	case !at.inside:
		if moves && event.mask&(unix.FAN_CREATE) == 0 && beneathOf(f.rootAt, joined(at.path, event.name)) {
			into.overflow("a directory above the tree was moved or removed")
		}
		f.nameless(event, into)
	case at.above:
		into.add(Event{Path: at.path, Subtree: true, Foreign: f.foreign(event.pid)})
	default:
		path := at.path
		if event.name != "" && event.name != "." {
			path = joined(path, event.name)
		}
		into.add(Event{Path: path, Subtree: moves, Foreign: f.foreign(event.pid), Ino: f.inode(event.target).number})
	}
}

// A change through no name of the tree: of concern if the file has another, which the receiver knows by the inode. That a file
// with one name had another just before needs no care: the end of a name is an event too, without a name.
func (f *fanotify) nameless(event fanotifyEvent, into *gatherer) {
	if !event.target.known() || event.mask&unix.FAN_ONDIR != 0 {
		return
	}
	found := f.inode(event.target)
	if found.links > 1 || found.links > 0 && !event.parent.known() {
		into.add(Event{Nameless: true, Ino: found.number, Foreign: f.foreign(event.pid)})
	}
}

func (f *fanotify) inode(of handle) inode {
	if !of.known() {
		return inode{}
	}
	if found, known := f.inodes[of]; known {
		return found
	}
	found := inode{} // gone
	if fd, err := f.open(of); err == nil {
		var stat unix.Stat_t
		if unix.Fstat(fd, &stat) == nil {
			found = inode{stat.Ino, uint64(stat.Nlink)}
		}
		unix.Close(fd)
	}
	if len(f.inodes) >= mostInodes {
		clear(f.inodes)
	}
	f.inodes[of] = found
	return found
}

// O_PATH: it opens no device and waits for no fifo.
func (f *fanotify) open(of handle) (int, error) {
	return unix.OpenByHandleAt(int(f.root.Fd()), unix.NewFileHandle(of.kind, []byte(of.bytes)), unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW)
}

func (f *fanotify) find(directory handle) place {
	if at, known := f.places[directory]; known {
		return at
	}
	at := f.look(directory)
	if len(f.places) >= mostPlaces {
		clear(f.places)
	}
	f.places[directory] = at
	return at
}

func (f *fanotify) look(directory handle) place {
	fd, err := f.open(directory)
	if err != nil {
		return place{gone: true}
	}
	defer func() { unix.Close(fd) }()
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil || stat.Nlink == 0 {
		return place{gone: true}
	}
	above := false
	path, err := pathOf(fd)
	for climbs := 0; errors.Is(err, unix.ENAMETOOLONG) && climbs < mostClimbs; climbs++ {
		up, openErr := unix.Openat(fd, "..", unix.O_PATH|unix.O_CLOEXEC, 0)
		if openErr != nil {
			return place{gone: true}
		}
		unix.Close(fd)
		fd, above = up, true
		path, err = pathOf(fd)
	}
	if err != nil {
		return place{gone: true}
	}
	if !beneathOf(path, f.rootAt) {
		return place{path: path}
	}
	return place{inside: true, above: above, path: strings.TrimPrefix(strings.TrimPrefix(path, f.rootAt), "/")}
}

func (f *fanotify) foreign(pid int32) bool {
	own, known := f.owners[pid]
	if !known {
		own = isOwn(int(pid), f.options.Own)
		f.owners[pid] = own
	}
	return !own
}
