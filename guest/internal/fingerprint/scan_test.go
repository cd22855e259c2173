package fingerprint

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/scratchfs"
)

// later is a clock by which all that was written is past.
func later() time.Time { return time.Now().Add(time.Hour) }

func scanner(t testing.TB, tree Tree, options Options) *Scanner {
	t.Helper()
	s, err := New(tree, testKey(t), options)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// scan walks and reads until nothing is unread.
func scan(t testing.TB, s *Scanner) map[string]Row {
	t.Helper()
	r, err := s.Walk(t.Context())
	must(t, err)
	_, err = s.Read(t.Context(), Reading{})
	must(t, err)
	rows := map[string]Row{}
	for row := range s.Rows() {
		if row.Unread {
			t.Fatalf("%q is unread", row.Path)
		}
		rows[row.Path] = row
	}
	if len(rows) != r.Entries {
		t.Fatal(len(rows), r)
	}
	return rows
}

// oracle makes the rows of a tree as scan.sh, hash.sh and Contents.java do.
func oracle(t testing.TB, key Key, path string, expression ...string) map[string]Digest {
	t.Helper()
	arguments := append([]string{".", "-xdev", "-ignore_readdir_race", "!", "-path", ".", "(", "-path", "./.virtquorum"}, expression...)
	arguments = append(arguments, ")", "-prune", "-o", "-printf", `%y %m %U %G %s %i %T@ %C@ %P\0%l\0`)
	run := func(stdin []byte, name string, arguments ...string) []byte {
		cmd := exec.Command(name, arguments...)
		cmd.Dir, cmd.Env, cmd.Stdin = path, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}, bytes.NewReader(stdin)
		out, err := cmd.Output()
		must(t, err)
		return out
	}
	fields := strings.Split(string(run(nil, gnuFind(t), arguments...)), "\x00")
	rows := map[string]Digest{}
	for ; len(fields) > 1; fields = fields[2:] {
		words := strings.SplitN(fields[0], " ", 9)
		content, size := "", ""
		switch words[0] {
		case "f":
			size = words[4]
			content = string(run(nil, "sha256sum", "-z", "--", "./"+words[8])[:64])
		case "b", "c":
			content = string(run(nil, "stat", "--printf", "%t:%T", "--", "./"+words[8]))
		}
		rows[words[8]] = key.Fingerprint(words[0], words[1], words[2], words[3], size, content, fields[1])
	}
	return rows
}

func compare(t testing.TB, got map[string]Row, wanted map[string]Digest) {
	t.Helper()
	for path := range maps.Keys(wanted) {
		if got[path].Digest != wanted[path] {
			t.Errorf("%q is %s, not %s", path, got[path].Digest, wanted[path])
		}
	}
	for path := range got {
		if _, known := wanted[path]; !known {
			t.Errorf("%q is no row", path)
		}
	}
}

var oddNames = []string{"plain", "with space", "new\nline", "\xff\xfe", "\x1b[31mred", "-rf", "\\040", ".hidden", "a.tmp", "*", "[x]", "ü", strings.Repeat("l", 255)}

// plant fills a directory with all kinds of entries.
func plant(t testing.TB, path string, random *rand.Rand) {
	t.Helper()
	dirs := []string{path}
	for n := range 150 {
		at := dirs[random.IntN(len(dirs))]
		name := filepath.Join(at, oddNames[random.IntN(len(oddNames))])
		if len(name)-len(path) < 200 {
			name += strconv.Itoa(n)
		}
		switch random.IntN(8) {
		case 0, 1:
			if os.Mkdir(name, 0o700) == nil {
				dirs = append(dirs, name)
			}
		case 2:
			_ = os.Symlink(oddNames[random.IntN(len(oddNames))], name)
		case 3:
			_ = unix.Mkfifo(name, 0o640)
		case 4:
			_ = unix.Mknod(name, unix.S_IFCHR|0o600, int(unix.Mkdev(uint32(random.IntN(300)), uint32(random.IntN(70000)))))
		case 5:
			_ = unix.Mknod(name, unix.S_IFSOCK|0o600, 0)
		default:
			content := make([]byte, random.IntN(20_000))
			for i := range content {
				content[i] = byte(random.Uint32())
			}
			// A name that is there already may be a fifo's, which would hold up the test.
			if file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				_, err = file.Write(content)
				must(t, err)
				must(t, file.Close())
				_ = unix.Chmod(name, random.Uint32()&0o7777)
				_ = os.Lchown(name, random.IntN(70_000), random.IntN(70_000))
				if random.IntN(4) == 0 {
					_ = unix.Chmod(name, 0o4711)
				}
			}
		}
	}
}

