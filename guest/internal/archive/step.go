package archive

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// work is one plan being carried out.
type work struct {
	*Archive
	journal  journalHead
	steps    []step
	resuming bool
	result   Result
	touched  map[string]bool // directories of the tree whose names changed; nil if too many to name
	late     bool            // the manifest does not say all
	unlisted []Row

	appended map[uint64]bool   // inodes that processes only append to
	marks    map[string]uint64 // of files that were begun to be replaced in place, by what is staged for them
	block    int64             // see blocks
}

const (
	mostTouched  = 32
	mostUnlisted = 100
	// tries bounds how often a step begins anew because somebody else changed the same path at the same moment.
	tries = 16
	// slots bounds how many things of one path an entry can keep.
	slots = 16
)

func (w *work) all(ctx context.Context) error {
	steps := w.steps
	w.findAppended(ctx)
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &steps[i]
		if err := w.one(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", strconv.Quote(s.path()), err)
		}
	}
	for i := range steps { // last, as what comes into a directory moves its time
		s := &steps[i]
		if !s.removes() && s.New.Type == 'd' {
			err := w.tree.Live.Utimes(name(s.path()), s.New.Mtime)
			if err != nil && !gone(err) {
				return err
			}
		}
	}
	return nil
}

func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, beneath.ErrLink)
}

// errAgain means that somebody else changed the path between look and step.
var errAgain = errors.New("it changes all the time")

func (w *work) one(ctx context.Context, s *step) error {
	for range tries {
		if err := ctx.Err(); err != nil {
			return err
		}
		st, err := w.tree.Live.Stat(name(s.path()))
		if err != nil && !gone(err) {
			return err
		}
		var now State
		if err == nil {
			if s.path() != "" && w.tree.Live.Elsewhere(st) {
				return ErrMounted
			}
			now = StateOf(st)
		}
		if s.removes() {
			err = w.remove(ctx, s, now)
		} else {
			err = w.put(ctx, s, now)
		}
		if !errors.Is(err, errAgain) {
			return err
		}
	}
	return errAgain
}

// isLate handles what somebody wrote since the look: true if the row stays.
func (w *work) isLate(s *step, why string) bool {
	if w.journal.Single {
		w.result.Late = append(w.result.Late, Late{s.path(), why})
		return true
	}
	s.Row.Late, s.Row.Attributed, w.late = true, true, true
	return false
}

func (w *work) put(ctx context.Context, s *step, now State) error {
	staged, err := w.tree.Stage.Stat(s.Staged)
	switch {
	case errors.Is(err, unix.ENOENT):
		return w.resumed(s, now)
	case err != nil:
		return err
	case staged.Ino != s.New.Ino:
		return w.clear(ctx, s) // a directory that was exchanged is there now
	}
	if now.Type == 0 && s.Was.Type != 0 && w.resuming {
		if err := w.wasPutAside(s); err != nil {
			return err
		}
	}
	begun := now.Ino != 0 && w.marks[s.Staged] == now.Ino
	if !begun && !s.Row.Late && s.stale(now) && w.isLate(s, "somebody wrote it") {
		return nil
	}
	if begun || w.appended[now.Ino] && s.New.Type == 'f' && now.Type == 'f' {
		if done, err := w.replaceOpen(ctx, s, now); done || err != nil {
			return err
		}
	}
	switch {
	case now.Type == 0:
		err = w.do("create "+s.path(), func() error {
			return w.tree.Stage.Rename(s.Staged, w.tree.Live, s.path(), unix.RENAME_NOREPLACE)
		})
		if errors.Is(err, unix.EEXIST) {
			return errAgain
		}
		if gone(err) { // no order can put it there; the proof will find that it is missing
			w.result.Late = append(w.result.Late, Late{s.path(), "somebody removed the directory that it belongs in"})
			return nil
		}
	case now.Type == 'd' && s.New.Type == 'd':
		err = w.dress(s)
	case now.Type == 'd':
		err = w.do("exchange the directory "+s.path(), func() error {
			return w.tree.Stage.Rename(s.Staged, w.tree.Live, s.path(), w.exchange())
		})
		if w.lacksExchange(err) {
			return w.putAsideDirectory(ctx, s)
		}
		if errors.Is(err, unix.ENOENT) {
			return errAgain
		}
		if err == nil {
			w.touch(s)
			return w.clear(ctx, s)
		}
	default:
		return w.swap(s)
	}
	if err == nil {
		w.touch(s)
	}
	return err
}

// wasPutAside finds out whether a path is missing because a crash came between the two renames that stand for an exchange.
func (w *work) wasPutAside(s *step) error {
	slot, _, err := w.findSlot(s, func(in State) bool { return !s.Was.moved(in) })
	if slot != "" || s.Was.Type == 'd' {
		s.aside = true
	}
	return err
}

// do calls the hook and then the step.
func (w *work) do(what string, step func() error) error {
	if err := w.before(what); err != nil {
		return err
	}
	return step()
}

func (w *work) exchange() uint {
	if w.noExchange {
		return 1 << 30 // no such flag: EINVAL, as a file system without exchange says
	}
	return unix.RENAME_EXCHANGE
}

func (w *work) lacksExchange(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)
}

// dress gives a directory that stays the metadata of the one in the stage.
func (w *work) dress(s *step) error {
	want, err := fingerprint.Describe(w.tree.Stage, s.Staged, w.tree.SELinux)
	if err != nil {
		return err
	}
	have, err := fingerprint.Describe(w.tree.Live, name(s.path()), w.tree.SELinux)
	if err != nil {
		return err
	}
	return w.do("dress "+s.path(), func() error { return w.attributes(s, want, have) })
}

func (w *work) attributes(s *step, want, have fingerprint.Entry) error {
	live, path := w.tree.Live, name(s.path())
	if want.UID != have.UID || want.GID != have.GID {
		if err := live.Chown(path, want.UID, want.GID); err != nil {
			return err
		}
	}
	keep := map[string]bool{}
	for _, x := range want.Xattrs {
		keep[x.Name] = true
		if err := live.SetXattr(path, x.Name, []byte(x.Value)); err != nil {
			return err
		}
	}
	for _, x := range have.Xattrs {
		if !keep[x.Name] {
			if err := live.RemoveXattr(path, x.Name); err != nil && !errors.Is(err, unix.ENODATA) {
				return err
			}
		}
	}
	if err := live.Chmod(path, want.Mode); err != nil {
		return err
	}
	dir, err := live.Sub(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func (w *work) remove(ctx context.Context, s *step, now State) error {
	if now.Type == 0 {
		return nil
	}
	if slot, _, err := w.findSlot(s, func(in State) bool { return in.Ino == s.Was.Ino }); err != nil || slot != "" && s.Was.Type != 'd' {
		return err // it was removed before, and somebody made it anew
	}
	if !s.Row.Late && s.stale(now) && w.isLate(s, "somebody wrote it") {
		return nil
	}
	if now.Type == 'd' {
		return w.removeDirectory(ctx, s)
	}
	slot, err := w.freeSlot(s)
	if err != nil {
		return err
	}
	err = w.do("remove "+s.path(), func() error {
		return w.tree.Live.Rename(s.path(), w.tree.Archive, slot, unix.RENAME_NOREPLACE)
	})
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	w.touch(s)
	_, err = w.giveBack(s, slot, 0)
	return err
}

func (w *work) touch(s *step) {
	if w.touched == nil {
		return
	}
	w.touched[parentOf(s.path())] = true
	if len(w.touched) > mostTouched {
		w.touched = nil
	}
}
