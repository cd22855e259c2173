package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

var (
	// ErrReplaced means that another directory is at the tree's path than the one held open: a file system came or went over
	// it, or it was moved. Only a new Scanner sees what is there now.
	ErrReplaced = errors.New("another directory is there than before")
	// ErrTooLarge means that a tree has more entries than Options.Most.
	ErrTooLarge = errors.New("the tree has too many entries")
	errNotRow   = errors.New("not a row of the tree")
)

const (
	leftOutMost  = 100   // named; the others are counted
	troublesMost = 1_000 // with their own words
	rowsPerLock  = 256
	removedMost  = 10_000 // that are remembered by name
)

// Options of a Scanner. The zero value is right for a product's guest.
type Options struct {
	Most      int                         // entries; 0: 1,000,000
	SELinux   bool                        // security.selinux is part of the state
	Bandwidth int64                       // of reading past the cache, in bytes a second; 0: no limit
	Kernel    beneath.Kernel              // for tests
	Now       func() time.Time            // the guest's clock; nil: time.Now
	Pace      func(context.Context) error // called now and then during a walk, to spread it over time; may be nil
}

// LeftOut is an entry that is no row.
type LeftOut struct{ Path, Why string }

// left is why something is left out, and which look saw it.
type left struct {
	why  string
	seen uint32
}

// Result of a look.
type Result struct {
	Began        time.Time
	Version      uint64 // of the rows: another number if anything about them changed
	Entries      int
	Moved        int       // new, gone, or with other metadata than at the look before
	Unread       int       // rows whose content must be read; see Scanner.Unread
	LeftOut      []LeftOut // the first of them, by path
	LeftOutCount int
}

// Scanner keeps the rows of one tree. Its methods may be called by many goroutines: looks wait for each other, a reading does
// not hold up looks, and Rows are given in between. Close ends it.
type Scanner struct {
	tree     Tree
	key      Key
	options  Options
	root     *beneath.Dir
	system   FileSystem
	place    beneath.Stat // of the root
	excludes excludes

	looking sync.Mutex

	mu           sync.Mutex // guards what follows
	table        *table
	version      uint64
	removed      []removal // by version, the newest of them
	removedSince uint64    // removed has all that came after it
	generation   uint32
	fence        uint64 // counts them
	walked       bool
	linksMoved   bool
	troubles     map[uint32]string
	leftOut      map[string]left
	leftOutCount int
	closed       bool
}

// New opens a tree. Nothing is read before the first Walk.
func New(tree Tree, key Key, options Options) (*Scanner, error) {
	if options.Most == 0 {
		options.Most = 1_000_000
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	root, err := beneath.OpenOn(tree.Path, options.Kernel)
	if err != nil {
		return nil, err
	}
	s := &Scanner{
		tree: tree, key: key, options: options, root: root, excludes: newExcludes(tree.Excludes),
		table: newTable(), troubles: map[uint32]string{}, leftOut: map[string]left{},
	}
	if s.place, err = root.Stat("."); err == nil {
		s.system, err = FileSystemOf(root)
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("opening %s: %w", tree.Path, err)
	}
	return s, nil
}

// Close gives back the memory and the root; looks and readings under way fail.
func (s *Scanner) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.table.close()
	return s.root.Close()
}

// Root is the tree's root, held open; it is closed with the Scanner.
func (s *Scanner) Root() *beneath.Dir { return s.root }

// Tree is what New was given.
func (s *Scanner) Tree() Tree { return s.tree }

// FileSystem is what the tree lies on.
func (s *Scanner) FileSystem() FileSystem { return s.system }

// Excluded is true for a path that is not part of the tree: excluded, below something excluded, or VirtQuorum's own.
func (s *Scanner) Excluded(path string) bool { return s.excludes.above(path) }

// Version changes when anything about the rows does.
func (s *Scanner) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Rows gives all rows by the bytes of their paths. They are of one moment only if Version is the same before and after.
func (s *Scanner) Rows() iter.Seq[Row] { return s.rows(0) }

// removal is a row that is no more, and the version without it.
type removal struct {
	version uint64
	path    string
}

// Since gives the rows that are not as they were at an earlier version, by the bytes of their paths, and the paths that were rows
// then or later and are none any more. It is not known when so much was removed since that it was forgotten: then all rows count.
func (s *Scanner) Since(version uint64) (rows iter.Seq[Row], gone []string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || version < s.removedSince || version > s.version {
		return nil, nil, false
	}
	for at := len(s.removed) - 1; at >= 0 && s.removed[at].version > version; at-- {
		if _, again := s.table.get(s.removed[at].path); !again {
			gone = append(gone, s.removed[at].path)
		}
	}
	slices.Sort(gone)
	return s.each(func(r *record) bool { return r.changed > version }), slices.Compact(gone), true
}

// Unread gives the paths whose content must be read.
func (s *Scanner) Unread() iter.Seq[string] {
	return func(yield func(string) bool) {
		if s.unread() == 0 { // as nearly always: the table need not be gone through
			return
		}
		for row := range s.rows(unread) {
			if !yield(row.Path) {
				return
			}
		}
	}
}

func (s *Scanner) unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	return s.table.left
}

