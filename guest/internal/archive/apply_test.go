package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/scratchfs"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// member is a tree with the program's own directories.
type member struct {
	t    testing.TB
	base string
	tree Tree
	*Archive
}

func newMember(t testing.TB, base string) *member {
	t.Helper()
	m := &member{t: t, base: base, tree: Tree{Name: "site"}}
	for name, dir := range map[string]**beneath.Dir{
		"tree": &m.tree.Live, "own/stage": &m.tree.Stage, "own/archive": &m.tree.Archive, "own/journal": &m.tree.Journal,
	} {
		must(t, os.MkdirAll(filepath.Join(base, name), 0o700))
		opened, err := beneath.Open(filepath.Join(base, name))
		must(t, err)
		t.Cleanup(func() { must(t, opened.Close()) })
		*dir = opened
	}
	m.Archive = New(m.tree)
	return m
}

// reopened is the same member after a crash of the program.
func (m *member) reopened() *member {
	return &member{t: m.t, base: m.base, tree: m.tree, Archive: New(m.tree)}
}

func (m *member) live(name string) string { return filepath.Join(m.base, "tree", name) }

func (m *member) write(name, content string) {
	m.t.Helper()
	must(m.t, os.MkdirAll(filepath.Dir(m.live(name)), 0o755), os.WriteFile(m.live(name), []byte(content), 0o644))
}

func (m *member) state(path string) State {
	m.t.Helper()
	st, err := m.tree.Live.Stat(name(path))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return State{}
	}
	must(m.t, err)
	return StateOf(st)
}

// put stages a row: a directory if the content ends in a slash, a link if it begins with "->".
func (m *member) put(path, content string) Put {
	m.t.Helper()
	staged := strings.NewReplacer("/", "_", "\n", "_").Replace("s" + path)
	at := filepath.Join(m.base, "own/stage", staged)
	switch {
	case content == "/":
		must(m.t, os.Mkdir(at, 0o750), os.Chmod(at, 0o750))
	case strings.HasPrefix(content, "->"):
		must(m.t, os.Symlink(content[2:], at))
	default:
		must(m.t, os.WriteFile(at, []byte(content), 0o640))
	}
	st, err := m.tree.Stage.Stat(staged)
	must(m.t, err)
	return Put{Path: path, Staged: staged, Mtime: st.Mtime, Was: m.state(path), OldDigest: [32]byte{1}}
}

func (m *member) remove(path string) Remove { return Remove{Path: path, Was: m.state(path)} }

// all says what is below a directory: contents of files, targets of links, "/" for directories.
func all(t testing.TB, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			found[rel] = "/"
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[rel] = "->" + target
			return err
		default:
			content, err := os.ReadFile(path)
			found[rel] = string(content)
			return err
		}
		return nil
	}))
	delete(found, ".")
	return found
}

func (m *member) expect(wanted map[string]string) {
	m.t.Helper()
	got := all(m.t, m.live(""))
	for path, content := range wanted {
		if got[path] != content {
			m.t.Errorf("%q is %q, not %q", path, got[path], content)
		}
	}
	for path := range got {
		if _, ok := wanted[path]; !ok {
			m.t.Errorf("%q is left", path)
		}
	}
}

func onEveryFileSystem(t *testing.T, run func(t *testing.T, m *member)) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) { run(t, newMember(t, scratchfs.Mount(t, kind, 320))) })
	}
}

// everything is a plan with each kind of change, what there is before, and what there must be after it.
func (m *member) everything() (plan Plan, before, after map[string]string) {
	before = map[string]string{
		"changed": "old changed", "gone": "old gone", "link": "->old", "dir": "/", "dir/kept": "kept",
		"dir/inner": "/", "dir/inner/changed": "old inner", "file-to-dir": "old file", "dir-to-file": "/",
		"dir-to-file/a": "old a", "dir-to-file/deep": "/", "dir-to-file/deep/b": "old b",
		"going": "/", "going/c": "old c", "going/sub": "/", "going/sub/d": "old d", "link-to-file": "->x", "file-to-link": "old f",
	}
	for path, content := range before {
		switch {
		case content == "/":
			must(m.t, os.MkdirAll(m.live(path), 0o755))
		case strings.HasPrefix(content, "->"):
			must(m.t, os.Symlink(content[2:], m.live(path)))
		default:
			m.write(path, content)
		}
	}
	plan = Plan{Entry: "verdict-1", Verdict: "Elected by three", Millis: 1_764_000_000_000}
	for _, p := range [][2]string{
		{"changed", "new changed"}, {"created", "new created"}, {"link", "->new"}, {"dir", "/"}, {"dir/inner/changed", "new inner"},
		{"file-to-dir", "/"}, {"file-to-dir/x", "new x"}, {"dir-to-file", "new file"}, {"new", "/"}, {"new/er", "/"}, {"new/er/y", "new y"},
		{"link-to-file", "new lf"}, {"file-to-link", "->z"}, {"", "/"},
	} {
		plan.Put = append(plan.Put, m.put(p[0], p[1]))
	}
	for _, path := range []string{"gone", "dir-to-file/a", "dir-to-file/deep", "dir-to-file/deep/b", "going", "going/c", "going/sub", "going/sub/d"} {
		plan.Remove = append(plan.Remove, m.remove(path))
	}
	after = map[string]string{
		"changed": "new changed", "created": "new created", "link": "->new", "dir": "/", "dir/kept": "kept",
		"dir/inner": "/", "dir/inner/changed": "new inner", "file-to-dir": "/", "file-to-dir/x": "new x", "dir-to-file": "new file",
		"new": "/", "new/er": "/", "new/er/y": "new y", "link-to-file": "new lf", "file-to-link": "->z",
	}
	return plan, before, after
}

