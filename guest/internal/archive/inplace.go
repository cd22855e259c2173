package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/sync"
)

// A file that processes only append to is replaced in place, so that they go on writing where users look: a rename would leave them with
// the archive's file. What was there is copied into the archive; the stage stays until the new content is durable, and is what an
// interrupted replacement is done anew from. No line is lost without locking anybody out: the file is first made longer, to a size that no
// writer shares with us; what lies before that size was appended before and goes to the archive, and what comes after it stays
// behind the new content. So the file never has to be cut, which would lose what came in between.

// asidePrefix begins a name in the stage of a copy that is on its way to the archive.
const asidePrefix = "aside-"

// errCannot means that a file cannot be replaced in place, and is exchanged like any other.
var errCannot = errors.New("it cannot be replaced in place")

func cannot(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", doing, errCannot, err)
}

// findAppended asks which files that are to be replaced are only appended to. Who is not found is renamed, as ever.
func (w *work) findAppended(ctx context.Context) {
	if w.tree.Appended == nil {
		return
	}
	var inodes []uint64
	for i := range w.steps {
		if s := &w.steps[i]; s.New.Type == 'f' && s.Row.OldType == "f" {
			if st, err := w.tree.Live.Stat(name(s.path())); err == nil && st.Type == 'f' && isWrittenAt(w.tree.Live, s.path()) {
				inodes = append(inodes, st.Ino)
			}
		}
	}
	w.appended = w.appending(ctx, inodes)
}

func (w *work) appending(ctx context.Context, inodes []uint64) map[uint64]bool {
	if len(inodes) == 0 || w.tree.Appended == nil {
		return nil
	}
	found, err := w.tree.Appended(ctx, inodes)
	if err != nil {
		return nil
	}
	return found
}

// opened is a file that is being replaced in place.
type opened struct {
	*work
	step         *step
	old          *os.File // the file, to read
	live, staged *os.File // the file, to write, and what it becomes
	aside        *os.File // becomes the archive's copy
	asideName    string
	size         int64 // of the new content
	block        int64 // what the file system can take out of the middle of a file is whole ones
	copied       int64 // so much of the old content is in the copy
	end          int64 // what is before it is ours alone, once the file was made that long
}

// replaceOpen replaces the content of a file and keeps its inode. False: it must be exchanged, as which it may be neither old nor new.
func (w *work) replaceOpen(ctx context.Context, s *step, now State) (done bool, err error) {
	o := &opened{work: w, step: s, asideName: asidePrefix + s.Staged}
	defer o.close()
	begun := w.marks[s.Staged] == now.Ino && now.Ino != 0
	if begun {
		if same, err := o.isDone(now); same || err != nil {
			return same, err
		}
		s.Row.Late, s.Row.Attributed, w.late = true, true, true
	}
	err = o.prepare(ctx, now)
	if err == nil && !begun {
		if err = o.unchanged(now); err == nil {
			err = w.mark(s, now.Ino)
		}
	}
	if err == nil {
		begun = true
		err = o.replace()
	}
	if errors.Is(err, errCannot) && ctx.Err() == nil {
		if begun {
			s.Row.Late, s.Row.Attributed, w.late = true, true, true
		}
		return false, nil
	}
	return err == nil, err
}

func (o *opened) close() {
	for _, file := range []*os.File{o.old, o.live, o.staged, o.aside} {
		if file != nil {
			_ = file.Close()
		}
	}
	if o.aside != nil {
		_ = o.tree.Stage.Unlink(o.asideName) // it is in the archive, or of no use
	}
}