func onEachFileSystem(t *testing.T, test func(t *testing.T, path string)) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) { test(t, scratchfs.Mount(t, kind, 320)) })
	}
}

func TestGivenAnyTreeThenItsRowsAreThoseThatFindAndSha256sumGive(t *testing.T) {
	onEachFileSystem(t, func(t *testing.T, path string) {
		plant(t, path, rand.New(rand.NewPCG(5, 6)))
		must(t, os.Mkdir(filepath.Join(path, ".virtquorum"), 0o700))
		must(t, os.WriteFile(filepath.Join(path, ".virtquorum", "memory"), nil, 0o600))
		for _, kernel := range []beneath.Kernel{{}, {NoOpenat2: true, NoStatx: true}} {
			tree := Tree{Name: "t", Path: path, Devices: true, SetID: true}
			s := scanner(t, tree, Options{Kernel: kernel, Now: later})
			compare(t, scan(t, s), oracle(t, testKey(t), path))
			for row := range s.Rows() {
				if !row.Settled || row.Trouble != "" {
					t.Errorf("%+v", row)
				}
			}
			again, err := s.Walk(t.Context())
			must(t, err)
			if again.Moved != 0 || again.Unread != 0 {
				t.Errorf("%+v", again)
			}
			tree.Excludes = []string{"*.tmp*", "/plain*", "with space1[0-9]*"}
			compare(t, scan(t, scanner(t, tree, Options{Now: later})), oracle(t, testKey(t), path,
				"-o", "-name", "*.tmp*", "-o", "-path", "./plain*", "-o", "-name", "with space1[0-9]*"))
		}
	})
}

func TestGivenAChangingTreeThenEventsAndWalksFindTheSameAsAFreshScan(t *testing.T) {
	onEachFileSystem(t, func(t *testing.T, path string) {
		random := rand.New(rand.NewPCG(7, 8))
		plant(t, path, random)
		tree := Tree{Name: "t", Path: path, Devices: true, SetID: true}
		byEvents, byWalks := scanner(t, tree, Options{Now: later}), scanner(t, tree, Options{Now: later})
		scan(t, byEvents)
		for range 15 {
			events := change(t, path, byEvents, random)
			_, err := byEvents.Look(t.Context(), slices.Values(events))
			must(t, err)
			_, err = byEvents.Read(t.Context(), Reading{})
			must(t, err)
			got, wanted := map[string]Row{}, scan(t, scanner(t, tree, Options{Now: later}))
			for row := range byEvents.Rows() {
				got[row.Path] = row
			}
			if !maps.Equal(got, wanted) {
				t.Fatalf("after %q the rows by events are others: %s", events, first(got, wanted))
			}
			if got := scan(t, byWalks); !maps.Equal(got, wanted) {
				t.Fatalf("after %q the rows by walks are others: %s", events, first(got, wanted))
			}
		}
	})
}

func first(a, b map[string]Row) string {
	for path, row := range a {
		if b[path] != row {
			return fmt.Sprintf("%+v, and %+v", row, b[path])
		}
	}
	for path, row := range b {
		if a[path] != row {
			return fmt.Sprintf("%+v, and %+v", a[path], row)
		}
	}
	return ""
}

