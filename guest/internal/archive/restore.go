package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/sync"
)

// Restored is what a restore brought.
type Restored struct {
	Rows    int
	Missing []string // paths that the entry does not have; at most 100
	Entry   string   // where what was in place before is archived, as a user's; "" if nothing was
}

// RestoreTo copies rows of an entry, each with what is in the entry below it, into a directory, which need not be on the tree's file
// system; no rows means all. Nothing that is there is replaced: a path that exists is an error, and what was copied stays.
func (a *Archive) RestoreTo(ctx context.Context, entry string, rows []string, to *beneath.Dir) (Restored, error) {
	found, result, err := a.chosen(ctx, entry, rows, func(string) bool { return false })
	for _, row := range found {
		if err != nil {
			break
		}
		path := string(row.Path)
		if path == "" {
			continue
		}
		if err = makeDirs(to, parentOf(path)); err == nil {
			err = a.copyRow(ctx, entry, row, to, path)
		}
		if row.OldType == "d" && errors.Is(err, unix.EEXIST) {
			err = nil // it came with what is in it
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", path, err)
		} else {
			result.Rows++
		}
	}
	if err != nil {
		return result, fmt.Errorf("restoring from the archive entry %s of %s: %w", entry, a.tree.Name, full(err))
	}
	return result, nil
}

// Restore puts rows of an entry back into the tree, each with what is in the entry below it, as a user's own write: what is in
// place now goes into an archive entry of its own, as attributed. millis is the member's clock. Room is the caller's matter.
func (a *Archive) Restore(ctx context.Context, entry string, rows []string, millis int64) (Restored, error) {
	plan, result, err := a.PlanRestore(ctx, entry, rows, millis)
	if err != nil {
		return result, err
	}
	applied, err := a.Apply(ctx, plan)
	result.Rows, result.Entry = applied.Rows, applied.Entry
	return result, err
}

// longestRestored is how much of an entry's name is in that of what it replaces.
const longestRestored = 180

// PlanRestore stages what Restore applies.
func (a *Archive) PlanRestore(ctx context.Context, entry string, rows []string, millis int64) (Plan, Restored, error) {
	found, result, err := a.chosen(ctx, entry, rows, a.lacks)
	plan := Plan{
		Entry:   "before-restore-" + entry[:min(len(entry), longestRestored)],
		Verdict: "Somebody restored rows of " + entry + ": this was in place before.", Millis: millis,
	}
	for _, row := range found {
		if err != nil {
			break
		}
		var put Put
		put, err = a.stageRow(ctx, entry, row)
		plan.Put = append(plan.Put, put) // to be removed again, if it is half a copy
	}
	if err == nil {
		err = a.tree.Stage.SyncFileSystem()
	}
	if err != nil {
		err = errors.Join(err, a.Unstage(ctx, plan))
		return Plan{}, result, fmt.Errorf("restoring from the archive entry %s of %s: %w", entry, a.tree.Name, full(err))
	}
	return plan, result, nil
}

// Unstage removes what was staged for a plan that is not carried out.
func (a *Archive) Unstage(ctx context.Context, plan Plan) (err error) {
	ctx = context.WithoutCancel(ctx)
	for _, put := range plan.Put {
		err = errors.Join(err, sync.RemoveAll(ctx, a.tree.Stage, put.Staged))
	}
	return err
}

// Missing are those of the rows that an entry has no old version of; at most 100.
func (a *Archive) Missing(ctx context.Context, entry string, rows []string) ([]string, error) {
	found, result, err := a.chosen(ctx, entry, rows, func(string) bool { return false })
	if err != nil {
		return nil, fmt.Errorf("reading what the archive entry %s of %s has: %w", entry, a.tree.Name, err)
	}
	if len(found) == 0 && len(result.Missing) == 0 {
		return []string{"anything"}, nil
	}
	return result.Missing, nil
}

// lacks is true for a directory that is not in the tree.
func (a *Archive) lacks(path string) bool {
	st, err := a.tree.Live.Stat(name(path))
	return err != nil || st.Type != 'd'
}