// Fence sees to it that all rows, once none is unread, are of what was written before it; the walk must come first. A row that may have
// been written once more in the tick of its ctime is to be read again, and what began to be read before does not count for such. So
// are those of inodes that somebody stores to through a mapping. It returns how many are to be read; the version is another one then.
// mapped must not use the Scanner.
func (s *Scanner) Fence(mapped func(inode uint64) bool) int {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	s.fence++
	for i := range s.table.used {
		if r := s.table.at(i); r.flags&gone == 0 && (r.flags&doubted != 0 || mapped(r.ino)) {
			s.table.reread(i, true)
		}
	}
	if s.table.left > 0 {
		s.version++
	}
	return s.table.left
}

func (s *Scanner) fenced() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fence
}

// Files gives the paths of all regular files, for an audit.
func (s *Scanner) Files() iter.Seq[string] {
	return func(yield func(string) bool) {
		for row := range s.each(func(r *record) bool { return r.typ == 'f' }) {
			if !yield(row.Path) {
				return
			}
		}
	}
}

func (s *Scanner) rows(with flags) iter.Seq[Row] {
	return s.each(func(r *record) bool { return r.flags&with == with })
}

func (s *Scanner) each(wanted func(*record) bool) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		last, begun := "", false
		for piece := make([]Row, 0, rowsPerLock); ; {
			piece, last, begun = s.piece(piece[:0], wanted, last, begun)
			for _, row := range piece {
				if !yield(row) {
					return
				}
			}
			if !begun {
				return
			}
		}
	}
}

// piece collects some rows after a path; more is false at the end.
func (s *Scanner) piece(rows []Row, wanted func(*record) bool, after string, begun bool) (_ []Row, last string, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, "", false
	}
	t, at := s.table, 0
	if begun {
		var exact bool
		at, exact = slices.BinarySearchFunc(t.order, after, func(i uint32, path string) int { return bytes.Compare(t.path(i), []byte(path)) })
		if exact {
			at++
		}
	}
	for looked := 0; at < len(t.order); at++ {
		if len(rows) == rowsPerLock || looked == 64*rowsPerLock {
			return rows, string(t.path(t.order[at-1])), true
		}
		looked++
		i := t.order[at]
		if r := t.at(i); r.flags&gone == 0 && wanted(r) {
			rows = append(rows, s.row(i))
		}
	}
	return rows, "", false
}

func (s *Scanner) row(i uint32) Row {
	r := s.table.at(i)
	return Row{
		Path: string(s.table.path(i)), Digest: r.digest, Ctime: r.ctime, Ino: r.ino,
		Settled: r.flags&settled != 0, Unread: r.flags&unread != 0, Trouble: s.trouble(i),
	}
}

// Row is what is known of one path.
func (s *Scanner) Row(path string) (Row, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Row{}, false
	}
	i, known := s.table.get(path)
	if !known {
		return Row{}, false
	}
	return s.row(i), true
}

// Sized is what is known of one path, and how large it is if it is a file, without a look at it.
func (s *Scanner) Sized(path string) (row Row, size int64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Row{}, 0, false
	}
	i, known := s.table.get(path)
	if !known {
		return Row{}, 0, false
	}
	if r := s.table.at(i); r.typ == 'f' {
		size = r.size
	}
	return s.row(i), size, true
}

// Entry looks at a row afresh; its LinkTo is of the newest look. The error wraps unix.ENOENT for what is no row.
func (s *Scanner) Entry(path string) (Entry, error) {
	row, known := s.Row(path)
	if !known {
		return Entry{}, fmt.Errorf("%q is %w: %w", path, errNotRow, unix.ENOENT)
	}
	e, err := Describe(s.root, name(path), s.options.SELinux)
	if err != nil {
		return Entry{}, err
	}
	e.Path, e.LinkTo = path, s.LinkTo(path)
	if row.Ino != e.Ino || row.Ctime != e.Ctime {
		return e, fmt.Errorf("%q changed since the newest look: %w", path, unix.ESTALE)
	}
	return e, nil
}

// LinkTo is the first path, in byte order, of the same inode at the newest look, if that is another; else "".
func (s *Scanner) LinkTo(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ""
	}
	i, known := s.table.get(path)
	if !known || s.table.at(i).link == 0 {
		return ""
	}
	return string(s.table.path(s.table.at(i).link - 1))
}

// name is a path as beneath takes it.
func name(path string) string {
	if path == "" {
		return "."
	}
	return path
}

func above(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

func (s *Scanner) trouble(i uint32) string {
	if s.table.at(i).flags&trouble == 0 {
		return ""
	}
	if text, kept := s.troubles[i]; kept {
		return text
	}
	return "it cannot be read"
}

func (s *Scanner) setTrouble(i uint32, text string) {
	r := s.table.at(i)
	delete(s.troubles, i)
	r.flags &^= trouble
	if text != "" {
		r.flags |= trouble
		if len(s.troubles) < troublesMost {
			s.troubles[i] = text
		}
	}
}

func (s *Scanner) remove(i uint32) {
	if s.table.at(i).flags&multi != 0 {
		s.linksMoved = true
	}
	delete(s.troubles, i)
	s.version++
	if len(s.removed) >= removedMost {
		half := len(s.removed) / 2
		s.removedSince = s.removed[half-1].version
		s.removed = append(s.removed[:0], s.removed[half:]...)
	}
	s.removed = append(s.removed, removal{s.version, string(s.table.path(i))})
	s.table.remove(i)
}

// touch says that something about a row is another thing now.
func (s *Scanner) touch(i uint32) {
	s.version++
	s.table.at(i).changed = s.version
}
