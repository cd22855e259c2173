package archive

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// State is what a look found at a path; the zero value is nothing.
type State struct {
	Type  byte // find's %y
	Ino   uint64
	Size  int64 // bytes
	Mtime int64 // ns since 1970
	Ctime int64 // ns since 1970
}

// StateOf is the state that a look found.
func StateOf(st beneath.Stat) State {
	return State{Type: st.Type, Ino: st.Ino, Size: st.Size, Mtime: st.Mtime, Ctime: st.Ctime}
}

// differs is true if somebody wrote between two looks. Directories change with what is put into them, so only whether they
// are the same counts.
func (s State) differs(now State) bool {
	if s.Type == 'd' && now.Type == 'd' {
		return s.Ino != now.Ino
	}
	return s != now
}

// moved is differs where one of the looks was before a rename, which moves ctime itself.
func (s State) moved(now State) bool {
	now.Ctime = s.Ctime
	return s.differs(now)
}

// Put is a row that comes out of the stage.
type Put struct {
	Path       string
	Staged     string // its name in the stage
	Mtime      int64  // ns since 1970; what a directory gets when all that belongs into it is there
	Was        State
	OldDigest  fingerprint.Digest // zero if nothing was there
	Attributed bool               // a user may have written what is replaced
	Spare      string             // why no copy of it need stay where there is no room; "": one must
}

// Remove is a row that goes.
type Remove struct {
	Path       string
	Was        State
	OldDigest  fingerprint.Digest
	Attributed bool
	Spare      string
}

// Plan is what is to be done to one tree.
type Plan struct {
	Entry   string // name of the archive entry: letters, digits, dot, dash and underscore, at most 200
	Verdict string // a sentence, for the manifest
	Millis  int64  // the member's clock, since 1970
	// Single is an order for single rows: those that somebody wrote since the look stay as they are and are told. Otherwise what
	// was written since is replaced and archived, as attributed.
	Single bool
	// Sparing leaves no copies of files that have a Spare, but for what somebody wrote since the look.
	Sparing bool
	Put     []Put
	Remove  []Remove
}

// Late is a row that stayed as it is, because somebody wrote it after the look.
type Late struct {
	Path string
	Why  string
}

// step is one row of a plan, as the journal keeps it until all are done.
type step struct {
	Row    Row    `json:"row"` // as it goes into the manifest
	Staged string `json:"staged,omitempty"`
	New    State  `json:"new"` // what is staged; nothing for a row that goes
	Was    State  `json:"was"`
	bytes  int64  // on disk, that the archive will hold
	aside  bool   // without an exchange: what was there is in the archive, and nothing is there now
	copy   uint64 // the inode of the archive's copy of what was replaced in place
}

// stale is true if what is there now is not what the step was made for.
func (s *step) stale(now State) bool {
	if s.aside {
		return now.Type != 0
	}
	return s.Was.differs(now)
}

func (s *step) removes() bool { return s.Staged == "" }
func (s *step) path() string  { return string(s.Row.Path) }

// name is a path as beneath takes it.
func name(path string) string {
	if path == "" {
		return "."
	}
	return path
}

var (
	// ErrMounted means that a row cannot be replaced or removed because something is mounted there or below. Nothing was changed.
	ErrMounted = errors.New("something is mounted there")
	// ErrImmutable means the same of files that are immutable or append-only.
	ErrImmutable = errors.New("it is immutable or append-only")
	// ErrPlan means that a plan cannot be carried out whatever the tree is like. Nothing was changed.
	ErrPlan = errors.New("the plan is not sound")
)

// steps looks at everything that a plan names, orders it, and leaves out what is late.
func (a *Archive) steps(ctx context.Context, plan *Plan) ([]step, []Late, error) {
	var steps []step
	var late []Late
	becomes := map[string]byte{}
	add := func(s step) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, twice := becomes[s.path()]; twice {
			return fmt.Errorf("%w: %q is named twice", ErrPlan, s.path())
		}
		becomes[s.path()] = s.New.Type
		why, err := a.look(&s)
		switch {
		case err != nil:
			return err
		case why == "":
		case plan.Single:
			late = append(late, Late{s.path(), why})
			return nil
		default:
			s.Row.Late, s.Row.Attributed = true, true
		}
		if !plan.Sparing || s.Row.Late || s.Row.OldType != "f" {
			s.Row.Spared = ""
		}
		steps = append(steps, s)
		return nil
	}
	for i := range plan.Put {
		p := &plan.Put[i]
		staged, err := a.tree.Stage.Stat(p.Staged)
		if err != nil {
			return nil, nil, fmt.Errorf("looking at what is staged for %q: %w", p.Path, err)
		}
		s := step{Row: Row{Path: Path(p.Path), Attributed: p.Attributed, Spared: p.Spare}, Staged: p.Staged, New: StateOf(staged), Was: p.Was}
		s.New.Mtime = p.Mtime
		s.Row.OldDigest = hexadecimal(p.OldDigest)
		if err := add(s); err != nil {
			return nil, nil, err
		}
	}
	for i := range plan.Remove {
		r := &plan.Remove[i]
		if r.Path == "" {
			return nil, nil, fmt.Errorf("%w: the tree's root cannot go", ErrPlan)
		}
		s := step{Row: Row{Path: Path(r.Path), Attributed: r.Attributed, Spared: r.Spare, OldDigest: hexadecimal(r.OldDigest)}, Was: r.Was}
		if err := add(s); err != nil {
			return nil, nil, err
		}
	}
	for i := range steps {
		s := &steps[i]
		if s.Row.OldType == "d" && s.New.Type != 'd' {
			if err := a.refuseMounts(ctx, s.path()); err != nil {
				return nil, nil, err
			}
		}
	}
	order(steps, becomes)
	return steps, late, nil
}

