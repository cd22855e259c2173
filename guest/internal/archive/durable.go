package archive

import "strings"

// sync makes names durable: contents were before they came.
func (w *work) sync() error {
	if w.touched == nil {
		return w.tree.Live.SyncFileSystem()
	}
	for path := range w.touched {
		dir := w.tree.Live
		if path != "." {
			var err error
			if dir, err = dir.Sub(path); gone(err) {
				continue
			} else if err != nil {
				return err
			}
			defer dir.Close()
		}
		if err := dir.Sync(); err != nil {
			return err
		}
		if !w.journal.Keeps {
			continue
		}
		if err := w.syncSlots(path); err != nil {
			return err
		}
	}
	return w.tree.Stage.Sync()
}

// syncSlots makes the directories of the entry for a path durable, and those above, which may be as new.
func (w *work) syncSlots(path string) error {
	return w.syncDirs(strings.TrimSuffix(w.journal.Entry+"/"+filesName+"/"+path, "/."))
}

// syncDirs makes a directory of the archive durable, and those above it.
func (w *work) syncDirs(path string) error {
	for ; path != "."; path = parentOf(path) {
		dir, err := w.tree.Archive.Sub(path)
		if err == nil {
			err = dir.Sync()
			_ = dir.Close()
		}
		if err != nil && !gone(err) {
			return err
		}
	}
	return w.tree.Archive.Sync()
}

// judgeSlots marks, after a crash, the rows whose old version is not the one that the look saw.
func (w *work) judgeSlots() error {
	if !w.resuming || !w.journal.Keeps {
		return nil
	}
	for i := range w.steps {
		s := &w.steps[i]
		if s.Row.What == Changed {
			continue
		}
		_, copied := w.marks[s.Staged]
		slot, _, err := w.findSlot(s, func(in State) bool {
			if copied {
				in.Ino = s.Was.Ino // of what is replaced in place the archive has a copy
			}
			return in.Type != 'd' && s.Was.moved(in) && in.Ino != s.New.Ino
		})
		if err != nil {
			return err
		}
		if slot != "" && !s.Row.Late {
			s.Row.Late, s.Row.Attributed, w.late = true, true, true
		}
	}
	return nil
}