// chosen are the rows of a manifest that there is an old version of, directories before what is in them; with the directories
// above them that are needed.
func (a *Archive) chosen(ctx context.Context, entry string, rows []string, needed func(directory string) bool) ([]Row, Restored, error) {
	var found []Row
	var result Restored
	matched := make([]bool, len(rows))
	err := a.Rows(ctx, entry, func(row Row) error {
		if row.OldType == "" || row.isSpared() {
			return nil
		}
		within := len(rows) == 0
		for i, wanted := range rows {
			if string(row.Path) == wanted || wanted == "" || strings.HasPrefix(string(row.Path), wanted+"/") {
				within, matched[i] = true, true
			} else if row.OldType == "d" && strings.HasPrefix(wanted, string(row.Path)+"/") {
				within = within || needed(string(row.Path))
			}
		}
		if within {
			found = append(found, row)
		}
		return nil
	})
	for i, is := range matched {
		if !is && len(result.Missing) < mostUnlisted {
			result.Missing = append(result.Missing, rows[i])
		}
	}
	slices.SortFunc(found, func(x, y Row) int { return strings.Compare(string(x.Path), string(y.Path)) })
	return found, result, err
}

// stageRow makes a copy of an old version in the stage.
func (a *Archive) stageRow(ctx context.Context, entry string, row Row) (Put, error) {
	sum := sha256.Sum256([]byte(entry + "\x00" + string(row.Path)))
	put := Put{Path: string(row.Path), Staged: "restore-" + hex.EncodeToString(sum[:16]), Attributed: true}
	if err := sync.RemoveAll(ctx, a.tree.Stage, put.Staged); err != nil {
		return put, err
	}
	if err := a.copyRow(ctx, entry, row, a.tree.Stage, put.Staged); err != nil {
		return put, fmt.Errorf("%q: %w", put.Path, err)
	}
	st, err := a.tree.Stage.Stat(put.Staged)
	if err != nil {
		return put, err
	}
	put.Mtime = st.Mtime
	now, err := a.tree.Live.Stat(name(put.Path))
	if err == nil {
		put.Was = StateOf(now)
	} else if !gone(err) {
		return put, err
	}
	return put, nil
}

// copyRow copies an old version under a name that must be free, with all its metadata.
func (a *Archive) copyRow(ctx context.Context, entry string, row Row, to *beneath.Dir, toName string) error {
	e, slot, err := a.old(entry, row)
	if err != nil {
		return err
	}
	switch e.Type {
	case 'f':
		err = a.copyFile(ctx, slot, to, toName)
	case 'd':
		err = to.Mkdir(toName, 0o700)
	case 'l':
		err = to.Symlink(e.Target, toName)
	default:
		err = to.Mknod(toName, e.Type, 0o600, e.Rdev)
	}
	if err == nil {
		err = to.Chown(toName, e.UID, e.GID)
	}
	for _, x := range e.Xattrs {
		if err == nil {
			err = to.SetXattr(toName, x.Name, []byte(x.Value))
		}
	}
	if err == nil && e.Type != 'l' {
		err = to.Chmod(toName, e.Mode)
	}
	if err == nil && e.Type != 'd' {
		err = to.Utimes(toName, e.Mtime)
	}
	return err
}

// old says what an old version is like; a directory's is only in the manifest.
func (a *Archive) old(entry string, row Row) (fingerprint.Entry, string, error) {
	if row.OldType == "d" {
		mode, err := strconv.ParseUint(row.OldMode, 8, 12)
		if err != nil {
			return fingerprint.Entry{}, "", fmt.Errorf("its mode in the manifest: %w", err)
		}
		e := fingerprint.Entry{}
		e.Type, e.Mode, e.UID, e.GID = 'd', uint32(mode), row.OldUID, row.OldGID
		for name, value := range row.OldXattrs {
			e.Xattrs = append(e.Xattrs, fingerprint.Xattr{Name: name, Value: string(value)})
		}
		return e, "", nil
	}
	w := work{Archive: a, journal: journalHead{Entry: entry}}
	slot, _, err := w.findSlot(&step{Row: row}, func(in State) bool { return in.Type != 'd' })
	if err == nil && slot == "" {
		err = os.ErrNotExist
	}
	if err != nil {
		return fingerprint.Entry{}, "", err
	}
	e, err := fingerprint.Describe(a.tree.Archive, slot, a.tree.SELinux)
	return e, slot, err
}

func (a *Archive) copyFile(ctx context.Context, slot string, to *beneath.Dir, toName string) error {
	from, err := a.tree.Archive.OpenRegular(slot, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := to.OpenRegular(toName, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := from.Stat()
	if err == nil {
		err = sync.CopyFile(ctx, from, file, info.Size())
	}
	if err == nil {
		err = file.Sync()
	}
	return err
}