func hexadecimal(d fingerprint.Digest) string {
	if d.IsZero() {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// look fills in what is there now, and says why it is not what the plan was made of.
func (a *Archive) look(s *step) (late string, err error) {
	st, err := a.tree.Live.Stat(name(s.path()))
	missing := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
	if err != nil && !missing {
		return "", fmt.Errorf("looking at %q: %w", s.path(), err)
	}
	var now State
	if !missing {
		if s.path() != "" && a.tree.Live.Elsewhere(st) {
			return "", fmt.Errorf("%q cannot be replaced or removed: %w; unmount it", s.path(), ErrMounted)
		}
		if st.Immutable {
			return "", fmt.Errorf("%q cannot be replaced or removed: %w (chattr -i -a)", s.path(), ErrImmutable)
		}
		now = StateOf(st)
		s.Row.OldType, s.Row.OldMode = string(rune(st.Type)), strconv.FormatUint(uint64(st.Mode), 8)
		s.Row.OldUID, s.Row.OldGID = st.UID, st.GID
		if st.Type != 'd' {
			s.Row.OldSize = st.Size
			s.bytes = st.Blocks * 512
		} else if err := a.keepXattrs(s); err != nil {
			return "", err
		}
	}
	switch {
	case missing && s.removes():
		s.Row.What = Deleted
	case missing:
		s.Row.What = Created
	case s.removes():
		s.Row.What = Deleted
	case st.Type == 'd' && s.New.Type == 'd':
		s.Row.What = Changed
	default:
		s.Row.What = Replaced
	}
	if s.path() == "" && s.New.Type != 'd' {
		return "", fmt.Errorf("%w: the tree's root must be a directory", ErrPlan)
	}
	if !s.Was.differs(now) {
		return "", nil
	}
	if missing {
		return "somebody removed it", nil
	}
	return "somebody wrote it", nil
}

func (a *Archive) keepXattrs(s *step) error {
	e, err := fingerprint.Describe(a.tree.Live, name(s.path()), a.tree.SELinux)
	if err != nil {
		return fmt.Errorf("looking at %q: %w", s.path(), err)
	}
	for _, x := range e.Xattrs {
		if s.Row.OldXattrs == nil {
			s.Row.OldXattrs = map[string][]byte{}
		}
		s.Row.OldXattrs[x.Name] = []byte(x.Value)
	}
	return nil
}

// refuseMounts makes sure that nothing is mounted below a directory that goes.
func (a *Archive) refuseMounts(ctx context.Context, path string) error {
	dir, err := a.tree.Live.Sub(path)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking below %q: %w", path, err)
	}
	defer dir.Close()
	return eachBelow(ctx, dir, path, func(path string, st beneath.Stat, dir *beneath.Dir) error {
		if dir.Elsewhere(st) {
			return fmt.Errorf("%q cannot be removed, as what it is in must go: %w; unmount it", path, ErrMounted)
		}
		return nil
	})
}

// eachBelow visits everything below a directory, directories before what is in them.
func eachBelow(ctx context.Context, dir *beneath.Dir, path string, visit func(path string, st beneath.Stat, in *beneath.Dir) error) error {
	var directories []string
	err := dir.Entries(ctx, func(entry []byte, _ byte) error {
		st, err := dir.Stat(string(entry))
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(path+"/"+string(entry), st, dir); err != nil {
			return err
		}
		if st.Type == 'd' && !dir.Elsewhere(st) {
			directories = append(directories, string(entry))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, entry := range directories {
		sub, err := dir.Sub(entry)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, beneath.ErrLink) {
			continue
		}
		if err != nil {
			return err
		}
		err = eachBelow(ctx, sub, path+"/"+entry, visit)
		_ = sub.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// order sorts so that each step finds what it needs: what goes from below something that stops being a directory first, then
// what comes, directories before what is in them, then what else goes, deepest first.
func order(steps []step, becomes map[string]byte) {
	phase := func(s *step) int {
		if !s.removes() {
			return 1
		}
		for at := parentOf(s.path()); at != "."; at = parentOf(at) {
			if typ, named := becomes[at]; named && typ != 0 && typ != 'd' {
				return 0
			}
		}
		return 2
	}
	slices.SortStableFunc(steps, func(x, y step) int {
		px, py := phase(&x), phase(&y)
		if px != py {
			return cmp.Compare(px, py)
		}
		if px == 1 {
			return strings.Compare(x.path(), y.path()) // a directory's path begins those of what is in it
		}
		return strings.Compare(y.path(), x.path())
	})
}