func isDirectory(content string) bool { return content == "/" }

// archived makes sure that the entry has what was replaced.
func (m *member) archived(before, after map[string]string) {
	m.t.Helper()
	kept := all(m.t, filepath.Join(m.base, "own/archive/verdict-1/files"))
	for path, content := range before {
		if !isDirectory(content) && after[path] != content && kept[path] != content {
			m.t.Errorf("of %q the archive has %q, not %q", path, kept[path], content)
		}
	}
	for path, content := range kept {
		if !isDirectory(content) && before[path] != content {
			m.t.Errorf("the archive has %q of %q", content, path)
		}
	}
}

func TestGivenEveryKindOfChangeThenTheTreeIsTheNewOneAndTheArchiveHasTheOld(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *member) {
		plan, before, after := m.everything()
		result, err := m.Apply(context.Background(), plan)
		must(t, err)
		m.expect(after)
		m.archived(before, after)
		if result.Entry != "verdict-1" || len(result.Late) > 0 || len(result.Unlisted) > 0 || result.Rows != len(plan.Put)+len(plan.Remove) {
			t.Errorf("%+v", result)
		}
		if _, interrupted, err := m.Interrupted(); interrupted || err != nil {
			t.Error("it is still said to be interrupted", err)
		}
		st, err := os.Stat(m.live("dir"))
		must(t, err)
		if st.Mode().Perm() != 0o750 {
			t.Errorf("the directory's mode is %o", st.Mode().Perm())
		}
		entries, err := m.List(context.Background())
		must(t, err)
		if len(entries) != 1 || entries[0].Verdict != plan.Verdict || entries[0].Attributed || entries[0].Millis != plan.Millis {
			t.Errorf("%+v", entries)
		}
		what := map[Path]string{}
		must(t, m.Rows(context.Background(), "verdict-1", func(r Row) error {
			what[r.Path] = r.What + r.OldType
			return nil
		}))
		for path, wanted := range map[Path]string{"changed": "replacedf", "created": "created", "going": "deletedd", "dir": "changedd", "link": "replacedl", "": "changedd"} {
			if what[path] != wanted {
				t.Errorf("%q is %q in the manifest, not %q", path, what[path], wanted)
			}
		}
		if left := all(t, filepath.Join(m.base, "own/stage")); len(left) > 0 {
			t.Errorf("the stage has %v", left)
		}
	})
}

var errStopped = errors.New("stopped by the test")

func TestGivenACrashAfterAnyStepThenEachRowIsOldOrNewAndNothingIsLostAndItIsFinishedFromTheStage(t *testing.T) {
	for _, exchange := range []bool{true, false} {
		for _, single := range []bool{false, true} {
			t.Run(fmt.Sprintf("exchange %v, single %v", exchange, single), func(t *testing.T) {
				crashes(t, exchange, single)
			})
		}
	}
}

func crashes(t *testing.T, exchange, single bool) {
	base := scratchfs.Mount(t, "tmpfs", 0) // it is the program that crashes: nothing has to reach a disk
	for stop := 0; ; stop++ {
		m := newMember(t, filepath.Join(base, strconv.Itoa(stop)))
		m.noExchange = !exchange
		plan, before, after := m.everything()
		plan.Single = single
		steps := 0
		at := ""
		m.hook = func(what string) error {
			if steps++; steps > stop {
				at = what
				return errStopped
			}
			return nil
		}
		_, err := m.Apply(context.Background(), plan)
		if err == nil {
			if stop < 30 {
				t.Fatalf("only %d steps", stop)
			}
			return
		}
		if !errors.Is(err, errStopped) {
			t.Fatalf("step %d: %v", stop, err)
		}
		m.between(at, exchange, before, after)
		m = m.reopened()
		m.noExchange = !exchange
		_, interrupted, err := m.Interrupted()
		must(t, err)
		if interrupted {
			result, err := m.Finish(context.Background())
			if err != nil {
				t.Fatalf("finishing after a stop before %s: %v", at, err)
			}
			if len(result.Late) > 0 {
				t.Errorf("before %s: late %+v", at, result.Late)
			}
			m.expect(after)
			m.archived(before, after)
		} else if at != "entry" && at != "journal" {
			t.Errorf("before %s nothing is said to be interrupted", at)
		}
		if t.Failed() {
			t.Fatalf("stopped before %s", at)
		}
	}
}

