package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/scratchfs"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// repaired puts a tree on a file system, in which a repair named "epoch-1" replaces a page, and removes a directory with one in it.
func repaired(t *testing.T, point, name string) {
	t.Helper()
	tree := filepath.Join(point, name)
	must(t, os.MkdirAll(filepath.Join(tree, "old"), 0o755), os.WriteFile(filepath.Join(tree, "page"), []byte("as a user wrote it"), 0o640),
		os.WriteFile(filepath.Join(tree, "old", "new\nline"), []byte("gone"), 0o600))
	live, err := beneath.Open(tree)
	must(t, err)
	defer live.Close()
	key, err := fingerprint.NewKey(make([]byte, 32))
	must(t, err)
	store, err := memory.Open(live, key, memory.Owner{Cluster: "uid", Tree: name, Member: "web-0"})
	must(t, err)
	defer store.Close()
	with := archive.Tree{Name: name, Live: live}
	for kind, to := range map[string]**beneath.Dir{memory.Stage: &with.Stage, memory.Archive: &with.Archive, memory.Journal: &with.Journal} {
		dir, err := store.Dir(kind)
		must(t, err)
		defer dir.Close()
		*to = dir
	}
	must(t, with.Stage.Symlink("elsewhere", "staged"))
	was := func(path string) archive.State {
		st, err := live.Stat(path)
		must(t, err)
		return archive.StateOf(st)
	}
	staged, err := with.Stage.Stat("staged")
	must(t, err)
	_, err = archive.New(with).Apply(t.Context(), archive.Plan{
		Entry: "epoch-1", Verdict: "Brought to \x1b[31mthe state.", Millis: 1_700_000_000_000,
		Put:    []archive.Put{{Path: "page", Staged: "staged", Mtime: staged.Mtime, Was: was("page"), Attributed: true}},
		Remove: []archive.Remove{{Path: "old/new\nline", Was: was("old/new\nline")}, {Path: "old", Was: was("old")}},
	})
	must(t, err)
}

func archiveSays(t *testing.T, code int, arguments ...string) string {
	t.Helper()
	var said bytes.Buffer
	if got := start(t.Context(), append([]string{"archive"}, arguments...), &said, &said); got != code {
		t.Fatalf("%q: exit code %d: %s", arguments, got, said.String())
	}
	return said.String()
}

func says(t *testing.T, said string, words ...string) {
	t.Helper()
	for _, one := range words {
		if !strings.Contains(said, one) {
			t.Errorf("%q is not in %q", one, said)
		}
	}
	if strings.Contains(said, "\x1b") {
		t.Errorf("a terminal would act on %q", said)
	}
}

func TestGivenARepairThenSomebodyAtAShellSeesWhatItReplacedAndCopiesItOut(t *testing.T) {
	point, to := scratchfs.Mount(t, "ext4", 16), t.TempDir()
	repaired(t, point, "site")
	says(t, archiveSays(t, 0, "list"), "epoch-1")
	says(t, archiveSays(t, 0, "list", "--at", point), "epoch-1", "site", "2023-11-1", "yes", "Brought to ")
	says(t, archiveSays(t, 0, "show", "epoch-1", "--at", point), "replaced", "deleted", "page", `old/new\012line`, "18 B", "the state.")

	says(t, archiveSays(t, 0, "restore", "epoch-1", "page", "--to", to, "--at", point), "1 files and directories were copied to "+to)
	page := filepath.Join(to, "page")
	if words, err := os.ReadFile(page); err != nil || string(words) != "as a user wrote it" {
		t.Fatal(string(words), err)
	}
	if st, err := os.Stat(page); err != nil || st.Mode() != 0o640 {
		t.Fatal(st, err)
	}
	says(t, archiveSays(t, 1, "restore", "epoch-1", "--to", to, "--at", point), "nothing that is in "+to+" is replaced")
	whole := t.TempDir()
	archiveSays(t, 0, "restore", "epoch-1", "--to", whole, "--at", point)
	if words, err := os.ReadFile(filepath.Join(whole, "old", "new\nline")); err != nil || string(words) != "gone" {
		t.Fatal(string(words), err)
	}
	if target, err := os.Readlink(filepath.Join(point, "site", "page")); err != nil || target != "elsewhere" {
		t.Fatal("the tree itself was changed", target, err)
	}
}

func TestGivenWhatCannotBeRestoredThenItIsSaidWhyAndWhatToDo(t *testing.T) {
	point, to := scratchfs.Mount(t, "ext4", 16), t.TempDir()
	repaired(t, point, "site")
	repaired(t, point, "data")
	fails := func(arguments ...string) string {
		t.Helper()
		return archiveSays(t, 1, append(arguments, "--at", point)...)
	}
	says(t, fails("restore", "epoch-1", "--to", to), "-tree", "-at", "site", "data")
	archiveSays(t, 0, "restore", "epoch-1", "page", "--to", to, "--tree", "data", "--at", point)
	says(t, fails("show", "epoch-2"), `"epoch-2"`, "archive list")
	says(t, fails("restore", "epoch-1", "--tree", "site"), "-to")
	says(t, fails("restore", "epoch-1", "--tree", "site", "--to", filepath.Join(to, "missing")), "does not exist")
	says(t, fails("restore", "epoch-1", "nothing", "--tree", "site", "--to", to), "no old version of nothing", "archive show")
	says(t, archiveSays(t, 0, "list", "--at", t.TempDir()), "No repair replaced anything")
	for _, words := range [][]string{{}, {"show"}, {"remove", "epoch-1"}, {"list", "x"}} {
		says(t, archiveSays(t, 2, words...), "usage: virtquorum-guest archive list")
	}
}

func TestGivenADirectoryThatAnotherUserMadeThenItIsTakenForNoArchiveAndHidesNoOther(t *testing.T) {
	good, point := scratchfs.Mount(t, "ext4", 16), scratchfs.Mount(t, "ext4", 16)
	repaired(t, good, "site")
	repaired(t, point, "site")
	must(t, os.Chmod(filepath.Join(point, ".virtquorum"), 0o777))
	says(t, archiveSays(t, 1, "list", "--at", point), "not root's alone")
	says(t, archiveSays(t, 0, "list"), "not root's alone", "epoch-1")
}
