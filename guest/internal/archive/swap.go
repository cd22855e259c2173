package archive

import (
	"errors"

	"golang.org/x/sys/unix"
)

// slot is the n-th place in the entry for what is at a path.
func (w *work) slot(s *step, n int) string {
	files := filesName
	if n > 0 {
		files += suffix(n + 1)
	}
	return w.journal.Entry + "/" + files + "/" + s.path()
}

// freeSlot makes the directories above one where nothing is yet.
func (w *work) freeSlot(s *step) (string, error) {
	if !w.journal.Keeps { // nothing was to be replaced, and now something is in the way
		if err := w.begin(w.journal, w.steps); err != nil {
			return "", err
		}
		w.journal.Keeps = true
	}
	for n := range slots {
		slot := w.slot(s, n)
		_, err := w.tree.Archive.Stat(slot)
		if err == nil {
			continue
		}
		if errors.Is(err, unix.ENOENT) {
			if err = makeDirs(w.tree.Archive, parentOf(slot)); err == nil {
				if n > 0 {
					w.touched = nil
				}
				return slot, nil
			}
		}
		if !errors.Is(err, unix.ENOTDIR) {
			return "", err
		}
	}
	return "", errors.New("the archive entry has no place left for it")
}

// findSlot is where something with an inode is; "" if it is nowhere.
func (w *work) findSlot(s *step, is func(State) bool) (string, State, error) {
	for n := range slots {
		slot := w.slot(s, n)
		st, err := w.tree.Archive.Stat(slot)
		if err == nil && is(StateOf(st)) {
			return slot, StateOf(st), nil
		}
		if err != nil && !gone(err) {
			return "", State{}, err
		}
	}
	return "", State{}, nil
}

// swap puts the new version into the archive and exchanges it with the old one: there is no moment at which the path is missing or
// the old version is in neither place.
func (w *work) swap(s *step) error {
	slot, err := w.freeSlot(s)
	if err != nil {
		return err
	}
	if !w.noExchange {
		err = w.do("bring "+s.path(), func() error {
			return w.tree.Stage.Rename(s.Staged, w.tree.Archive, slot, unix.RENAME_NOREPLACE)
		})
		if err != nil {
			return err
		}
		err = w.swapSlot(s, slot)
		if !w.lacksExchange(err) {
			return err
		}
		if err := w.tree.Archive.Rename(slot, w.tree.Stage, s.Staged, 0); err != nil {
			return err
		}
		w.noExchange = true
	}
	err = w.do("put aside "+s.path(), func() error { return w.tree.Live.Rename(s.path(), w.tree.Archive, slot, 0) })
	if errors.Is(err, unix.ENOENT) {
		return errAgain
	}
	if err != nil {
		return err
	}
	w.touch(s)
	if back, err := w.giveBack(s, slot, 0); back || err != nil {
		return err
	}
	s.aside = true
	return errAgain
}

// swapSlot exchanges the new version in the archive with the old one in the tree.
func (w *work) swapSlot(s *step, slot string) error {
	err := w.do("exchange "+s.path(), func() error {
		return w.tree.Archive.Rename(slot, w.tree.Live, s.path(), unix.RENAME_EXCHANGE)
	})
	if gone(err) { // somebody removed it: the new version waits in the stage again
		if err := w.tree.Archive.Rename(slot, w.tree.Stage, s.Staged, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
		return errAgain
	}
	if err != nil {
		return err
	}
	w.touch(s)
	return w.checkOut(s, slot)
}

// checkOut looks at what came out of the tree. What is not what was expected goes back, or is told.
func (w *work) checkOut(s *step, slot string) error {
	st, err := w.tree.Archive.Stat(slot)
	if err != nil {
		return err
	}
	if st.Type == 'd' { // a directory took the file's place at the last moment: it is no file's old version
		err := w.tree.Archive.Rename(slot, w.tree.Live, s.path(), unix.RENAME_EXCHANGE)
		if err == nil {
			err = w.tree.Archive.Rename(slot, w.tree.Stage, s.Staged, unix.RENAME_NOREPLACE)
		}
		return errors.Join(err, errAgain)
	}
	if _, err := w.giveBack(s, slot, unix.RENAME_EXCHANGE); err != nil {
		return err
	}
	return nil
}

// giveBack returns to the tree what somebody wrote at the last moment, if the order is for single rows; true if it did.
func (w *work) giveBack(s *step, slot string, flags uint) (bool, error) {
	st, err := w.tree.Archive.Stat(slot)
	if err != nil {
		return false, err
	}
	if s.Row.Late || !s.Was.moved(StateOf(st)) || !w.isLate(s, "somebody wrote it at the last moment") {
		return false, nil
	}
	if flags == 0 {
		flags = unix.RENAME_NOREPLACE
	}
	err = w.do("give back "+s.path(), func() error { return w.tree.Archive.Rename(slot, w.tree.Live, s.path(), flags) })
	if gone(err) || errors.Is(err, unix.EEXIST) { // it was removed or written once more: the archive keeps this
		s.Row.Attributed, s.Row.Late, w.late = true, true, true
		return true, nil
	}
	if err != nil || flags == unix.RENAME_NOREPLACE {
		return true, err
	}
	return true, w.discard(s, slot)
}

// discard removes from a slot what was put into the tree for a moment, unless somebody wrote into it.
func (w *work) discard(s *step, slot string) error {
	st, err := w.tree.Archive.Stat(slot)
	if err != nil {
		return err
	}
	if now := StateOf(st); now.Ino == s.New.Ino && now.Size == s.New.Size && now.Mtime == s.New.Mtime {
		return w.tree.Archive.Unlink(slot)
	}
	s.Row.Attributed, s.Row.Late, w.late = true, true, true
	return nil
}

// resumed goes on with a row that is no longer in the stage.
func (w *work) resumed(s *step, now State) error {
	slot, _, err := w.findSlot(s, func(in State) bool { return in.Ino == s.New.Ino })
	if err != nil {
		return err
	}
	if slot != "" && now.Ino != s.New.Ino { // brought, and not exchanged
		if now.Type == 0 || now.Type == 'd' {
			if err := w.tree.Archive.Rename(slot, w.tree.Stage, s.Staged, unix.RENAME_NOREPLACE); err != nil {
				return err
			}
			return errAgain
		}
		if !s.Row.Late && s.stale(now) && w.isLate(s, "somebody wrote it") {
			return w.discard(s, slot)
		}
		return w.swapSlot(s, slot)
	}
	w.touch(s)
	if now.Ino != s.New.Ino || !w.journal.Single {
		return nil
	}
	if slot, _, err = w.findSlot(s, func(in State) bool { return in.Type != 'd' }); slot == "" || err != nil {
		return err
	}
	return w.checkOut(s, slot)
}
