package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/restore"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// restores runs the command in a process of its own.
func (p *program) restores(arguments ...string) (code int, said string) {
	words := append([]string{"archive", "restore"}, arguments...)
	command := process(append(words, "-in-place", "-socket", filepath.Join(p.state, restore.SocketName))...)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		p.t.Error(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

func (p *program) restored(want int, arguments ...string) string {
	p.t.Helper()
	code, said := p.restores(arguments...)
	if code != want {
		p.t.Fatalf("%q: exit code %d: %s", arguments, code, said)
	}
	return said
}

// member is a program on a file system with two trees, in each of which a repair replaced a page.
func restoringMember(t *testing.T) (p *program, point string) {
	t.Helper()
	point = scratchfs.Mount(t, "ext4", 32)
	repaired(t, point, "site")
	repaired(t, point, "data")
	p, _ = startProcess(t, t.TempDir())
	return p, point
}

func (p *program) configureBoth(point string, readOnly bool) {
	p.t.Helper()
	p.ask(&wire.Request{Operation: &wire.Request_Configure{Configure: &wire.Configure{
		Key: make([]byte, 32), Cluster: "uid", Member: "web-0", ReadOnly: readOnly, Archive: &wire.ArchiveLimits{Entries: 1, Bytes: 1 << 20},
		Trees: []*wire.Tree{{Name: "site", Path: []byte(filepath.Join(point, "site"))}, {Name: "data", Path: []byte(filepath.Join(point, "data"))}},
	}}})
}

func content(t *testing.T, name string) string {
	t.Helper()
	words, err := os.ReadFile(name)
	must(t, err)
	return string(words)
}

func TestGivenThePrimaryThenRootPutsBackWhatARepairReplacedAndWhatWasThereIsArchived(t *testing.T) {
	p, point := restoringMember(t)
	p.hello(5)
	p.configureBoth(point, false)
	p.stand(&wire.Standing{Primary: true, Tenure: 1})
	site := filepath.Join(point, "site")
	says(t, p.restored(0, "epoch-1", "-tree", "site", "page"), "1 files and directories were put back below "+site, "before-restore-epoch-1", "commit")
	if got := content(t, filepath.Join(site, "page")); got != "as a user wrote it" {
		t.Fatal(got)
	}
	st, err := os.Stat(filepath.Join(site, "page"))
	if err != nil || st.Mode() != 0o640 {
		t.Fatal(st, err)
	}
	if _, err := os.Lstat(filepath.Join(site, "old")); err == nil {
		t.Fatal("more was put back than was asked for")
	}
	// What was there is in an entry of its own, and it can be undone: also where the archive keeps fewer entries than there are.
	says(t, archiveSays(t, 0, "list", "--at", point), "epoch-1", "before-restore-epoch-1")
	says(t, archiveSays(t, 0, "show", "before-restore-epoch-1", "--at", point), "page", "yes")
	p.restored(0, "before-restore-epoch-1")
	if target, err := os.Readlink(filepath.Join(site, "page")); err != nil || target != "elsewhere" {
		t.Fatal(target, err)
	}
	p.restored(0, "epoch-1", "-tree", "data")
	if got := content(t, filepath.Join(point, "data", "old", "new\nline")); got != "gone" {
		t.Fatal(got)
	}
	// The program has seen it by itself: it is a write, and the vote is told of it.
	seen := p.ask(&wire.Request{Operation: &wire.Request_Look{Look: &wire.Look{}}}).GetLook()
	if seen.Rows < 5 { // two roots, two pages, the directory and what is in it
		t.Fatal(seen)
	}
}

func TestGivenAnybodyButThePrimaryThenNothingIsPutBackAndItIsSaidWhereItMayBe(t *testing.T) {
	p, point := restoringMember(t)
	page := filepath.Join(point, "site", "page")
	refused := func(words ...string) {
		t.Helper()
		says(t, p.restored(1, "epoch-1", "page", "-tree", "site"), append(words, "Nothing was put back")...)
		if target, err := os.Readlink(page); err != nil || target != "elsewhere" {
			t.Fatal("it was put back", target, err)
		}
	}
	refused("has not told this guest yet", "--to")
	p.hello(5)
	p.configureBoth(point, false)
	refused("nobody tells this guest whether it is the primary", "--to")
	p.stand(&wire.Standing{Tenure: 1})
	refused("not the primary", "--to")
	p.stand(&wire.Standing{Primary: true, Tenure: 1, Reason: "Observe", Sentence: "Observed."})
	refused("mode Observe")
	p.configureBoth(point, true)
	p.stand(&wire.Standing{Primary: true, Tenure: 1})
	refused("mode Observe")
	if _, _, err := memoryOf(t, point, "before-restore-epoch-1"); err == nil {
		t.Fatal("an entry was made all the same")
	}
}

// memoryOf finds an entry by its directory.
func memoryOf(t *testing.T, point, entry string) (string, os.FileInfo, error) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(point, ".virtquorum", "*", "archive", entry))
	must(t, err)
	if len(found) == 0 {
		return "", nil, os.ErrNotExist
	}
	info, err := os.Stat(found[0])
	return found[0], info, err
}

