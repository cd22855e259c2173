package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/sync"
)

// Result is how a plan was carried out.
type Result struct {
	Entry string // of the archive; "" if nothing was replaced or deleted
	// Rows that were replaced, deleted, created, or whose directory's metadata changed.
	Rows int
	Late []Late
	// Unlisted are paths that were archived with a directory that had to go, though the plan did not name them; at most 100.
	Unlisted []string
}

const journalName = "applying"

// journalHead is the journal's first line; steps follow.
type journalHead struct {
	Version int    `json:"virtquorum-journal"`
	Tree    string `json:"tree"`
	Entry   string `json:"entry"`
	Verdict string `json:"verdict"`
	Millis  int64  `json:"millis"`
	Single  bool   `json:"single"`
	Keeps   bool   `json:"keeps"` // there is an archive entry
}

// Need is how many bytes on disk a plan would move into the archive.
func (a *Archive) Need(ctx context.Context, plan Plan) (int64, error) {
	steps, _, err := a.steps(ctx, &plan)
	return bytesOf(steps), err
}

func bytesOf(steps []step) (bytes int64) {
	for i := range steps {
		if !steps[i].Row.isSpared() {
			bytes += steps[i].bytes
		}
	}
	return bytes
}

// Prepared is a plan that will be carried out, now or after a crash, unless it is abandoned.
type Prepared struct {
	archive *Archive
	journal journalHead
	steps   []step
	late    []Late
}

// Apply carries a plan out: all that it replaces or removes is in the archive entry by the same step. It returns when everything is
// durable. After an error that wraps ErrInterrupted the tree is between old and new, each row being one of them, and Finish goes on;
// after another error nothing was changed. Room is the caller's matter: MakeRoom with what Need says.
func (a *Archive) Apply(ctx context.Context, plan Plan) (Result, error) {
	prepared, err := a.Prepare(ctx, plan)
	if err != nil {
		return Result{}, err
	}
	return prepared.CarryOut(ctx)
}

// Prepare makes a plan durable, with all that is needed to carry it out. Nothing in the tree was changed when it returns. What is carried out in
// several trees is prepared in all of them first, so that a crash afterwards ends it in all.
func (a *Archive) Prepare(ctx context.Context, plan Plan) (*Prepared, error) {
	if err := checkEntry(plan.Entry); err != nil {
		return nil, err
	}
	if _, interrupted, err := a.Interrupted(); err != nil || interrupted {
		return nil, errors.Join(fmt.Errorf("%w: an earlier repair of %s is not finished", ErrPlan, a.tree.Name), err)
	}
	steps, late, err := a.steps(ctx, &plan)
	if err != nil {
		return nil, fmt.Errorf("preparing the repair of %s: %w", a.tree.Name, err)
	}
	p := &Prepared{archive: a, steps: steps, late: late}
	if len(steps) == 0 {
		return p, nil
	}
	p.journal = journalHead{Version: 1, Tree: a.tree.Name, Verdict: plan.Verdict, Millis: plan.Millis, Single: plan.Single}
	p.journal.Keeps = slices.ContainsFunc(steps, func(s step) bool { return s.Row.OldType != "" })
	if p.journal.Entry, err = a.free(plan.Entry); err == nil && p.journal.Keeps {
		err = a.begin(p.journal, steps)
	}
	if err == nil {
		err = a.before("journal")
	}
	if err == nil {
		err = a.forgetMarks(ctx)
	}
	if err == nil {
		err = p.write()
	}
	if err != nil {
		if p.journal.Entry != "" {
			err = errors.Join(err, p.Abandon(ctx))
		}
		return nil, fmt.Errorf("preparing the repair of %s: %w", a.tree.Name, full(err))
	}
	return p, nil
}

