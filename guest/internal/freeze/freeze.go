// Package freeze keeps rows of a tree as they are at a moment, though writers go on: what they are is noted, and the content of files is
// copied aside, durable, and read back past the page cache.
package freeze

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/sync"
)

var (
	// ErrStale means that a row is not there as the newest look saw it: look again.
	ErrStale = errors.New("it is not there any more as it was seen")
	// ErrMoves means that a file was never still for as long as copying it takes.
	ErrMoves = errors.New("it changes faster than it can be copied")
	// ErrMixed means that rows came, went or were exchanged while others were copied.
	ErrMixed = errors.New("files came or went while others were copied")
	// ErrTooLarge means that more bytes would have to be copied than may be.
	ErrTooLarge = errors.New("more would have to be copied than may be")
)

// Tree is of which rows are frozen.
type Tree struct {
	Name    string
	Rows    *fingerprint.Scanner
	Hashing sync.Hashing
	Copies  *beneath.Dir // on the tree's file system, nobody else's
	Prefix  string       // of the copies' names
	// Others is ErrMixed if a row that is not frozen may have changed since the look. nil: each row may be of a moment of its own.
	Others func(ctx context.Context) error
	// Appended says of inodes that somebody has open for writing whether everybody who has can only append; nil: nothing is known.
	Appended func(ctx context.Context, inodes []uint64) (map[uint64]bool, error)

	step func(string) error // called after each step, for tests of what a crash leaves; may be nil
}

// Seen is what a look saw of a path.
type Seen struct {
	Path   string
	There  bool // it is a row
	Ino    uint64
	LinkTo string // another path of the same file, or ""
}

// Row is as it was at its moment.
type Row struct {
	Path   string
	Digest fingerprint.Digest // zero: there was none
	sync.Frozen
	Settled bool // a later write must have another ctime
}

// Fingerprint is the row as a look would have it.
func (r *Row) Fingerprint() fingerprint.Row {
	return fingerprint.Row{Path: r.Path, Digest: r.Digest, Ctime: r.Ctime, Ino: r.Ino, Settled: r.Settled}
}

const (
	// againRounds is how often what was written meanwhile is copied once more, so that all copies are of one moment, and againBytes
	// how much of it.
	againRounds = 8
	againBytes  = 16 << 20
)

// fewFiles is up to how many copies are made durable one by one; more cost less with the whole file system.
const fewFiles = 16

// inode is what several names may be of.
type inode struct{ dev, ino uint64 }

// work is one freezing.
type work struct {
	*Tree
	left   int64 // bytes that may still be copied
	few    bool
	rows   []Row
	shared map[inode]int // the first row of a file with several names
	same   map[int]int   // rows that are further names, and the row that has the copy
}

// Take freezes what a look saw, in its order, and takes what it copies off the bytes that are left. What was not there gives a row with
// a zero digest. After an error nothing is kept.
func (t *Tree) Take(ctx context.Context, seen []Seen, left *int64) ([]Row, error) {
	w := &work{Tree: t, left: *left, few: len(seen) <= fewFiles, shared: map[inode]int{}, same: map[int]int{}}
	if err := w.take(ctx, seen); err != nil {
		t.Remove(w.rows)
		return nil, fmt.Errorf("freezing rows of %s: %w", t.Name, err)
	}
	*left = w.left
	return w.rows, nil
}

// Remove removes the copies of rows.
func (t *Tree) Remove(rows []Row) {
	for i := range rows {
		if rows[i].Name != "" {
			_ = t.Copies.Unlink(rows[i].Name) // further names have the same, and what is left is cleared with the next start
		}
	}
}

func (w *work) take(ctx context.Context, seen []Seen) error {
	if err := w.writeOut(ctx, seen); err != nil {
		return err
	}
	for _, one := range seen {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.row(ctx, one); err != nil {
			return fmt.Errorf("%q: %w", one.Path, err)
		}
	}
	if err := w.stepped("copied"); err != nil {
		return err
	}
	if err := w.oneMoment(ctx); err != nil {
		return err
	}
	if err := w.durable(); err != nil {
		return full("making the copies durable", err)
	}
	if err := w.stepped("durable"); err != nil {
		return err
	}
	for i := range w.rows {
		if err := w.readBack(ctx, i); err != nil {
			return fmt.Errorf("%q: %w", w.rows[i].Path, err)
		}
	}
	if err := w.otherNames(); err != nil {
		return err
	}
	return w.stepped("read")
}

