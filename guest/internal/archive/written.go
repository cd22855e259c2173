package archive

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// MostWritten bounds how many files are held of which somebody may write into them.
const MostWritten = 100

// Written is a file in the archive that a process may have open for writing since before a repair took it out of the tree: what it writes there
// nobody sees. It is open, so that its inode is no other file's, whatever becomes of its entry.
type Written struct {
	Path string // in the tree
	Ino  uint64
	file *os.File
}

// Close lets go of the file.
func (w *Written) Close() error { return w.file.Close() }

// Writing says whether somebody may write into a file now.
type Writing int

// What is known of it.
const (
	Nobody Writing = iota
	Somebody
	Unknown // this file system gives no leases
)

// Writing says whether somebody may write into it now, without looking at any process.
func (w *Written) Writing() Writing { return writing(w.file) }

// Linked says that the file has other names than that in the archive, one of which may be in the tree.
func (w *Written) Linked() bool {
	var stat unix.Stat_t
	return unix.Fstat(int(w.file.Fd()), &stat) == nil && stat.Nlink > 1
}

// writing asks the kernel for a lease, which it does not give while somebody has the file open or mapped for writing. Who opens it at this
// moment waits for some microseconds.
func writing(file *os.File) Writing {
	fd := file.Fd()
	_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		return Nobody
	case errors.Is(err, unix.EAGAIN):
		return Somebody
	}
	return Unknown
}

// isWrittenAt is true if somebody may have a file open for writing; false for what is no file, or is not there any more.
func isWrittenAt(dir *beneath.Dir, name string) bool {
	file, err := dir.OpenRegular(name, unix.O_RDONLY, 0)
	if err != nil {
		return errors.Is(err, beneath.ErrBusy)
	}
	defer file.Close()
	return writing(file) != Nobody
}

// addWritten adds what is at a place in an archive if somebody may write into it; false if no more are held.
func addWritten(dir *beneath.Dir, slot, path string, to *[]Written) bool {
	file, err := dir.OpenRegular(slot, unix.O_RDONLY, 0)
	if err != nil {
		return true
	}
	var stat unix.Stat_t
	if writing(file) == Nobody || unix.Fstat(int(file.Fd()), &stat) != nil {
		_ = file.Close()
		return true
	}
	*to = append(*to, Written{Path: path, Ino: stat.Ino, file: file})
	return len(*to) < MostWritten
}

// findWritten finds what was taken out of the tree and may be written to.
func (w *work) findWritten() (found []Written) {
	add := func(s *step) bool {
		slot, _, err := w.findSlot(s, func(in State) bool { return in.Type == 'f' && in.Ino != s.New.Ino })
		return err != nil || slot == "" || addWritten(w.tree.Archive, slot, s.path(), &found)
	}
	for i := range w.steps {
		if s := &w.steps[i]; s.Row.OldType == "f" && !add(s) {
			return found
		}
	}
	for _, row := range w.unlisted {
		if row.OldType == "f" && !add(&step{Row: row}) {
			return found
		}
	}
	return found
}

// errEnough ends a search.
var errEnough = errors.New("enough was found")

// Written finds files of the archive that somebody may have open for writing, as after a repair, the newest entries first. Of very many files the
// first so many are looked at.
func (a *Archive) Written(ctx context.Context, most int) (found []Written, err error) {
	entries, err := a.List(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	for _, entry := range entries {
		dir, err := a.tree.Archive.Sub(entry.Name)
		if err != nil {
			continue // removed meanwhile
		}
		err = eachBelow(ctx, dir, "", func(path string, st beneath.Stat, in *beneath.Dir) error {
			slot, row, below := strings.Cut(path[1:], "/")
			if st.Type != 'f' || !below || !strings.HasPrefix(slot, filesName) {
				return nil
			}
			if most--; most < 0 || !addWritten(in, path[strings.LastIndexByte(path, '/')+1:], row, &found) {
				return errEnough
			}
			return nil
		})
		_ = dir.Close()
		if errors.Is(err, errEnough) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}