// powerCuts are what the disk has before each step: that is what a power cut leaves.
type powerCuts struct {
	t      *testing.T
	disks  string
	before []string
}

func (m *member) cutAtEachStep(image string) *powerCuts {
	c := &powerCuts{t: m.t.(*testing.T), disks: m.t.TempDir()}
	m.hook = func(what string) error {
		c.before = append(c.before, what)
		return exec.Command("cp", "--sparse=always", image, c.disk(len(c.before)-1)).Run()
	}
	return c
}

func (c *powerCuts) disk(i int) string { return filepath.Join(c.disks, strconv.Itoa(i)) }

// mount says where the disk of a cut is.
func (c *powerCuts) mount(kind string, i int) string {
	point := c.t.TempDir()
	scratchfs.MountAt(c.t, kind, c.disk(i), point)
	return point
}

func TestGivenAPowerCutAtAnyStepThenEachRowIsOldOrNewAndItIsFinishedFromWhatTheDiskHas(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			base, image := scratchfs.MountImage(t, kind, 320)
			m := newMember(t, base)
			plan, before, after := m.everything()
			must(t, exec.Command("sync", "-f", base).Run())
			cuts := m.cutAtEachStep(image)
			_, err := m.Apply(context.Background(), plan)
			must(t, err)
			begun := 0
			for i, at := range cuts.before {
				cut := newMember(t, cuts.mount(kind, i))
				cut.between(at, true, before, after)
				_, interrupted, err := cut.Interrupted()
				must(t, err)
				if interrupted {
					begun++
					_, err = cut.Finish(context.Background())
					must(t, err)
					cut.expect(after)
					cut.archived(before, after)
					must(t, cut.Rows(context.Background(), "verdict-1", func(Row) error { return nil }))
				}
				if t.Failed() {
					t.Fatalf("cut before %s", at)
				}
			}
			if begun < 20 || begun == len(cuts.before) {
				t.Errorf("of %d cuts %d were in the middle", len(cuts.before), begun)
			}
		})
	}
}

// between makes sure that each row is old or new, and that each old content is somewhere.
func (m *member) between(at string, exchange bool, before, after map[string]string) {
	m.t.Helper()
	now := all(m.t, m.live(""))
	kept := all(m.t, filepath.Join(m.base, "own/archive"))
	for path, content := range now {
		if content != before[path] && content != after[path] {
			m.t.Errorf("before %s: %q is %q", at, path, content)
		}
	}
	for path, content := range before {
		if isDirectory(content) {
			continue
		}
		if _, stays := after[path]; stays && exchange && now[path] == "" && !isDirectory(now[path]) {
			m.t.Errorf("before %s: %q is missing", at, path)
		}
		if now[path] != content && kept["verdict-1/files/"+path] != content {
			m.t.Errorf("before %s: the old %q is lost", at, path)
		}
	}
}

func TestGivenAWriteSinceTheLookThenASingleRowStaysAndIsToldAndAWholeOrderArchivesItAsAttributed(t *testing.T) {
	for _, single := range []bool{true, false} {
		m := newMember(t, t.TempDir())
		for _, path := range []string{"written", "removed", "quiet", "going"} {
			m.write(path, "old")
		}
		plan := Plan{Entry: "verdict-1", Single: single}
		for _, path := range []string{"written", "removed", "quiet", "appeared"} {
			plan.Put = append(plan.Put, m.put(path, "new"))
		}
		plan.Remove = []Remove{m.remove("going")}
		m.write("written", "by a user")
		m.write("appeared", "by a user")
		m.write("going", "by a user")
		must(t, os.Remove(m.live("removed")))
		result, err := m.Apply(context.Background(), plan)
		must(t, err)
		if single {
			m.expect(map[string]string{"written": "by a user", "quiet": "new", "appeared": "by a user", "going": "by a user"})
			var late []string
			for _, l := range result.Late {
				late = append(late, l.Path)
			}
			slices.Sort(late)
			if !slices.Equal(late, []string{"appeared", "going", "removed", "written"}) {
				t.Errorf("late are %v", late)
			}
			continue
		}
		m.expect(map[string]string{"written": "new", "removed": "new", "quiet": "new", "appeared": "new"})
		entries, err := m.List(context.Background())
		must(t, err)
		if len(entries) != 1 || !entries[0].Attributed {
			t.Errorf("%+v", entries)
		}
		kept := all(t, filepath.Join(m.base, "own/archive/verdict-1/files"))
		for _, path := range []string{"written", "appeared", "going"} {
			if kept[path] != "by a user" {
				t.Errorf("of %s the archive has %q", path, kept[path])
			}
		}
	}
}

