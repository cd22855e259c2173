// Package archive replaces and removes rows of a tree so that nothing is lost: what was there is in an archive entry by the same
// step that takes it out of the tree, and what a crash interrupts is finished from the stage.
package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/sync"
)

// Tree is a tree with the program's own directories for it, which lie on the same mount and are root's alone.
type Tree struct {
	Name                          string
	Live, Stage, Archive, Journal *beneath.Dir
	SELinux                       bool // security.selinux is part of the state
	// Appended tells which of these inodes of the tree's file system somebody has open for writing, and everybody who has only to append.
	// nil: nobody.
	Appended func(ctx context.Context, inodes []uint64) (map[uint64]bool, error)
	// Written is told what was taken out of the tree though somebody may have it open for writing, at most MostWritten at a time, and closes it
	// when it is of no use any more. nil: nobody asks.
	Written func([]Written)
}

// Archive applies plans to one tree and keeps what they replaced. Not for many goroutines, and nobody else may use its stage
// meanwhile. Before anything is staged, Interrupted must be asked and Finish called.
type Archive struct {
	tree Tree

	// noExchange is a file system or kernel without RENAME_EXCHANGE: then a path is missing for a moment.
	noExchange bool
	// hook is called before everything that changes something, so that tests can stop there.
	hook func(what string) error
}

// New is the archive of a tree. The directories stay the caller's, who closes them when the archive is no longer used.
func New(tree Tree) *Archive { return &Archive{tree: tree} }

func (a *Archive) before(what string) error {
	if a.hook == nil {
		return nil
	}
	return a.hook(what)
}

// Entry is what one verdict replaced in one tree.
type Entry struct {
	Name       string
	Verdict    string
	Millis     int64 // the member's clock, since 1970; 0 if the manifest is damaged
	Bytes      int64 // on disk
	Attributed bool  // it may hold what a user wrote, or cannot be read: it is never removed automatically
	Rows       int
}

// doomed begins the name of an entry that is being removed.
const doomed = "~"

