package update

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/port"
)

func write(t *testing.T, path, words string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(words), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGivenAListOfDpkgThenItsFileIsOwnedAlsoByTheNameThatALinkedDirectoryHas(t *testing.T) {
	root := t.TempDir()
	program := write(t, filepath.Join(root, "usr/sbin/virtquorum-guest"), "program", 0o755)
	write(t, filepath.Join(root, "opt/virtquorum-guest"), "another's", 0o755)
	if err := os.Symlink("usr/sbin", filepath.Join(root, "sbin")); err != nil {
		t.Fatal(err)
	}
	packages := Packages{Dpkg: filepath.Join(root, "info")}
	list := filepath.Join(root, "info/virtquorum-guest:amd64.list")
	for line, want := range map[string]string{
		program: "the package virtquorum-guest of dpkg",
		filepath.Join(root, "sbin/virtquorum-guest"): "the package virtquorum-guest of dpkg",
		filepath.Join(root, "opt/virtquorum-guest"):  "",
		program + ".previous":                        "",
	} {
		write(t, list, "/.\n/usr\n"+line+"\n", 0o644)
		if owner, err := packages.owner(t.Context(), program); err != nil || owner != want {
			t.Error(line, owner, err)
		}
	}
	if owner, err := (Packages{Dpkg: filepath.Join(root, "none")}).owner(t.Context(), program); err != nil || owner != "" {
		t.Error(owner, err)
	}
}

func TestGivenADatabaseOfRpmThenRpmIsAskedAndWhatItDoesNotSayIsNotKnown(t *testing.T) {
	root := t.TempDir()
	program := write(t, filepath.Join(root, "virtquorum-guest"), "program", 0o755)
	database := write(t, filepath.Join(root, "rpmdb.sqlite"), "rows", 0o644)
	for _, one := range []struct {
		script, owner string
		known         bool
	}{
		{"printf virtquorum-guest", "the package virtquorum-guest of rpm", true},
		{`echo "file $6 is not owned by any package"; exit 1`, "", true},
		{`echo "error: cannot open Packages database" >&2; exit 1`, "", false},
	} {
		query := write(t, filepath.Join(root, "rpm"), "#!/bin/sh\n"+one.script+"\n", 0o755)
		owner, err := Packages{Rpm: []string{database}, Query: query}.owner(t.Context(), program)
		if owner != one.owner || (err == nil) != one.known {
			t.Error(one.script, owner, err)
		}
	}
	if _, err := (Packages{Rpm: []string{database}, Query: filepath.Join(root, "none")}).owner(t.Context(), program); err == nil {
		t.Error("a database that nobody can read tells something")
	}
	if owner, err := (Packages{Rpm: []string{filepath.Join(root, "none")}, Query: "/none"}).owner(t.Context(), program); err != nil || owner != "" {
		t.Error(owner, err)
	}
}

func TestGivenTheRealRpmThenWhatItDoesNotOwnIsToldFromWhatItOwns(t *testing.T) {
	query, err := exec.LookPath("rpm")
	if err != nil {
		t.Skip("no rpm here")
	}
	root := t.TempDir()
	program := write(t, filepath.Join(root, "virtquorum-guest"), "program", 0o755)
	if out, err := exec.Command(query, "--initdb", "--dbpath", root).CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	asked := write(t, filepath.Join(root, "ask"), "#!/bin/sh\nexec "+query+" --dbpath "+root+" \"$@\"\n", 0o755)
	databases, err := filepath.Glob(filepath.Join(root, "rpmdb.sqlite"))
	if err != nil || len(databases) == 0 {
		t.Skip("this rpm has another kind of database")
	}
	if owner, err := (Packages{Rpm: databases, Query: asked}).owner(t.Context(), program); err != nil || owner != "" {
		t.Fatal(owner, err)
	}
}

// detail is the word of a refusal; empty: it is none.
func detail(err error) string {
	var refused *port.Refused
	if errors.As(err, &refused) {
		return refused.Detail
	}
	return ""
}

func TestGivenAPackageThatOwnsTheProgramThenItIsExchangedOnlyIfTheOrderSaysSo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("programs are root's")
	}
	place, err := runningPlace()
	if err != nil {
		t.Fatal(err)
	}
	info := filepath.Join(t.TempDir(), "info")
	write(t, filepath.Join(info, "virtquorum-guest.list"), place.path+"\n", 0o644)
	u := &Updater{options: Options{Version: "1.0.0", Packages: Packages{Dpkg: info}}, place: place}
	order := Order{Version: "2.0.0", Architecture: runtime.GOARCH, Digest: make([]byte, 32), Size: 1}
	err = u.admit(t.Context(), order)
	if detail(err) != "Packaged" || !strings.Contains(err.Error(), "the package virtquorum-guest of dpkg owns "+place.path) {
		t.Fatal(err)
	}
	order.Packaged = true
	if err := u.admit(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	order.Packaged = false
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := u.admit(ctx, order); detail(err) != "Packaged" {
		t.Fatal("what nobody knows is taken for no package: ", err)
	}
}
