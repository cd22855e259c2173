package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

func TestGivenAnyBytesThenAPathInAManifestIsThatPathAgain(t *testing.T) {
	for _, path := range []string{"", "plain", "ü", "new\nline", "\xff\x00\\", `\303`, "\ufffd", "\u202e"} {
		text, err := json.Marshal(Row{Path: Path(path)})
		must(t, err)
		var row Row
		must(t, json.Unmarshal(text, &row))
		if string(row.Path) != path {
			t.Errorf("%q became %s and then %q", path, text, row.Path)
		}
	}
}

func FuzzAPathInAManifest(f *testing.F) {
	f.Add([]byte("a\\b\xff"), []byte(`\303\274`))
	f.Fuzz(func(t *testing.T, bytes, text []byte) {
		written, _ := Path(bytes).MarshalText()
		var back Path
		if err := back.UnmarshalText(written); err != nil || string(back) != string(bytes) {
			t.Errorf("%q became %q and then %q, %v", bytes, written, back, err)
		}
		_ = back.UnmarshalText(text)
	})
}

// replaced applies one small plan.
func (m *member) replaced(entry string, millis int64, attributed bool, paths ...string) {
	m.t.Helper()
	plan := Plan{Entry: entry, Verdict: "test", Millis: millis}
	for _, path := range paths {
		put := m.put(path, "new "+entry)
		put.Attributed = attributed
		plan.Put = append(plan.Put, put)
	}
	_, err := m.Apply(context.Background(), plan)
	must(m.t, err)
}

func (m *member) names() string {
	m.t.Helper()
	entries, err := m.List(context.Background())
	must(m.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return strings.Join(names, " ")
}

func TestGivenLimitsThenTheOldestEntriesGoButNeverWhatAUserMayHaveWritten(t *testing.T) {
	m := newMember(t, t.TempDir())
	m.write("file", strings.Repeat("x", 10_000))
	for i := range 5 {
		m.replaced(fmt.Sprintf("v%d", i), int64(i), i == 1, "file")
	}
	ctx := context.Background()
	must(t, MakeRoom(ctx, []*Archive{m.Archive}, 1000, Limits{Entries: 5, Bytes: 1 << 20, Keep: "v0"}))
	if names := m.names(); names != "v0 v1 v3 v4" {
		t.Errorf("one is to stay, and left are %s", names)
	}
	must(t, MakeRoom(ctx, []*Archive{m.Archive}, 1000, Limits{Entries: 4, Bytes: 1 << 20}))
	if names := m.names(); names != "v1 v3 v4" {
		t.Errorf("left are %s", names)
	}
	if err := MakeRoom(ctx, []*Archive{m.Archive}, 1<<20+1, Limits{Entries: 4, Bytes: 1 << 20}); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if err := MakeRoom(ctx, []*Archive{m.Archive}, 100, Limits{Entries: 4, Bytes: 101}); !errors.Is(err, ErrFull) {
		t.Errorf("of what a user wrote: got %v", err)
	}
	if names := m.names(); names != "v1 v3 v4" {
		t.Errorf("where there is no room left are %s", names)
	}
	must(t, m.Remove(ctx, "v1"))
	for _, bad := range []string{"", "..", "../x", "a/b", ".hidden", "~x"} {
		if err := m.Remove(ctx, bad); err == nil {
			t.Errorf("%q was taken for an entry", bad)
		}
	}
	if names := m.names(); names != "v3 v4" {
		t.Errorf("left are %s", names)
	}
}

func TestGivenAnEntryOfThatNameThenANewOneGetsANumber(t *testing.T) {
	m := newMember(t, t.TempDir())
	m.write("file", "old")
	for range 4 {
		m.replaced("verdict", 0, false, "file")
	}
	if names := m.names(); names != "verdict verdict-2 verdict-3 verdict-4" {
		t.Errorf("entries are %s", names)
	}
}

func TestGivenADamagedManifestThenItsEntryIsKeptAsAUsers(t *testing.T) {
	m := newMember(t, t.TempDir())
	m.write("file", "old")
	m.replaced("verdict", 1, false, "file")
	must(t, os.WriteFile(filepath.Join(m.base, "own/archive/verdict/manifest"), []byte("{"), 0o600))
	entries, err := m.List(context.Background())
	must(t, err)
	if len(entries) != 1 || !entries[0].Attributed || entries[0].Bytes == 0 {
		t.Errorf("%+v", entries)
	}
}

func TestGivenAnEntryThenItsRowsComeBackIntoTheTreeAndWhatWasThereIsArchived(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *member) {
		plan, before, _ := m.everything()
		if err := unix.Setxattr(m.live("gone"), "user.note", []byte("x"), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			t.Fatal(err)
		}
		must(t, os.Chown(m.live("gone"), 5, 6), os.Chmod(m.live("going"), 0o711))
		plan.Remove = nil
		for _, path := range []string{"gone", "dir-to-file/a", "dir-to-file/deep", "dir-to-file/deep/b", "going", "going/c", "going/sub", "going/sub/d"} {
			plan.Remove = append(plan.Remove, m.remove(path))
		}
		_, err := m.Apply(context.Background(), plan)
		must(t, err)
		result, err := m.Restore(context.Background(), "verdict-1", []string{"gone", "going/c", "going/sub/d", "changed", "never"}, 7)
		must(t, err)
		if len(result.Missing) != 1 || result.Missing[0] != "never" || result.Entry != "before-restore-verdict-1" {
			t.Errorf("%+v", result)
		}
		now := all(t, m.live(""))
		for _, path := range []string{"gone", "going", "going/c", "going/sub/d", "changed"} {
			if now[path] != before[path] {
				t.Errorf("%s is %q", path, now[path])
			}
		}
		st, err := m.tree.Live.Stat("gone")
		must(t, err)
		going, err := m.tree.Live.Stat("going")
		must(t, err)
		if st.UID != 5 || st.GID != 6 || going.Mode != 0o711 {
			t.Errorf("%+v, %+v", st, going)
		}
		entries, err := m.List(context.Background())
		must(t, err)
		if kept := all(t, filepath.Join(m.base, "own/archive/before-restore-verdict-1/files")); kept["changed"] != "new changed" || !entries[0].Attributed {
			t.Errorf("%v, %+v", kept, entries)
		}
		// And all of it somewhere else.
		other := t.TempDir()
		to, err := beneath.Open(other)
		must(t, err)
		defer to.Close()
		_, err = m.RestoreTo(context.Background(), "verdict-1", nil, to)
		must(t, err)
		copied := all(t, other)
		for path, content := range before {
			if path != "dir/kept" && copied[path] != content {
				t.Errorf("the copy of %s is %q, not %q", path, copied[path], content)
			}
		}
		if _, err := m.RestoreTo(context.Background(), "verdict-1", []string{"gone"}, to); !errors.Is(err, unix.EEXIST) {
			t.Errorf("over what is there: %v", err)
		}
	})
}