// List returns all entries, oldest first.
func (a *Archive) List(ctx context.Context) ([]Entry, error) {
	var names []string
	err := a.tree.Archive.Entries(ctx, func(entry []byte, _ byte) error {
		if !strings.HasPrefix(string(entry), doomed) {
			names = append(names, string(entry))
		}
		return nil
	})
	var entries []Entry
	for _, name := range names {
		if err == nil {
			var entry Entry
			if entry, err = a.entry(ctx, name); err == nil {
				entries = append(entries, entry)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listing the archive of %s: %w", a.tree.Name, err)
	}
	slices.SortFunc(entries, func(x, y Entry) int {
		if x.Millis != y.Millis {
			return int(min(1, max(-1, x.Millis-y.Millis)))
		}
		return strings.Compare(x.Name, y.Name)
	})
	return entries, nil
}

func (a *Archive) entry(ctx context.Context, name string) (Entry, error) {
	dir, err := a.tree.Archive.Sub(name)
	if err != nil {
		return Entry{}, err
	}
	defer dir.Close()
	var h head
	if readLines(dir, manifestName, &h, nil) == nil && h.Version == manifestVersion {
		return Entry{name, h.Verdict, h.Millis, h.Bytes, h.Attributed > 0, h.Rows}, nil
	}
	e := Entry{Name: name, Attributed: true}
	err = eachBelow(ctx, dir, "", func(_ string, st beneath.Stat, _ *beneath.Dir) error {
		e.Bytes += st.Blocks * 512
		return nil
	})
	return e, err
}

// Rows calls yield for each row of an entry's manifest; what yield returns ends it.
func (a *Archive) Rows(ctx context.Context, entry string, yield func(Row) error) error {
	if err := checkEntry(entry); err != nil {
		return err
	}
	dir, err := a.tree.Archive.Sub(entry)
	if err != nil {
		return fmt.Errorf("opening the archive entry %s of %s: %w", entry, a.tree.Name, err)
	}
	defer dir.Close()
	var h head
	return readLines(dir, manifestName, &h, func(decode func(any) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		var row Row
		if err := decode(&row); err != nil {
			return err
		}
		return yield(row)
	})
}

// Remove removes an entry; it is no error if there is none.
func (a *Archive) Remove(ctx context.Context, entry string) error {
	if err := checkEntry(entry); err != nil {
		return err
	}
	err := a.tree.Archive.Rename(entry, a.tree.Archive, doomed+entry, 0)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) { // an earlier one's removal was interrupted
		if err = sync.RemoveAll(ctx, a.tree.Archive, doomed+entry); err == nil {
			err = a.tree.Archive.Rename(entry, a.tree.Archive, doomed+entry, 0)
		}
	}
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	if err == nil {
		err = sync.RemoveAll(ctx, a.tree.Archive, doomed+entry)
	}
	if err != nil {
		return fmt.Errorf("removing the archive entry %s of %s: %w", entry, a.tree.Name, err)
	}
	return nil
}

// checkEntry refuses what is no entry's name.
func checkEntry(entry string) error {
	good := entry != "" && len(entry) <= 220 && entry[0] != '.'
	for _, c := range []byte(entry) {
		good = good && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	if !good {
		return fmt.Errorf("%w: %q is no name of an archive entry", ErrPlan, entry)
	}
	return nil
}

// Limits is how much a member's archive keeps.
type Limits struct {
	Entries int
	Bytes   int64  // on disk
	Keep    string // an entry that stays whatever there is room for; "": none
}

// ErrFull means that the archive has no room for what a plan would replace. Nothing was changed.
var ErrFull = errors.New("the archive is full")

// MakeRoom removes the oldest entries of the trees' archives, the same name in all trees being one entry, until so many bytes more fit the
// limits; none that is attributed. Where that is not enough it removes nothing and returns ErrFull with a sentence.
func MakeRoom(ctx context.Context, archives []*Archive, coming int64, limits Limits) error {
	if coming > limits.Bytes {
		return fmt.Errorf("%w: the repair would replace %d bytes, and the archive may hold %d; make spec.archive.maxSize larger, or copy and remove on this member what is not to be kept", ErrFull, coming, limits.Bytes)
	}
	entries, err := together(ctx, archives)
	if err != nil {
		return err
	}
	var all, kept int64
	for _, e := range entries {
		all += e.Bytes
		if e.Attributed || e.Name == limits.Keep {
			kept += e.Bytes
		}
	}
	if kept+coming > limits.Bytes {
		return fmt.Errorf("%w: it holds %d bytes that a user may have written, and %d more would not fit archive.maxSize, %d; look through it (virtquorum-guest archive list) and remove what is not needed", ErrFull, kept, coming, limits.Bytes)
	}
	left := len(entries)
	for _, e := range entries {
		if left < limits.Entries && all+coming <= limits.Bytes {
			break
		}
		if e.Attributed || e.Name == limits.Keep {
			continue
		}
		for _, a := range archives {
			if err := a.Remove(ctx, e.Name); err != nil {
				return err
			}
		}
		left--
		all -= e.Bytes
	}
	return nil
}

// together lists the entries of several trees as those of one member, oldest first.
func together(ctx context.Context, archives []*Archive) ([]Entry, error) {
	var entries []Entry
	for _, a := range archives {
		of, err := a.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range of {
			at := slices.IndexFunc(entries, func(o Entry) bool { return o.Name == e.Name })
			if at < 0 {
				entries = append(entries, e)
				continue
			}
			o := &entries[at]
			o.Bytes += e.Bytes
			o.Rows += e.Rows
			o.Attributed = o.Attributed || e.Attributed
			o.Millis = max(o.Millis, e.Millis)
		}
	}
	slices.SortStableFunc(entries, func(x, y Entry) int { return int(min(1, max(-1, x.Millis-y.Millis))) })
	return entries, nil
}