func TestGivenAWriteAtTheLastMomentThenASingleRowGoesBackAndIsTold(t *testing.T) {
	for _, exchange := range []bool{true, false} {
		for _, moment := range []string{"exchange written", "put aside written", "bring written", "remove going", "create created"} {
			m := newMember(t, t.TempDir())
			m.noExchange = !exchange
			m.write("written", "old")
			m.write("going", "old")
			plan := Plan{Entry: "verdict-1", Single: true, Put: []Put{m.put("written", "new"), m.put("created", "new")}, Remove: []Remove{m.remove("going")}}
			hit := ""
			m.hook = func(what string) error {
				if what == moment {
					hit = what[strings.LastIndex(what, " ")+1:]
					m.write(hit, "at the last moment")
				}
				return nil
			}
			result, err := m.Apply(context.Background(), plan)
			must(t, err)
			wanted := map[string]string{"written": "new", "created": "new"}
			if hit != "" {
				wanted[hit] = "at the last moment"
				if len(result.Late) != 1 || result.Late[0].Path != hit {
					t.Errorf("%s: late are %+v", moment, result.Late)
				}
			}
			m.expect(wanted)
		}
	}
}

func TestGivenWhatNoRowListsInADirectoryThatGoesThenItIsArchivedAndNamed(t *testing.T) {
	for _, exchange := range []bool{true, false} {
		m := newMember(t, t.TempDir())
		m.noExchange = !exchange
		m.write("going/listed", "old")
		m.write("becomes/listed", "old")
		m.write("going/deep/er/excluded.tmp", "excluded")
		m.write("becomes/excluded.tmp", "excluded too")
		plan := Plan{
			Entry: "verdict-1", Put: []Put{m.put("becomes", "a file")},
			Remove: []Remove{m.remove("going"), m.remove("going/listed"), m.remove("becomes/listed")},
		}
		result, err := m.Apply(context.Background(), plan)
		must(t, err)
		m.expect(map[string]string{"becomes": "a file"})
		kept := all(t, filepath.Join(m.base, "own/archive/verdict-1/files"))
		if kept["going/deep/er/excluded.tmp"] != "excluded" || kept["becomes/excluded.tmp"] != "excluded too" || len(result.Unlisted) != 4 {
			t.Errorf("%v, %v", kept, result.Unlisted)
		}
	}
}

func TestGivenAMountBelowWhatGoesThenItIsNamedAndNothingIsChanged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	m := newMember(t, t.TempDir())
	m.write("going/listed", "old")
	m.write("changed", "old")
	must(t, os.MkdirAll(m.live("going/hidden.tmp/point"), 0o755))
	must(t, unix.Mount("tmpfs", m.live("going/hidden.tmp/point"), "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { must(t, unix.Unmount(m.live("going/hidden.tmp/point"), unix.MNT_DETACH)) })
	m.write("going/hidden.tmp/point/inside", "theirs")
	plan := Plan{Entry: "verdict-1", Put: []Put{m.put("changed", "new")}, Remove: []Remove{m.remove("going"), m.remove("going/listed")}}
	_, err := m.Apply(context.Background(), plan)
	if !errors.Is(err, ErrMounted) || !strings.Contains(err.Error(), "going/hidden.tmp/point") || errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	now := all(t, m.live(""))
	if now["changed"] != "old" || now["going/listed"] != "old" || now["going/hidden.tmp/point/inside"] != "theirs" {
		t.Errorf("%v", now)
	}
}

func TestGivenOnlyNewRowsThenThereIsNoArchiveEntry(t *testing.T) {
	m := newMember(t, t.TempDir())
	result, err := m.Apply(context.Background(), Plan{Entry: "verdict-1", Put: []Put{m.put("a", "/"), m.put("a/b", "new")}})
	must(t, err)
	m.expect(map[string]string{"a": "/", "a/b": "new"})
	if entries, err := m.List(context.Background()); err != nil || len(entries) > 0 || result.Entry != "" {
		t.Errorf("%v, %v, %v", entries, err, result)
	}
}
