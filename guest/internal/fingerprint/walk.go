package fingerprint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// paceEvery is after how many entries a walk rests.
const paceEvery = 256

// look is one walk, or one look at some paths.
type look struct {
	*Scanner
	ctx     context.Context
	began   time.Time
	seconds int64
	stack   []string // directories to be listed
	seen    uint32   // number of this look
	moved   int
	looked  int
	inodes  map[inode]bool // with several names, that moved
	event   bool           // something happened to the path
	some    bool           // only some paths
	taken   int            // rows seen
}

type inode struct{ dev, ino uint64 }

// Walk looks at the metadata of the whole tree. Rows that moved must be read (Read) before their digests are right. After an
// error the rows are partly of the walk before, and the next one goes on.
func (s *Scanner) Walk(ctx context.Context) (Result, error) {
	s.looking.Lock()
	defer s.looking.Unlock()
	return s.walk(ctx)
}

func (s *Scanner) walk(ctx context.Context) (Result, error) {
	l, err := s.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	s.mu.Lock()
	clear(s.leftOut)
	s.leftOutCount = 0
	s.mu.Unlock()
	st, err := s.root.Stat(".")
	if err == nil {
		err = l.observe(s.root, ".", "", st)
	}
	if err == nil {
		l.stack = append(l.stack, "")
		err = l.list()
	}
	if err != nil {
		return Result{}, l.failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Result{}, unix.EBADF
	}
	for i := range s.table.used {
		if r := s.table.at(i); r.flags&gone == 0 && r.seen != l.seen {
			s.remove(i)
			l.moved++
		}
	}
	s.walked = true
	return l.end()
}

// Look looks at some paths only, from events: at each, at all other names of its inode, and at the directory above it; at a
// directory with all below, for it may have been moved. "" is the whole tree. Paths that are not part of the tree are nothing.
func (s *Scanner) Look(ctx context.Context, paths iter.Seq[string]) (Result, error) {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.mu.Lock()
	walked := s.walked
	s.mu.Unlock()
	if !walked {
		return s.walk(ctx)
	}
	l, err := s.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	l.some = true
	parents := map[string]bool{}
	for path := range paths {
		if path == "" {
			return s.walk(ctx)
		}
		if s.excludes.above(path) {
			continue
		}
		l.event = true
		err := l.path(path, true)
		l.event = false
		if err != nil {
			return Result{}, l.failed(err)
		}
		parents[above(path)] = true
	}
	for parent := range parents {
		if err := l.path(parent, false); err != nil {
			return Result{}, l.failed(err)
		}
	}
	if err := l.otherNames(); err != nil {
		return Result{}, l.failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Result{}, unix.EBADF
	}
	return l.end()
}

func (s *Scanner) begin(ctx context.Context) (*look, error) {
	if err := s.stillThere(); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", s.tree.Path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, unix.EBADF
	}
	s.generation++
	now := s.options.Now()
	return &look{Scanner: s, ctx: ctx, began: now, seconds: now.Unix(), seen: s.generation, inodes: map[inode]bool{}}, nil
}

// stillThere compares what is at the tree's path with what is held open.
func (s *Scanner) stillThere() error {
	now, err := beneath.OpenOn(s.tree.Path, s.options.Kernel)
	if err != nil {
		return err
	}
	defer now.Close()
	st, err := now.Stat(".")
	if err == nil && (st.Ino != s.place.Ino || st.Dev != s.place.Dev || st.MountID != s.place.MountID) {
		return ErrReplaced
	}
	return err
}

func (l *look) failed(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case errors.Is(err, ErrTooLarge):
		// Rows that are not all are of no use, and those that are gone would be in the way.
		l.table.close()
		l.table = newTable()
		clear(l.troubles)
		l.walked = false
		l.version++
		l.removed, l.removedSince = nil, l.version
	default:
		err = errors.Join(err, l.tidy())
	}
	return fmt.Errorf("looking at %s: %w", l.tree.Path, err)
}

// tidy brings the order and the hard links up to date.
func (l *look) tidy() error {
	if err := l.table.sort(); err != nil {
		return err
	}
	if l.linksMoved {
		l.link()
		l.linksMoved = false
	}
	return nil
}

// end sorts, finds hard links and counts.
func (l *look) end() (Result, error) {
	t := l.table
	if err := l.tidy(); err != nil {
		return Result{}, err
	}
	r := Result{Began: l.began, Version: l.version, Entries: t.count, Moved: l.moved, Unread: t.left, LeftOutCount: l.leftOutCount}
	for path, left := range l.leftOut {
		r.LeftOut = append(r.LeftOut, LeftOut{path, left.why})
	}
	slices.SortFunc(r.LeftOut, func(a, b LeftOut) int { return cmp.Compare(a.Path, b.Path) })
	return r, nil
}