// isDone finds out whether only the journal's end was missing.
func (o *opened) isDone(now State) (bool, error) {
	if now.Size != o.step.New.Size {
		return false, nil
	}
	live, err := o.tree.Live.OpenRegular(o.step.path(), unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer live.Close()
	staged, err := o.tree.Stage.OpenRegular(o.step.Staged, unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer staged.Close()
	same := true
	err = eachDifference(staged, live, 0, 0, now.Size, func([]byte, int64) error {
		same = false
		return nil
	})
	if same && err == nil {
		err = live.Sync()
	}
	return same, err
}

// prepare opens what is needed and copies the old content; nothing in the tree is changed.
func (o *opened) prepare(ctx context.Context, now State) error {
	path := o.step.path()
	if err := o.suits(now); err != nil {
		return err
	}
	if err := o.before("copy aside " + path); err != nil {
		return err
	}
	if err := sync.RemoveAll(ctx, o.tree.Stage, o.asideName); err != nil {
		return err
	}
	var err error
	if o.aside, err = o.tree.Stage.OpenRegular(o.asideName, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600); err != nil {
		return cannot("copying it", err)
	}
	o.copied = now.Size
	if err := sync.CopyFile(ctx, o.old, o.aside, o.copied); err != nil {
		return cannot("copying it", err)
	}
	if err := o.dressCopy(now); err != nil {
		return cannot("copying it", err)
	}
	// Right before, and before it is open here: that would be a writer that does not append.
	if !o.appending(ctx, []uint64{now.Ino})[now.Ino] {
		return cannot("looking who writes it", errors.New("somebody may write elsewhere than at its end"))
	}
	if o.live, err = o.tree.Live.OpenRegular(path, unix.O_RDWR, 0); err != nil {
		return cannot("opening it", err)
	}
	st, err := o.tree.Live.StatFile(o.live)
	if err == nil && (st.Ino != now.Ino || st.Nlink != 1) {
		err = errors.New("it is another file by now, or has another name")
	}
	return cannot("opening it", err)
}

// suits tells whether both have the same owner, mode and attributes: who has the old version open would have the new one open too, which
// may be meant for others. Files with other names or holes are exchanged, and so is everything where nothing can be taken out of a file.
func (o *opened) suits(now State) error {
	want, wanted, err := o.describe(o.tree.Stage, o.step.Staged, &o.staged)
	if err != nil {
		return err
	}
	have, has, err := o.describe(o.tree.Live, o.step.path(), &o.old)
	switch {
	case err != nil:
		return cannot("looking at it", err)
	case want.Mode != have.Mode || want.UID != have.UID || want.GID != have.GID || !slices.Equal(wanted, has),
		have.Ino != now.Ino, want.Nlink != 1 || have.Nlink != 1, want.Size == 0, want.Blocks*512 < want.Size:
		return errCannot
	}
	o.size = want.Size
	o.block, err = o.blocks()
	return err
}

// dressCopy gives the copy what the old version has, which is what is staged has too.
func (o *opened) dressCopy(now State) error {
	st, err := o.tree.Live.StatFile(o.staged)
	if err != nil {
		return err
	}
	attributes, err := fingerprint.AttributesOf(o.staged, o.tree.SELinux)
	if err != nil {
		return err
	}
	if err := o.aside.Chown(int(int32(st.UID)), int(int32(st.GID))); err != nil {
		return err
	}
	for _, x := range attributes {
		if err := unix.Fsetxattr(int(o.aside.Fd()), x.Name, []byte(x.Value), 0); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(int(o.aside.Fd()), st.Mode); err != nil {
		return err
	}
	if err := o.tree.Stage.Utimes(o.asideName, now.Mtime); err != nil {
		return err
	}
	return o.aside.Sync()
}

// unchanged is the last look before it is begun: an order for single rows leaves what somebody wrote.
func (o *opened) unchanged(now State) error {
	st, err := o.tree.Live.StatFile(o.live)
	if err != nil {
		return err
	}
	if StateOf(st) == now {
		return nil
	}
	if o.journal.Single {
		return errAgain
	}
	o.step.Row.Late, o.step.Row.Attributed, o.late = true, true, true
	return nil
}

// replace does what cannot be taken back, so it is not given up in the middle.
func (o *opened) replace() error {
	path := o.step.path()
	if err := o.do("make longer "+path, o.extend); err != nil {
		return err
	}
	if err := o.do("keep what was appended to "+path, o.keepAppended); err != nil {
		return err
	}
	if err := o.keep(); err != nil {
		return err
	}
	last := (o.size - 1) / o.block * o.block // where the last block of the new content begins
	if err := o.overwrite(0, 0, last); err != nil {
		return err
	}
	if err := o.overwrite(last, o.end-(o.size-last), o.size-last); err != nil {
		return err
	}
	if err := o.do("make durable "+path, o.live.Sync); err != nil {
		return cannot("making it durable", err)
	}
	if too := o.end - o.size; too > 0 {
		err := o.do("take out of "+path, func() error {
			return cannot("taking blocks out of it", unix.Fallocate(int(o.live.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, last, too))
		})
		if err != nil {
			return err
		}
	}
	if st, err := o.tree.Live.StatFile(o.live); err == nil && st.Size == o.size {
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(o.step.New.Mtime)}
		_ = unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", o.live.Fd()), times, 0) // no row has it
	}
	return o.do("end "+path, func() error { return cannot("making it durable", o.live.Sync()) })
}

// extend makes the file so long that everything that anybody appends from now on comes after what is replaced; with its blocks, so that
// the disk cannot be full in the middle. The end is as far behind a block's beginning as the new content's.
func (o *opened) extend() error {
	fd := int(o.live.Fd())
	for range tries {
		st, err := o.tree.Live.StatFile(o.live)
		if err != nil {
			return err
		}
		if o.end = o.size; st.Size > o.size {
			o.end = st.Size + (o.block-(st.Size-o.size)%o.block)%o.block
		}
		o.copied = min(o.copied, st.Size)
		if err := unix.Fallocate(fd, 0, 0, o.end); err != nil {
			return cannot("making it longer", err)
		}
		if err := unix.Fallocate(fd, unix.FALLOC_FL_UNSHARE_RANGE, 0, o.end); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			return cannot("making room for it", err)
		}
		after, err := o.tree.Live.StatFile(o.live)
		if err != nil || after.Size == o.end {
			return err
		}
		// Somebody appended: after the end, or right before it was one. Then a line may lie across it, and it is tried again; a line
		// that is cut in two is still there, one half in the archive.
	}
	return nil
}

// keepAppended adds to the copy what was appended after it was made; behind that are zeros.
func (o *opened) keepAppended() error {
	buffer := make([]byte, 128<<10)
	length := o.copied
	for at := o.copied; at < o.end; {
		n, err := o.live.ReadAt(buffer[:min(int64(len(buffer)), o.end-at)], at)
		if n == 0 {
			return fmt.Errorf("reading what was appended: %w", err)
		}
		written := n
		for written > 0 && buffer[written-1] == 0 {
			written--
		}
		if written > 0 {
			if _, err := o.aside.WriteAt(buffer[:written], at); err != nil {
				return cannot("keeping what was appended", err)
			}
			length = at + int64(written)
			o.step.Row.Late, o.step.Row.Attributed, o.late = true, true, true
		}
		at += int64(n)
	}
	if length == o.copied {
		return nil
	}
	return cannot("keeping what was appended", o.aside.Sync())
}

// keep puts the copy into the archive, durable before anything is overwritten.
func (o *opened) keep() error {
	slot, err := o.freeSlot(o.step)
	if err != nil {
		return err
	}
	st, err := o.tree.Live.StatFile(o.aside)
	if err != nil {
		return err
	}
	o.step.copy = st.Ino
	err = o.do("archive "+o.step.path(), func() error {
		return o.tree.Stage.Rename(o.asideName, o.tree.Archive, slot, unix.RENAME_NOREPLACE)
	})
	if err != nil {
		return err
	}
	return o.syncDirs(parentOf(slot))
}

// overwrite writes what differs of a piece.
func (o *opened) overwrite(from, to, length int64) error {
	return eachDifference(o.staged, o.live, from, to, length, func(content []byte, at int64) error {
		return o.do(fmt.Sprintf("overwrite %s at %d", o.step.path(), at), func() error {
			_, err := o.live.WriteAt(content, at)
			return cannot("writing it", err)
		})
	})
}