// writeOut has the disk have what the files have: all of them before the first is copied, so that copying them takes little time.
func (w *work) writeOut(ctx context.Context, seen []Seen) error {
	if !w.few {
		return full("writing the tree back", w.Copies.SyncFileSystem())
	}
	for _, one := range seen {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !one.There {
			continue
		}
		file, err := w.Rows.Root().OpenRegular(name(one.Path), unix.O_RDONLY, 0)
		if err != nil {
			continue // it is no file, or went: that is found when it is to be copied
		}
		err = fingerprint.Durable(file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) stepped(step string) error {
	if w.step == nil {
		return nil
	}
	return w.step(step)
}

// row freezes one.
func (w *work) row(ctx context.Context, seen Seen) error {
	if !seen.There {
		w.rows = append(w.rows, Row{Path: seen.Path})
		return nil
	}
	root := w.Rows.Root()
	st, err := root.Stat(name(seen.Path))
	if gone(err) {
		return ErrStale
	}
	if err != nil {
		return err
	}
	if st.Ino != seen.Ino || w.Rows.Leaves(st) != "" {
		return ErrStale
	}
	if st.Type == 'f' && !root.Elsewhere(st) {
		return w.file(ctx, seen, st)
	}
	seconds := time.Now().Unix()
	e, err := fingerprint.Describe(root, name(seen.Path), w.Hashing.SELinux)
	if gone(err) || err == nil && (e.Ino != seen.Ino || e.Type != st.Type || w.Rows.Leaves(e.Stat) != "") {
		return ErrStale
	}
	if errors.Is(err, unix.ESTALE) {
		return ErrMoves
	}
	if err != nil {
		return err
	}
	if err := w.spend(bytesOf(e.Xattrs) + int64(len(e.Target))); err != nil {
		return err
	}
	e.Path, e.LinkTo = seen.Path, seen.LinkTo
	w.rows = append(w.rows, Row{
		Path: seen.Path, Digest: w.Hashing.Key.Row(e, e.Content()), Frozen: sync.Frozen{Entry: e}, Settled: fingerprint.IsPast(e.Ctime, seconds),
	})
	return nil
}

func (w *work) spend(bytes int64) error {
	if bytes > w.left {
		return ErrTooLarge
	}
	w.left -= bytes
	return nil
}

func bytesOf(xattrs []fingerprint.Xattr) (bytes int64) {
	for _, x := range xattrs {
		bytes += int64(len(x.Name) + len(x.Value))
	}
	return bytes
}

// file freezes a file, once for all its names.
func (w *work) file(ctx context.Context, seen Seen, st beneath.Stat) error {
	at := inode{st.Dev, st.Ino}
	if first, again := w.shared[at]; again {
		w.same[len(w.rows)] = first
		row := w.rows[first]
		row.Path, row.Entry.Path, row.LinkTo = seen.Path, seen.Path, seen.LinkTo
		w.rows = append(w.rows, row)
		return nil
	}
	row, err := w.copied(ctx, seen.Path, st.Ino, w.Prefix+strconv.Itoa(len(w.rows)))
	if err != nil {
		return err
	}
	row.LinkTo = seen.LinkTo
	w.shared[at] = len(w.rows)
	w.rows = append(w.rows, *row)
	return w.stepped("one")
}

// oneMoment copies once more what was written since it was copied, until all copies are what the files have at one moment: a database
// has its log in one file and its pages in others. ErrMixed: they never were.
func (w *work) oneMoment(ctx context.Context) error {
	if w.Others == nil {
		return nil
	}
	if len(w.rows) == 1 { // of the moment that its copy is of
		return w.Others(ctx)
	}
	left := int64(againBytes)
	for range againRounds {
		moved, err := w.moved(ctx)
		if err != nil {
			return err
		}
		if len(moved) == 0 {
			return w.Others(ctx)
		}
		for _, i := range moved {
			if left -= w.rows[i].Size; left < 0 {
				return fmt.Errorf("%q: %w", w.rows[i].Path, ErrMixed)
			}
			err := w.again(ctx, i)
			if errors.Is(err, ErrStale) || errors.Is(err, ErrMoves) {
				err = ErrMixed
			}
			if err != nil {
				return fmt.Errorf("%q: %w", w.rows[i].Path, err)
			}
		}
	}
	return fmt.Errorf("files are written all the time: %w", ErrMixed)
}

// moved are the rows of files that are not as they were copied.
func (w *work) moved(ctx context.Context) (moved []int, err error) {
	for i := range w.rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := &w.rows[i]
		st, err := w.Rows.Root().Stat(name(row.Path))
		switch {
		case err != nil && !gone(err):
			return nil, err
		case (err == nil) != (row.Ino != 0), err == nil && st.Ino != row.Ino:
			return nil, fmt.Errorf("%q: %w", row.Path, ErrMixed)
		case row.Name == "":
			continue
		}
		if _, again := w.same[i]; again {
			continue
		}
		same := fingerprint.Same(row.Stat, st)
		if same && !row.Settled { // a write in the tick of an earlier one moves no ctime
			same, err = w.isAsCopied(ctx, row)
			if err != nil && !errors.Is(err, ErrStale) {
				return nil, fmt.Errorf("%q: %w", row.Path, err)
			}
		}
		if !same {
			moved = append(moved, i)
		}
	}
	return moved, nil
}

func (w *work) isAsCopied(ctx context.Context, row *Row) (bool, error) {
	file, err := w.Rows.Root().OpenRegular(name(row.Path), unix.O_RDONLY, 0)
	if gone(err) {
		return false, ErrStale
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	copied, err := w.Copies.OpenRegular(row.Name, unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer copied.Close()
	return equal(ctx, file, copied, row.Size)
}

// again copies a file once more, for all its names.
func (w *work) again(ctx context.Context, i int) error {
	before := w.rows[i]
	w.left += before.Size + bytesOf(before.Xattrs)
	if err := w.Copies.Unlink(before.Name); err != nil {
		return err
	}
	w.rows[i].Name = ""
	row, err := w.copied(ctx, before.Path, before.Ino, before.Name)
	if err != nil {
		return err
	}
	for other := range w.rows {
		if first, again := w.same[other]; other != i && (!again || first != i) {
			continue
		}
		path, link := w.rows[other].Path, w.rows[other].LinkTo
		w.rows[other] = *row
		w.rows[other].Path, w.rows[other].Entry.Path, w.rows[other].LinkTo = path, path, link
	}
	return nil
}

// durable makes the copies so.
func (w *work) durable() error {
	if !w.few {
		if err := w.Copies.SyncFileSystem(); err != nil {
			return err
		}
		return w.Copies.Sync()
	}
	for i := range w.rows {
		if _, again := w.same[i]; again || w.rows[i].Name == "" {
			continue
		}
		file, err := w.Copies.OpenRegular(w.rows[i].Name, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		err = file.Sync()
		if closing := file.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return err
		}
	}
	return w.Copies.Sync()
}

// readBack makes the digest of a file: of what the disk has of its copy.
func (w *work) readBack(ctx context.Context, i int) error {
	row := &w.rows[i]
	if row.Name == "" {
		return nil
	}
	if first, again := w.same[i]; again {
		row.Content, row.Allocated = w.rows[first].Content, w.rows[first].Allocated
	} else {
		file, err := w.Copies.OpenRegular(row.Name, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		st, err := w.Copies.StatFile(file)
		if err != nil {
			return err
		}
		if st.Size != row.Size {
			return fmt.Errorf("its copy has %d bytes instead of %d", st.Size, row.Size)
		}
		row.Allocated = st.Blocks * 512
		if row.Content, err = fingerprint.HashPastCache(ctx, file, row.Size, w.Rows.FileSystem()); err != nil {
			return fmt.Errorf("reading its copy back: %w", err)
		}
	}
	row.Digest = w.Hashing.Key.Row(row.Entry, hex.EncodeToString(row.Content[:]))
	return nil
}

// otherNames makes sure that names of a frozen file that are not frozen themselves have the same content as their rows say.
func (w *work) otherNames() error {
	several := map[uint64]int{}
	for at, first := range w.shared {
		if w.rows[first].Nlink > 1 {
			several[at.ino] = first
		}
	}
	if len(several) == 0 {
		return nil
	}
	frozen := make(map[string]bool, len(w.rows))
	for i := range w.rows {
		frozen[w.rows[i].Path] = true
	}
	for row := range w.Rows.Rows() {
		first, same := several[row.Ino]
		if !same || frozen[row.Path] {
			continue
		}
		e := w.rows[first].Entry
		if st, err := w.Rows.Root().Stat(name(row.Path)); err != nil || st.Type != 'f' || st.Ino != e.Ino || st.Dev != e.Dev {
			continue // the number is another file's, or the name went: the next look sees it
		}
		e.Path, e.LinkTo = row.Path, w.Rows.LinkTo(row.Path)
		if w.Hashing.Key.Row(e, hex.EncodeToString(w.rows[first].Content[:])) != row.Digest {
			return fmt.Errorf("%q: %w", row.Path, ErrStale)
		}
	}
	return nil
}

// name is a path as beneath takes it.
func name(path string) string {
	if path == "" {
		return "."
	}
	return path
}

// gone is true for the errors of a name that is not what it was any more.
func gone(err error) bool {
	for _, kind := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, beneath.ErrLink, beneath.ErrMount, beneath.ErrNotRegular} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// full makes sync.ErrFull of what means it.
func full(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", doing, sync.ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