// list lists the directories on the stack, and those found in them.
func (l *look) list() error {
	for len(l.stack) > 0 {
		path := l.stack[len(l.stack)-1]
		l.stack = l.stack[:len(l.stack)-1]
		err := l.directory(path)
		for left := rounds; vanished(err); left-- {
			// It became something else meanwhile; whatever that is, it is looked at once more.
			var st beneath.Stat
			if st, err = l.root.Stat(name(path)); err != nil || !l.enters(path, st) {
				err = l.path(path, false)
			} else if left == 0 {
				l.keep(path)
			} else {
				err = l.directory(path)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep leaves what is below a directory as it was known, because it is swapped too fast: the next look may see it.
func (l *look) keep(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	from, to := l.table.below(path)
	for _, i := range l.table.order[from:to] {
		l.table.at(i).seen = l.seen
	}
}

// vanished is true if a name is no longer of what it was of.
func vanished(err error) bool {
	for _, one := range []error{unix.ENOENT, unix.ENOTDIR, beneath.ErrLink, beneath.ErrMount, beneath.ErrNotRegular, unix.ESTALE} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

func (l *look) directory(path string) error {
	dir := l.root
	if path != "" {
		var err error
		if dir, err = l.root.Sub(path); err != nil {
			return err
		}
		defer dir.Close()
	}
	prefix := path
	if path != "" {
		prefix += "/"
	}
	return dir.Entries(l.ctx, func(name []byte, _ byte) error {
		below := prefix + string(name)
		if l.excludes.match(below) {
			return nil
		}
		st, err := dir.Stat(below[len(prefix):])
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.observe(dir, below[len(prefix):], below, st); err != nil {
			return err
		}
		if l.enters(below, st) {
			l.stack = append(l.stack, below)
		}
		return nil
	})
}

// enters is true for a directory whose entries are rows: on the same mount and the same device, as find -xdev means it.
func (l *look) enters(path string, st beneath.Stat) bool {
	return st.Type == 'd' && !l.root.Elsewhere(st) && st.Dev == l.place.Dev && len(path) <= pathMost && l.Leaves(st) == ""
}

// Leaves says why an entry is no row, or "".
func (s *Scanner) Leaves(st beneath.Stat) string {
	switch {
	case (st.Type == 'b' || st.Type == 'c') && !s.tree.Devices:
		return "it is a device node"
	case st.Type == 'f' && st.Mode&0o6000 != 0 && !s.tree.SetID:
		return "it runs as its owner or group (set-id)"
	case st.Immutable && !s.tree.Immutable:
		return "it is immutable or append-only"
	}
	return ""
}

// path looks at one path; deep: with all below.
func (l *look) path(path string, deep bool) error {
	st, err := l.root.Stat(name(path))
	if vanished(err) || errors.Is(err, unix.ENAMETOOLONG) || errors.Is(err, beneath.ErrLeavesTree) || errors.Is(err, unix.EINVAL) {
		return l.forget(path, false)
	}
	if err != nil {
		return err
	}
	if err := l.observe(l.root, name(path), path, st); err != nil {
		return err
	}
	enters := l.enters(path, st)
	if !enters {
		return l.forget(path, true)
	}
	if deep {
		l.stack = append(l.stack, path)
		if err := l.list(); err != nil {
			return err
		}
		return l.forget(path, true)
	}
	return nil
}

// forget removes what is below a path and was not seen by this look, and unless it stays the path itself.
func (l *look) forget(path string, stays bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return unix.EBADF
	}
	if i, known := l.table.get(path); known && !stays && path != "" {
		l.gone(i)
	}
	from, to := l.table.below(path)
	for _, i := range l.table.order[from:to] {
		if r := l.table.at(i); r.flags&gone == 0 && r.seen != l.seen {
			l.gone(i)
		}
	}
	for was, left := range l.leftOut {
		if left.seen != l.seen && (was == path && !stays || path == "" || strings.HasPrefix(was, path+"/")) {
			delete(l.leftOut, was)
			l.leftOutCount--
		}
	}
	return nil
}

func (l *look) gone(i uint32) {
	if r := l.table.at(i); r.flags&multi != 0 {
		l.inodes[inode{r.dev, r.ino}] = true
	}
	l.remove(i)
	l.moved++
}
