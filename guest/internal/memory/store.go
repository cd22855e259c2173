// Package memory keeps what a member was verified to hold on the file system of each tree, so that a disk that loses its data
// loses its memory with it. It lies in .virtquorum at the file system's mount point, which is root's alone and held open, and
// it is sealed for one cluster, tree, member and file system.
package memory

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

var (
	// ErrNone means that nothing is remembered.
	ErrNone = errors.New("nothing is remembered")
	// ErrDamaged means that the memory is cut short or not what was written. It is no memory.
	ErrDamaged = errors.New("the memory is damaged")
	// ErrAnothers means that the memory is of another cluster, tree, member or file system, as on a cloned disk. It is no
	// memory.
	ErrAnothers = errors.New("the memory is another's")
	// ErrInTheWay means that something else is where the own directory belongs.
	ErrInTheWay = errors.New("something else is in its place")
	// ErrMoved means that the own directory is no longer where it was opened: what was remembered is lost.
	ErrMoved = errors.New("it was moved away")
)

// Owner is whose memory it is. Each name has 1 to 1,024 bytes.
type Owner struct{ Cluster, Tree, Member string }

// The kinds of directories beside the memory.
const (
	Stage   = "stage"   // what was fetched and is not applied yet
	Archive = "archive" // what a repair replaced
	Journal = "journal" // repairs that did not end yet
	Frozen  = "frozen"  // copies of files as they were at a moment, of this life of the program alone
)

const (
	ownMode    = 0o700
	memoryName = "memory"
	temporary  = "memory.new"
	nameMost   = 1024
)

// Store is one tree's part of the own directory. Load may be called by many goroutines; Save by one at a time, and not beside
// Close.
type Store struct {
	owner    Owner
	seal     fingerprint.Key
	identity []byte
	where    string // for people

	tree  *beneath.Dir // the caller's
	point *beneath.Dir
	own   *beneath.Dir
	dir   *beneath.Dir

	probe   atomic.Pointer[probe] // nil: it is not open, or in use
	version atomic.Uint64         // another one whenever the memory is another file

	step func(string) error // called after each step of Save, for tests of what a crash leaves; may be nil
}

// Open opens the own directory of the file system that a tree's root is on, and in it that of the tree; it makes them where
// they are missing. The tree's directory must stay open as long as the Store.
//
// What an earlier version remembered in the tree itself is taken over once.
func Open(tree *beneath.Dir, key fingerprint.Key, owner Owner) (*Store, error) {
	for _, name := range []string{owner.Cluster, owner.Tree, owner.Member} {
		if name == "" || len(name) > nameMost {
			return nil, fmt.Errorf("opening the memory: %q is no name of 1 to %d bytes", name, nameMost)
		}
	}
	s := &Store{owner: owner, tree: tree, where: fingerprint.Own + " of the file system of " + owner.Tree}
	err := s.open(key)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("opening %s: %w", s.where, err)
	}
	return s, nil
}

func (s *Store) open(key fingerprint.Key) error {
	sealing := key.Fingerprint("the seal of a memory")
	var err error
	if s.seal, err = fingerprint.NewKey(sealing[:]); err != nil {
		return err
	}
	if s.point, err = s.tree.MountPoint(); err != nil {
		return err
	}
	if s.identity, err = identity(s.point); err != nil {
		return err
	}
	if s.own, err = private(s.point, fingerprint.Own); err != nil {
		return err
	}
	if s.dir, err = private(s.own, folder(s.owner)); err != nil {
		return err
	}
	s.clearFrozen()
	return s.migrate()
}

// Close lets go of the directories. Those that Dir gave stay open.
func (s *Store) Close() error {
	s.forgetProbe()
	for _, dir := range []*beneath.Dir{s.dir, s.own, s.point} {
		if dir != nil {
			_ = dir.Close()
		}
	}
	return nil
}

// Dir opens one of Stage, Archive, Journal and Frozen, for the caller to close; it makes it if it is missing.
func (s *Store) Dir(kind string) (*beneath.Dir, error) {
	switch kind {
	case Stage, Archive, Journal, Frozen:
	default:
		return nil, fmt.Errorf("opening %q in %s: %w", kind, s.where, unix.EINVAL)
	}
	if err := s.there(); err != nil {
		return nil, err
	}
	dir, err := private(s.dir, kind)
	if err != nil {
		return nil, fmt.Errorf("opening %s in %s: %w", kind, s.where, err)
	}
	return dir, nil
}

// there makes sure that the own directory is still where it is looked for after a boot.
func (s *Store) there() error {
	for _, place := range []struct {
		in   *beneath.Dir
		name string
		is   *beneath.Dir
	}{{s.point, fingerprint.Own, s.own}, {s.own, folder(s.owner), s.dir}} {
		held, err := place.is.Stat(".")
		if err != nil {
			return fmt.Errorf("looking at %s: %w", s.where, err)
		}
		now, err := place.in.Stat(place.name)
		if errors.Is(err, unix.ENOENT) || err == nil && (now.Ino != held.Ino || now.Dev != held.Dev) {
			return fmt.Errorf("%s: %w; what it remembered is lost", s.where, ErrMoved)
		}
		if err != nil {
			return fmt.Errorf("looking at %s: %w", s.where, err)
		}
	}
	return nil
}

// private opens a directory that is root's (or whose runs this) alone, and makes it if it is missing.
func private(in *beneath.Dir, name string) (*beneath.Dir, error) {
	made := false
	for {
		dir, err := in.Sub(name)
		switch {
		case errors.Is(err, unix.ENOENT) && !made:
			if err := in.Mkdir(name, ownMode); err != nil && !errors.Is(err, unix.EEXIST) {
				return nil, err
			}
			if err := in.Sync(); err != nil {
				return nil, fmt.Errorf("making %q durable: %w", name, err)
			}
			made = true
			continue
		case errors.Is(err, beneath.ErrLink):
			return nil, fmt.Errorf("%w: %q is a symbolic link; remove it", ErrInTheWay, name)
		case errors.Is(err, beneath.ErrMount):
			return nil, fmt.Errorf("%w: something is mounted at %q; unmount it", ErrInTheWay, name)
		case errors.Is(err, unix.ENOTDIR):
			return nil, fmt.Errorf("%w: %q is no directory; remove it", ErrInTheWay, name)
		case err != nil:
			return nil, err
		}
		if err := mine(dir, name); err != nil {
			_ = dir.Close()
			return nil, err
		}
		return dir, nil
	}
}

// mine looks at what is open, not at the name.
func mine(dir *beneath.Dir, name string) error {
	st, err := dir.Stat(".")
	if err != nil {
		return err
	}
	if !owned(st) {
		return fmt.Errorf("%w: the directory %q is not root's alone (owner %d, mode %o); see what is in it, then remove it or make it root's with mode 0700",
			ErrInTheWay, name, st.UID, st.Mode)
	}
	return nil
}

func owned(st beneath.Stat) bool { return int(st.UID) == os.Geteuid() && st.Mode&0o077 == 0 }

// folder names a cluster's and tree's directory: the names as they are if they are plain, else with % and hexadecimal digits.
func folder(owner Owner) string {
	plain := func(text string) string {
		var b strings.Builder
		for i := range len(text) {
			c := text[i]
			if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' && i > 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02x", c)
			}
		}
		return b.String()
	}
	name := plain(owner.Cluster) + "+" + plain(owner.Tree)
	if len(name) > 200 {
		key, _ := fingerprint.NewKey(make([]byte, 32)) // no secret: only to shorten it
		name = name[:100] + "+" + key.Fingerprint(owner.Cluster, owner.Tree).String()
	}
	return name
}