// change does something to some rows and tells what a watch would.
func change(t *testing.T, path string, s *Scanner, random *rand.Rand) (events []string) {
	t.Helper()
	var rows []string
	for row := range s.Rows() {
		rows = append(rows, row.Path)
	}
	for n := range 8 {
		some, other := rows[random.IntN(len(rows))], rows[random.IntN(len(rows))]
		if some == "" {
			continue
		}
		from := filepath.Join(path, some)
		info, err := os.Lstat(from)
		if err != nil {
			continue
		}
		beside := filepath.Join(filepath.Dir(some), "new"+strconv.Itoa(n)+strconv.Itoa(random.IntN(100)))
		switch random.IntN(6) {
		case 0:
			must(t, os.RemoveAll(from))
			events = append(events, some)
		case 1:
			if os.Rename(from, filepath.Join(path, beside)) == nil {
				events = append(events, some, beside)
			}
		case 2:
			if os.Link(from, filepath.Join(path, beside)) == nil {
				events = append(events, beside)
			}
		case 3:
			if info.Mode().IsRegular() {
				must(t, os.WriteFile(from, []byte(beside), 0o600))
				events = append(events, some)
			}
		case 4:
			if !info.Mode().IsDir() && os.Rename(from, filepath.Join(path, other)) == nil {
				events = append(events, some, other)
			}
		case 5:
			must(t, os.Lchown(from, random.IntN(9), 3))
			events = append(events, some)
		}
	}
	return events
}

func TestGivenWhatATreeDoesNotWantThenItIsNamedAndNoRow(t *testing.T) {
	path := scratchfs.Mount(t, "ext4", 16)
	must(t, unix.Mknod(filepath.Join(path, "dev"), unix.S_IFCHR|0o600, 0x103))
	must(t, os.WriteFile(filepath.Join(path, "suid"), nil, 0o700))
	must(t, unix.Chmod(filepath.Join(path, "suid"), 0o4755))
	must(t, os.Mkdir(filepath.Join(path, "shared"), 0o755))
	must(t, unix.Chmod(filepath.Join(path, "shared"), 0o2775))
	must(t, os.Mkdir(filepath.Join(path, "frozen"), 0o755))
	must(t, os.WriteFile(filepath.Join(path, "frozen", "x"), nil, 0o700))
	must(t, exec.Command("chattr", "+i", filepath.Join(path, "frozen")).Run())
	t.Cleanup(func() { must(t, exec.Command("chattr", "-i", filepath.Join(path, "frozen")).Run()) })
	s := scanner(t, Tree{Name: "t", Path: path}, Options{})
	for range 2 {
		r, err := s.Walk(t.Context())
		must(t, err)
		if got := fmt.Sprint(r.LeftOut); got != "[{dev it is a device node} {frozen it is immutable or append-only} {suid it runs as its owner or group (set-id)}]" || r.LeftOutCount != 3 {
			t.Fatal(got)
		}
		if r.Entries != 3 { // the root, lost+found, shared
			t.Fatal(r.Entries)
		}
	}
	must(t, unix.Chmod(filepath.Join(path, "suid"), 0o755))
	r, err := s.Look(t.Context(), slices.Values([]string{"suid"}))
	must(t, err)
	if r.Entries != 4 || r.LeftOutCount != 2 {
		t.Fatalf("%+v", r)
	}
}

func TestGivenAnOlderVersionThenWhatIsDifferentSinceMakesOfItsRowsTheNewest(t *testing.T) {
	path := scratchfs.Mount(t, "ext4", 64)
	for n := range 60 {
		name := filepath.Join(path, "d"+strconv.Itoa(n%7), "f"+strconv.Itoa(n))
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(name), 0o600))
	}
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
	random := rand.New(rand.NewPCG(5, 6))
	type older struct {
		version uint64
		rows    map[string]Row
	}
	var kept []older
	for range 30 {
		now := scan(t, s)
		for _, one := range kept {
			rows, gone, known := s.Since(one.version)
			if !known {
				t.Fatal(one.version)
			}
			made, last := maps.Clone(one.rows), ""
			for _, path := range gone {
				delete(made, path)
			}
			for row := range rows {
				if row.Path < last {
					t.Fatalf("%q comes after %q", row.Path, last)
				}
				made[row.Path], last = row, row.Path
			}
			if first := first(made, now); first != "" {
				t.Fatal(first)
			}
		}
		kept = append(kept, older{s.Version(), now})
		change(t, path, s, random)
	}
	if rows, gone, _ := s.Since(s.Version()); len(gone) != 0 || len(slices.Collect(rows)) != 0 {
		t.Fatal(gone)
	}
	if _, _, known := s.Since(s.Version() + 1); known {
		t.Fatal("a version that is still to come is known")
	}
}

