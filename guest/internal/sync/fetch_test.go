package sync

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testHashing(t testing.TB) Hashing {
	t.Helper()
	key, err := fingerprint.NewKey(bytes.Repeat([]byte("k"), 32))
	must(t, err)
	return Hashing{Key: key}
}

// pair of members: a donor's tree, a joiner's tree and stage.
type members struct {
	t           testing.TB
	hashing     Hashing
	from, to    string // directories
	donor       *beneath.Dir
	live, stage *beneath.Dir
	identity    *Identity
	server      *Server
	offered     map[string]Held
}

func newMembers(t testing.TB, from, to string) *members {
	t.Helper()
	m := &members{t: t, hashing: testHashing(t), from: filepath.Join(from, "tree"), to: filepath.Join(to, "tree")}
	stage := filepath.Join(to, "stage")
	must(t, os.Mkdir(m.from, 0o755), os.Mkdir(m.to, 0o755), os.Mkdir(stage, 0o700))
	m.donor, m.live, m.stage = openDir(t, m.from), openDir(t, m.to), openDir(t, stage)
	var err error
	m.identity, err = NewIdentity()
	must(t, err)
	return m
}

func openDir(t testing.TB, path string) *beneath.Dir {
	t.Helper()
	dir, err := beneath.Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, dir.Close()) })
	return dir
}

// rows looks at all of a tree.
func rows(t testing.TB, hashing Hashing, dir *beneath.Dir) map[string]Held {
	t.Helper()
	found := map[string]Held{}
	first := map[uint64]string{}
	var walk func(path string)
	walk = func(path string) {
		st, err := dir.Stat(inTree(path))
		must(t, err)
		link := ""
		if st.Type == 'f' && st.Nlink > 1 {
			link = first[st.Ino]
			if link == "" {
				first[st.Ino] = path
			}
		}
		h, err := readBack(context.Background(), hashing, dir, inTree(path), link)
		must(t, err)
		found[path] = Held{Path: path, Digest: hashing.digest(h), Size: h.size, LinkTo: link}
		if st.Type != 'd' {
			return
		}
		sub := dir
		if path != "" {
			sub, err = dir.Sub(path)
			must(t, err)
			defer sub.Close()
		}
		names, err := namesOf(sub)
		must(t, err)
		for _, name := range names {
			walk(strings.TrimPrefix(path+"/"+name, "/"))
		}
	}
	walk("")
	return found
}

func namesOf(dir *beneath.Dir) ([]string, error) {
	var names []string
	err := dir.Entries(context.Background(), func(name []byte, _ byte) error {
		names = append(names, string(name))
		return nil
	})
	slices.Sort(names)
	return names, err
}

// serve offers what the donor has now.
func (m *members) serve(change ...func(*ServeOrder)) Donor {
	m.t.Helper()
	m.offered = rows(m.t, m.hashing, m.donor)
	identity, err := NewIdentity()
	must(m.t, err)
	offered := m.offered
	order := ServeOrder{
		Address: netip.MustParseAddr("127.0.0.1"), Identity: identity, Joiners: []Joiner{{"joiner", m.identity.Pin()}},
		Trees: []Served{{Name: "site", Dir: m.donor, Hashing: m.hashing, Row: func(path string) (Listed, bool) {
			row, ok := offered[path]
			return Listed{Digest: row.Digest, LinkTo: row.LinkTo}, ok
		}}},
	}
	for _, c := range change {
		c(&order)
	}
	m.server, err = Serve(context.Background(), order)
	must(m.t, err)
	m.t.Cleanup(m.server.Close)
	return Donor{"donor", m.server.Addr(), identity.Pin()}
}

// order asks for all that differs.
func (m *members) order(donor Donor) FetchOrder {
	m.t.Helper()
	mine := rows(m.t, m.hashing, m.live)
	var wanted []Wanted
	for _, path := range sortedKeys(m.offered) {
		if row := m.offered[path]; row.Digest != mine[path].Digest {
			wanted = append(wanted, Wanted{path, row.Digest, AnySize}) // as sidecars order it
		}
	}
	held := func(size int64, digest fingerprint.Digest) iter.Seq[Held] {
		return func(yield func(Held) bool) {
			for _, same := range []bool{true, false} {
				for _, path := range sortedKeys(mine) {
					if row := mine[path]; row.Size == size && (row.Digest == digest) == same && !yield(row) {
						return
					}
				}
			}
		}
	}
	return FetchOrder{
		Donor: donor, Identity: m.identity, Patience: 10 * time.Second,
		Trees: []FetchTree{{Name: "site", Live: m.live, Stage: m.stage, Hashing: m.hashing, Rows: wanted, Held: held}},
	}
}

func sortedKeys(rows map[string]Held) []string {
	return slices.Sorted(maps.Keys(rows))
}

func limited(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// check makes sure that all that was wanted is staged with its digest.
func (m *members) check(order FetchOrder, report Report) {
	m.t.Helper()
	if report.MovedTotal > 0 || len(report.Staged) != 1 || len(report.Staged[0]) != len(order.Trees[0].Rows) {
		m.t.Fatalf("not everything came: %+v", report)
	}
	for i, row := range report.Staged[0] {
		h, err := readBack(context.Background(), m.hashing, m.stage, row.Name, row.LinkTo)
		must(m.t, err)
		if m.hashing.digest(h) != order.Trees[0].Rows[i].Digest {
			m.t.Errorf("%q is not what was wanted", row.Path)
		}
	}
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644))
}

