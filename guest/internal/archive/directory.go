package archive

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// removeDirectory removes a directory whose listed rows went before.
func (w *work) removeDirectory(ctx context.Context, s *step) error {
	for range tries {
		err := w.do("remove the directory "+s.path(), func() error { return w.tree.Live.Rmdir(s.path()) })
		if err == nil || gone(err) {
			w.touch(s)
			return nil
		}
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if w.isLate(s, "something is in it that no row lists") {
			return nil
		}
		if err := w.keepRest(ctx, w.tree.Live, s.path(), s.path()); err != nil {
			return err
		}
	}
	return errAgain
}

// clear removes the old directory that an exchange brought into the stage.
func (w *work) clear(ctx context.Context, s *step) error {
	st, err := w.tree.Stage.Stat(s.Staged)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Type != 'd' { // a file took the directory's place at the last moment
		return w.keep(w.tree.Stage, s.Staged, s.path(), st)
	}
	for range tries {
		err := w.do("remove the old directory "+s.path(), func() error { return w.tree.Stage.Rmdir(s.Staged) })
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if err := w.keepRest(ctx, w.tree.Stage, s.Staged, s.path()); err != nil {
			return err
		}
	}
	return errAgain
}

// putAsideDirectory is exchange for file systems that have none: the directory goes, and then the new version comes.
func (w *work) putAsideDirectory(ctx context.Context, s *step) error {
	w.noExchange = true
	if err := w.removeDirectory(ctx, s); err != nil {
		return err
	}
	s.aside = true
	return errAgain
}

// keepRest moves what no row lists out of a directory that goes, into the archive at its path.
func (w *work) keepRest(ctx context.Context, parent *beneath.Dir, name, path string) error {
	dir, err := parent.Sub(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	var names []string
	err = dir.Entries(ctx, func(entry []byte, _ byte) error {
		names = append(names, string(entry))
		return nil
	})
	if err != nil {
		return err
	}
	for _, entry := range names {
		st, err := dir.Stat(entry)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		if dir.Elsewhere(st) {
			return fmt.Errorf("%q: %w", path+"/"+entry, ErrMounted)
		}
		if st.Type == 'd' {
			// Row by row: a rename would take with it what somebody mounts there at this moment.
			if err := w.keepRest(ctx, dir, entry, path+"/"+entry); err != nil {
				return err
			}
			w.note(path+"/"+entry, st)
			if err := dir.Rmdir(entry); err != nil && !gone(err) && !errors.Is(err, unix.ENOTEMPTY) {
				return err
			}
			continue
		}
		if err := w.keep(dir, entry, path+"/"+entry, st); err != nil {
			return err
		}
	}
	return nil
}

// keep moves something that no row lists into the archive.
func (w *work) keep(dir *beneath.Dir, entry, path string, st beneath.Stat) error {
	slot, err := w.freeSlot(&step{Row: Row{Path: Path(path)}})
	if err != nil {
		return err
	}
	err = w.do("keep "+path, func() error { return dir.Rename(entry, w.tree.Archive, slot, unix.RENAME_NOREPLACE) })
	if gone(err) {
		return nil
	}
	if err == nil {
		w.note(path, st)
	}
	return err
}

// note tells the manifest of what no row lists: nobody knows who wrote it, so a user may have.
func (w *work) note(path string, st beneath.Stat) {
	row := Row{
		Path: Path(path), What: Deleted, Attributed: true, Late: true, OldType: string(rune(st.Type)),
		OldMode: strconv.FormatUint(uint64(st.Mode), 8), OldUID: st.UID, OldGID: st.GID,
	}
	if st.Type != 'd' {
		row.OldSize = st.Size
	}
	w.unlisted = append(w.unlisted, row)
	if len(w.result.Unlisted) < mostUnlisted {
		w.result.Unlisted = append(w.result.Unlisted, path)
	}
	w.touched = nil
}
