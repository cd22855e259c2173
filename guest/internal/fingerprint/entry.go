package fingerprint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// Own is the name of VirtQuorum's own directory, which is part of no tree.
const Own = ".virtquorum"

// Unreadable stands for a content that cannot be read: equal to no content's hash.
const Unreadable = "-"

// Tree is a file tree of a member. Never part of it are .virtquorum at its root, what an exclude matches with all below it, and
// what is mounted below (of that only the mount point itself is a row).
type Tree struct {
	Name string // 1 to 63 of a-z 0-9 -
	Path string // absolute

	// Excludes are shell patterns as find's -name and -path take them: * also matches slashes and leading dots. Without a
	// slash a pattern is compared with the last part of a path, else with the whole path from the tree's root; a slash at its
	// start or end only says which of the two.
	Excludes []string

	// Whether device nodes, files with set-id bits, and what is immutable or append-only are rows. Otherwise they are left
	// out, and named.
	Devices, SetID, Immutable bool
}

// Xattr is an extended attribute that is part of the state, POSIX ACLs among them.
type Xattr struct{ Name, Value string }

// Entry is all of a row but its content.
type Entry struct {
	Path string // below the tree, raw bytes; the root is ""
	beneath.Stat
	Target string  // of a symbolic link
	Xattrs []Xattr // by name
	LinkTo string  // the first path, in byte order, of the same inode within the tree, if that is another
}

// HasContent is true if a digest needs more than metadata.
func (e Entry) HasContent() bool { return hasContent(e.Type) }

func hasContent(typ byte) bool { return typ == 'f' || typ == 'b' || typ == 'c' }

// Content is what a row says of the content of an entry that is no file: a device's numbers, else "".
func (e Entry) Content() string { return content(e.Stat) }

func content(st beneath.Stat) string {
	if st.Type != 'b' && st.Type != 'c' {
		return ""
	}
	return fmt.Sprintf("%x:%x", unix.Major(st.Rdev), unix.Minor(st.Rdev))
}

// Row makes the digest of an entry with a content: of a file the SHA-256 in hexadecimal digits or Unreadable, else as
// Entry.Content. Entries without extended attributes and hard links have the digest that earlier versions made of them.
func (k Key) Row(e Entry, content string) Digest {
	h := k.row(e.Stat, content, e.Target)
	for _, x := range e.Xattrs {
		h.xattr(x.Name, x.Value)
	}
	h.link(e.LinkTo)
	return h.digest()
}

func (k Key) row(st beneath.Stat, content, target string) *fieldHash {
	size := ""
	if st.Type == 'f' {
		size = strconv.FormatInt(st.Size, 10)
	}
	h := k.fields()
	for _, field := range [...]string{
		string(rune(st.Type)), strconv.FormatUint(uint64(st.Mode), 8), strconv.FormatUint(uint64(st.UID), 10),
		strconv.FormatUint(uint64(st.GID), 10), size, content, target,
	} {
		h.add(field)
	}
	return h
}

func (h *fieldHash) xattr(name, value string) {
	h.add("xattr")
	h.add(name)
	h.add(value)
}

func (h *fieldHash) link(to string) {
	if to != "" {
		h.add("link")
		h.add(to)
	}
}

// Row is what a scan knows of one entry.
type Row struct {
	Path    string
	Digest  Digest // zero if it was never read
	Ctime   int64  // nanoseconds since 1970
	Ino     uint64
	Settled bool   // a later write must have another ctime
	Unread  bool   // its metadata moved since the digest was made
	Trouble string // why its content cannot be read, as a sentence; else ""
}

// xattrMost bounds what one entry's attributes may have together, in bytes.
const xattrMost = 1 << 20

var errXattrs = errors.New("its extended attributes have more than a megabyte")

// wanted is true for the attributes that are part of the state. security.ima, security.evm and trusted.* never are: they are
// of one machine.
func wanted(name string, selinux bool) bool {
	switch name {
	case "system.posix_acl_access", "system.posix_acl_default", "security.capability":
		return true
	case "security.selinux":
		return selinux
	}
	return strings.HasPrefix(name, "user.")
}

// xattrs reads those that are part of the state, by name.
func xattrs(selinux bool, list func() ([]string, error), get func(name string) ([]byte, error)) ([]Xattr, error) {
	names, err := list()
	if err != nil {
		return nil, err
	}
	var found []Xattr
	total := 0
	for _, name := range names {
		if !wanted(name, selinux) {
			continue
		}
		value, err := get(name)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if total += len(name) + len(value); total > xattrMost {
			return nil, errXattrs
		}
		found = append(found, Xattr{name, string(value)})
	}
	return found, nil
}

// FileXattrs reads those of an open file that are part of the state, by name.
func FileXattrs(file *os.File, selinux bool) ([]Xattr, error) {
	return xattrs(selinux, func() ([]string, error) { return beneath.FileXattrs(file) },
		func(attribute string) ([]byte, error) { return beneath.FileXattr(file, attribute) })
}

// Describe looks at one name of a directory, which need not be a tree's: all of an Entry but LinkTo, with the name as its path.
// selinux says whether security.selinux is part of the state. What changes meanwhile gives unix.ESTALE.
func Describe(dir *beneath.Dir, name string, selinux bool) (Entry, error) {
	for range rounds {
		st, err := dir.Stat(name)
		if err != nil {
			return Entry{}, err
		}
		e, err := describe(dir, name, st, selinux)
		if err != nil {
			return Entry{}, err
		}
		after, err := dir.Stat(name)
		if err != nil {
			return Entry{}, err
		}
		if Same(st, after) {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("looking at %q, which changes all the time: %w", name, unix.ESTALE)
}

func describe(dir *beneath.Dir, name string, st beneath.Stat, selinux bool) (Entry, error) {
	e := Entry{Path: name, Stat: st}
	var err error
	if st.Type == 'l' {
		e.Target, err = dir.Readlink(name)
		if errors.Is(err, unix.EINVAL) { // it is no link any more
			err = fmt.Errorf("%w: %w", unix.ESTALE, err)
		}
		if err != nil {
			return Entry{}, err
		}
	}
	if !dir.Elsewhere(st) {
		e.Xattrs, err = xattrs(selinux, func() ([]string, error) { return dir.ListXattrs(name) },
			func(attribute string) ([]byte, error) { return dir.GetXattr(name, attribute) })
	}
	if name == "." {
		e.Path = ""
	}
	return e, err
}

// Same is true if nothing went through the OS between two looks, as far as metadata tell.
func Same(a, b beneath.Stat) bool {
	return a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size && a.Ino == b.Ino &&
		a.Dev == b.Dev && a.Mtime == b.Mtime && a.Ctime == b.Ctime
}

// isDoubtful is true if a write after the given moment may have the same ctime, because the kernel's clock for it goes in ticks; fine: the
// file system keeps nanoseconds, of this machine's clock.
func isDoubtful(ctime, nanos int64, fine bool) bool {
	const tick = 15e6 // of the slowest, 10 ms, and some more
	return !fine || ctime%1e9 == 0 || nanos-ctime < tick
}

// rounds is how often what changes meanwhile is looked at.
const rounds = 3

// IsPast is true if a write after the given second must have another ctime: the entry's is more than 2 s away from it, be it
// before, or after because the clock was set back.
func IsPast(ctime, seconds int64) bool {
	second := ctime / 1e9
	if ctime%1e9 < 0 {
		second--
	}
	return second < seconds-2 || second > seconds+2
}