func onEveryFileSystem(t *testing.T, run func(t *testing.T, m *members)) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) {
			run(t, newMembers(t, scratchfs.Mount(t, kind, 400), scratchfs.Mount(t, kind, 400)))
		})
	}
}

func TestGivenATreeOfEveryKindOfEntryThenAllIsStagedExactly(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *members) {
		in := func(name string) string { return filepath.Join(m.from, name) }
		write(t, in("a/b/file"), []byte("content"))
		write(t, in("a/empty"), nil)
		write(t, in("new\nline\xff\\"), []byte("x"))
		write(t, in("large"), randomBytes(1, 3<<20))
		write(t, in("attributes"), []byte("y"))
		must(t,
			unix.Setxattr(in("attributes"), "user.note", []byte("\x00value"), 0),
			os.Chown(in("attributes"), 1234, 4321), unix.Chmod(in("attributes"), 0o6755),
			os.Symlink("../nowhere", in("link")), unix.Lchown(in("link"), 77, 78),
			unix.Mkfifo(in("fifo"), 0o640),
			unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
			os.Link(in("a/b/file"), in("z-second")),
			os.Chmod(in("a"), 0o1711), os.Chown(m.from, 1000, 1000),
		)
		sparse, err := os.Create(in("sparse"))
		must(t, err)
		_, err = sparse.WriteAt([]byte("middle"), 50<<20)
		must(t, err, sparse.Truncate(100<<20), sparse.Close())
		deep := strings.TrimSuffix(strings.Repeat(strings.Repeat("d", 200)+"/", 40), "/")
		at := m.donor
		for _, name := range strings.Split(deep, "/") {
			must(t, at.Mkdir(name, 0o755))
			at, err = at.Sub(name)
			must(t, err)
			t.Cleanup(func(d *beneath.Dir) func() { return func() { must(t, d.Close()) } }(at))
		}
		order := m.order(m.serve())
		report, err := Fetch(limited(t), order)
		must(t, err)
		m.check(order, report)
		for _, row := range report.Staged[0] {
			if row.Path == "sparse" {
				st, err := m.stage.Stat(row.Name)
				must(t, err)
				if st.Blocks*512 > 1<<20 {
					t.Errorf("%d bytes on disk for a sparse file", st.Blocks*512)
				}
			}
		}
	})
}

func TestGivenALargeFileWithOneByteChangedThenFewBytesCross(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *members) {
		content := randomBytes(1, 20<<20)
		write(t, filepath.Join(m.to, "large"), content)
		content[12_345_678] ^= 1
		write(t, filepath.Join(m.from, "large"), content)
		order := m.order(m.serve())
		report, err := Fetch(limited(t), order)
		must(t, err)
		m.check(order, report)
		if crossed := report.Sent + report.Received; crossed > 60_000 {
			t.Errorf("%d bytes crossed", crossed)
		}
	})
}

func TestGivenAFileThatWasMovedThenItsContentIsCopiedAndDoesNotCross(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *members) {
		content := randomBytes(1, 20<<20)
		write(t, filepath.Join(m.to, "old/name"), content)
		write(t, filepath.Join(m.to, "old/other"), randomBytes(2, 20<<20))
		write(t, filepath.Join(m.from, "new/place"), content)
		order := m.order(m.serve())
		report, err := Fetch(limited(t), order)
		must(t, err)
		m.check(order, report)
		if crossed := report.Sent + report.Received; crossed > 10_000 || report.Copied != 20<<20 {
			t.Errorf("%d bytes crossed, %d were copied", crossed, report.Copied)
		}
	})
}

func TestGivenARowThatMovedThenItIsNamedAndTheRestIsKept(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "stays"), randomBytes(1, 3<<20))
	write(t, filepath.Join(m.from, "moves"), []byte("before"))
	write(t, filepath.Join(m.from, "goes"), []byte("before"))
	donor := m.serve()
	order := m.order(donor)
	write(t, filepath.Join(m.from, "moves"), []byte("after."))
	must(t, os.Remove(filepath.Join(m.from, "goes")))
	report, err := Fetch(limited(t), order)
	must(t, err)
	if report.MovedTotal != 2 || len(report.Staged) != 0 {
		t.Fatalf("%+v", report)
	}
	m.server.Close()
	write(t, filepath.Join(m.from, "goes"), []byte("again"))
	order = m.order(m.serve())
	report, err = Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
	if report.Kept == 0 || report.Received > 100_000 {
		t.Errorf("what was staged was fetched again: %+v", report)
	}
}

func TestGivenAPathThatIsNotListedThenItIsNotServed(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "listed"), []byte("x"))
	donor := m.serve()
	write(t, filepath.Join(m.from, "secret"), []byte("y"))
	write(t, filepath.Join(filepath.Dir(m.from), "outside"), []byte("y"))
	for _, path := range []string{"secret", "../outside", "/etc/passwd", "listed/../secret"} {
		order := m.order(donor)
		order.Trees[0].Rows = []Wanted{{Path: path, Size: 1}}
		report, err := Fetch(limited(t), order)
		must(t, err)
		if report.MovedTotal != 1 {
			t.Errorf("%s: %+v", path, report)
		}
	}
}