func TestGivenMoreRemovalsThanAreRememberedThenAnOldVersionIsNotKnownAnyMore(t *testing.T) {
	path := scratchfs.Mount(t, "tmpfs", 0)
	s := scanner(t, Tree{Name: "t", Path: path}, Options{})
	for n := range removedMost + 1 {
		must(t, os.WriteFile(filepath.Join(path, strconv.Itoa(n)), nil, 0o600))
	}
	_, err := s.Walk(t.Context())
	must(t, err)
	old := s.Version()
	must(t, filepath.WalkDir(path, func(name string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = os.Remove(name)
		}
		return err
	}))
	_, err = s.Walk(t.Context())
	must(t, err)
	if _, _, known := s.Since(old); known {
		t.Fatal("it is still known")
	}
	if _, gone, known := s.Since(s.Version() - 10); !known || len(gone) != 10 {
		t.Fatal(len(gone), known)
	}
}

func TestGivenALookBetweenTheCtimeOfANewNameAndItsCountThenTheNextFindsTheHardLink(t *testing.T) {
	path := scratchfs.Mount(t, "ext4", 64)
	must(t, os.WriteFile(filepath.Join(path, "a"), []byte("a"), 0o600))
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
	must(t, os.Link(filepath.Join(path, "a"), filepath.Join(path, "b")))
	scan(t, s)
	must(t, os.Remove(filepath.Join(path, "b")))
	scan(t, s)
	must(t, os.Link(filepath.Join(path, "a"), filepath.Join(path, "b")))
	// That look saw the ctime of the new name already, and neither the name nor its count.
	st, err := s.Root().Stat("a")
	must(t, err)
	st.Nlink = 1
	i, _ := s.table.get("a")
	s.table.at(i).set(st)
	got, fresh := scan(t, s), scan(t, scanner(t, s.Tree(), Options{Now: later}))
	if first := first(got, fresh); first != "" {
		t.Fatal(first)
	}
}

func TestGivenAttributesAclsAndHardLinksThenTheyAreInTheDigestAndOnlyThen(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			path := scratchfs.Mount(t, kind, 320)
			for _, name := range []string{"a", "b", "c"} {
				must(t, os.WriteFile(filepath.Join(path, name), []byte(name), 0o600))
			}
			s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
			plain := scan(t, s)
			set := func(name, attribute string, value []byte) {
				must(t, unix.Setxattr(filepath.Join(path, name), attribute, value, 0))
			}
			set("a", "trusted.mine", []byte("x"))
			set("a", "security.ima", []byte("x"))
			if got := scan(t, s); got["a"].Digest != plain["a"].Digest {
				t.Fatal("what is of one machine is in the digest")
			}
			acl := []byte{2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0, 4, 0, 0, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255}
			set("a", "user.one", []byte("1"))
			set("b", "system.posix_acl_access", acl)
			set(".", "user.root", nil)
			must(t, os.Link(filepath.Join(path, "c"), filepath.Join(path, "d")))
			got := scan(t, s)
			for _, name := range []string{"a", "b", ""} {
				if got[name].Digest == plain[name].Digest {
					t.Errorf("%q has the same digest", name)
				}
			}
			if got["c"].Digest != plain["c"].Digest || got["d"].Digest == plain["c"].Digest {
				t.Error("a hard link's first name has another digest, or the second the same")
			}
			for _, name := range []string{"", "a", "b", "c", "d"} {
				e, err := s.Entry(name)
				must(t, err)
				content := e.Content()
				if e.Type == 'f' {
					file, err := s.Root().OpenRegular(name, unix.O_RDONLY, 0)
					must(t, err)
					content, err = NewHasher(0).Hash(t.Context(), file, e.Size, false)
					must(t, err)
					must(t, file.Close())
				}
				if testKey(t).Row(e, content) != got[name].Digest {
					t.Errorf("%q: its entry has another digest than its row: %+v", name, e)
				}
			}
			must(t, os.Remove(filepath.Join(path, "c")))
			if got := scan(t, s); got["d"].Digest != plain["c"].Digest {
				t.Error("what is left of a hard link is no plain file")
			}
		})
	}
}