// write makes the journal durable, and before it in one go all that it needs: the stage, and the entry with its manifest. One by one
// each would cost a commit of the file system's own journal.
func (p *Prepared) write() error {
	tree := p.archive.tree
	settle := func(file *os.File) error {
		if err := tree.Live.SyncFileSystem(); err != nil {
			return err
		}
		return file.Sync() // is told of errors that kernels before 5.8 do not tell syncfs
	}
	err := putLines(tree.Journal, journalName, settle, func(encode func(any) error) error {
		if err := encode(p.journal); err != nil {
			return err
		}
		for i := range p.steps {
			if err := encode(&p.steps[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tree.Journal.Sync()
}

// CarryOut does what was prepared, as Apply says.
func (p *Prepared) CarryOut(ctx context.Context) (Result, error) {
	if len(p.steps) == 0 {
		return Result{Late: p.late}, nil
	}
	result, err := p.archive.carryOut(ctx, p.journal, p.steps, false)
	result.Late = append(p.late, result.Late...)
	return result, err
}

// Abandon takes back what was prepared and not begun: the entry would say that rows were replaced. The context's end does not keep it from that.
func (p *Prepared) Abandon(ctx context.Context) error {
	if len(p.steps) == 0 {
		return nil
	}
	a := p.archive
	if err := a.tree.Journal.Unlink(journalName); err == nil {
		if err = a.tree.Journal.Sync(); err != nil {
			return err
		}
	} else if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if !p.journal.Keeps {
		return nil
	}
	return a.Remove(context.WithoutCancel(ctx), p.journal.Entry)
}

// dropCopy removes the old version of a file from the entry, where it is what the order was made of.
func (w *work) dropCopy(s *step) {
	slot, _, err := w.findSlot(s, func(in State) bool { return in.Type == 'f' && (in.Ino == s.Was.Ino || in.Ino == s.copy) })
	if err == nil && slot != "" {
		_ = w.tree.Archive.Unlink(slot)
	}
}

// ErrInterrupted means that rows of the tree are replaced and others not yet: Finish must be called.
var ErrInterrupted = errors.New("the repair was interrupted")

func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", sync.ErrFull, err)
	}
	return err
}

// free is the entry's name, with a number if there is one of that name.
func (a *Archive) free(entry string) (string, error) {
	for n := 2; ; n++ {
		_, err := a.tree.Archive.Stat(entry)
		if errors.Is(err, unix.ENOENT) {
			return entry, nil
		}
		if err != nil || n > 10_000 {
			return "", fmt.Errorf("looking for a name for an archive entry: %w", err)
		}
		base := entry
		if i := len(base) - len(suffix(n-1)); n > 2 {
			base = base[:i]
		}
		entry = base + suffix(n)
	}
}

func suffix(n int) string { return "-" + strconv.Itoa(n) }

// begin makes the entry with its manifest; both are durable with the journal, before anything goes there.
func (a *Archive) begin(journal journalHead, steps []step) error {
	if err := a.before("entry"); err != nil {
		return err
	}
	if err := makeDirs(a.tree.Archive, journal.Entry+"/"+filesName); err != nil {
		return err
	}
	return a.manifest(journal, steps, nil, notSettled)
}

// manifest writes the entry's manifest, as durably as write does.
func (a *Archive) manifest(journal journalHead, steps []step, unlisted []Row, write lineWriter) error {
	dir, err := a.tree.Archive.Sub(journal.Entry)
	if err != nil {
		return err
	}
	defer dir.Close()
	h := head{manifestVersion, journal.Verdict, journal.Millis, len(unlisted), bytesOf(steps), len(steps) + len(unlisted)}
	for i := range steps {
		if steps[i].Row.Attributed && steps[i].Row.OldType != "" {
			h.Attributed++
		}
	}
	for i := range unlisted {
		h.Bytes += unlisted[i].OldSize
	}
	return write(dir, manifestName, func(encode func(any) error) error {
		if err := encode(h); err != nil {
			return err
		}
		for i := range steps {
			if err := encode(steps[i].Row); err != nil {
				return err
			}
		}
		for _, row := range unlisted {
			if err := encode(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// Interrupted says which verdict's repair was not finished, if one was not.
func (a *Archive) Interrupted() (verdict string, interrupted bool, err error) {
	var h journalHead
	err = readLines(a.tree.Journal, journalName, &h, nil)
	if errors.Is(err, unix.ENOENT) {
		return "", false, nil
	}
	if err != nil {
		return "", true, fmt.Errorf("reading the journal of %s: %w", a.tree.Name, err)
	}
	return h.Verdict, true, nil
}

// Finish ends an interrupted repair from its own stage, without a donor. It is no error if there is none.
func (a *Archive) Finish(ctx context.Context) (Result, error) {
	var journal journalHead
	var steps []step
	err := readLines(a.tree.Journal, journalName, &journal, func(decode func(any) error) error {
		var s step
		if err := decode(&s); err != nil {
			return err
		}
		s.bytes = s.Row.OldSize
		steps = append(steps, s)
		return nil
	})
	if errors.Is(err, unix.ENOENT) {
		return Result{}, nil
	}
	if err == nil && (journal.Version != 1 || journal.Tree != a.tree.Name) {
		err = errors.New("it is another program's, or another tree's")
	}
	if err == nil {
		err = checkEntry(journal.Entry)
	}
	if err != nil {
		return Result{}, fmt.Errorf("finishing an interrupted repair of %s: the journal: %w", a.tree.Name, err)
	}
	return a.carryOut(ctx, journal, steps, true)
}

// carryOut does all steps, each of which finds out whether it was done before.
func (a *Archive) carryOut(ctx context.Context, journal journalHead, steps []step, resuming bool) (Result, error) {
	w := work{Archive: a, journal: journal, steps: steps, resuming: resuming, marks: map[string]uint64{}}
	if !resuming {
		w.touched = map[string]bool{} // otherwise nobody knows
	} else if marks, err := a.marks(ctx); err != nil {
		return w.result, fmt.Errorf("repairing %s: %w: %w", a.tree.Name, ErrInterrupted, err)
	} else {
		w.marks = marks
	}
	if _, err := a.tree.Archive.Stat(journal.Entry); resuming && err == nil {
		w.journal.Keeps = true
	}
	err := w.all(ctx)
	if err == nil {
		err = w.end(ctx)
	}
	if err != nil {
		return w.result, fmt.Errorf("repairing %s: %w: %w", a.tree.Name, ErrInterrupted, full(err))
	}
	return w.result, nil
}

// end makes everything durable, and only then forgets the journal.
func (w *work) end(ctx context.Context) error {
	steps := w.steps
	if err := w.judgeSlots(); err != nil {
		return err
	}
	if err := w.before("durable"); err != nil {
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	if w.journal.Keeps && (w.late || len(w.unlisted) > 0) {
		if err := w.manifest(w.journal, steps, w.unlisted, writeLines); err != nil {
			return err
		}
	}
	if err := w.before("forget the journal"); err != nil {
		return err
	}
	if err := w.tree.Journal.Unlink(journalName); err != nil {
		return err
	}
	if err := w.tree.Journal.Sync(); err != nil {
		return err
	}
	if err := w.forgetMarks(ctx); err != nil {
		return err
	}
	if w.tree.Written != nil {
		w.tree.Written(w.findWritten())
	}
	// What is left in the stage, and copies that are spared, are of no use, and no harm if they stay.
	for i := range steps {
		if steps[i].Row.isSpared() {
			w.dropCopy(&steps[i])
		}
		if steps[i].Staged != "" {
			_ = sync.RemoveAll(ctx, w.tree.Stage, steps[i].Staged)
		}
	}
	if w.journal.Keeps {
		w.result.Entry = w.journal.Entry
	}
	w.result.Rows = len(steps) - len(w.result.Late)
	return nil
}