func TestGivenWhatCannotBePutBackThenNothingIsChangedAndItIsSaidWhy(t *testing.T) {
	p, point := restoringMember(t)
	p.hello(5)
	p.configureBoth(point, false)
	p.stand(&wire.Standing{Primary: true, Tenure: 1})
	site, canary := filepath.Join(point, "site"), filepath.Join(point, "canary")
	must(t, os.Mkdir(canary, 0o755), os.WriteFile(filepath.Join(canary, "new\nline"), []byte("not yours"), 0o600))
	unchanged := func() {
		t.Helper()
		if target, err := os.Readlink(filepath.Join(site, "page")); err != nil || target != "elsewhere" {
			t.Fatal(target, err)
		}
		if _, _, err := memoryOf(t, point, "before-restore-epoch-1"); err == nil {
			t.Fatal("an entry was left")
		}
		if left, err := filepath.Glob(filepath.Join(point, ".virtquorum", "*", "stage", "*")); err != nil || len(left) > 0 {
			t.Fatal("the stage was not cleared", left, err)
		}
	}
	says(t, p.restored(1, "epoch-1"), "-tree", "site", "data", "Nothing was put back")
	says(t, p.restored(1, "epoch-7"), `"epoch-7"`, "archive list")
	says(t, p.restored(1, "epoch-1", "-tree", "site", "page", "new\nline"), `no old version of new\012line`, "archive show")
	says(t, p.restored(1, "../../epoch-1"), "archive list")
	unchanged()

	// Somebody puts a link to elsewhere where the directory was.
	must(t, os.Symlink(canary, filepath.Join(site, "old")))
	says(t, p.restored(1, "epoch-1", "-tree", "site", "old/new\nline", "page"), "Nothing was put back")
	if got := content(t, filepath.Join(canary, "new\nline")); got != "not yours" {
		t.Fatal("it was written through a link:", got)
	}
	unchanged()
	must(t, os.Remove(filepath.Join(site, "old")), os.Mkdir(filepath.Join(site, "old"), 0o755))
	must(t, unix.Mount("none", filepath.Join(site, "old"), "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(filepath.Join(site, "old"), unix.MNT_DETACH) })
	says(t, p.restored(1, "epoch-1", "-tree", "site"), "Nothing was put back")
	unchanged()
	must(t, unix.Unmount(filepath.Join(site, "old"), 0))

	// What is there now would not fit the archive.
	must(t, os.Remove(filepath.Join(site, "page")), os.WriteFile(filepath.Join(site, "page"), bytes.Repeat([]byte("x"), 2<<20), 0o600))
	says(t, p.restored(1, "epoch-1", "page", "-tree", "site"), "Nothing was put back", "the archive may hold")
	if got := content(t, filepath.Join(site, "page")); len(got) != 2<<20 {
		t.Fatal(len(got))
	}
	for _, words := range [][]string{{"epoch-1", "-in-place", "-to", "/tmp"}, {"epoch-1", "-in-place", "-at", point}, {"-in-place"}} {
		says(t, archiveSays(t, 2, append([]string{"restore"}, words...)...), "usage: virtquorum-guest archive list")
	}
	says(t, archiveSays(t, 2, "list", "-in-place"), "usage: virtquorum-guest archive list")
	says(t, archiveSays(t, 1, "restore", "epoch-1", "-in-place", "-socket", filepath.Join(point, "none")), "does not run")
}
