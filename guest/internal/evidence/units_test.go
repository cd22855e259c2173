package evidence

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// unit makes a cgroup as systemd does of a unit, with a process in it that counts; it returns how far that is.
func unit(t *testing.T, name string) (count func() int64) {
	t.Helper()
	mounts, err := Guest{}.mounts()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(mounts, func(m mounted) bool { return m.kind == "cgroup2" })
	if at < 0 || os.Getuid() != 0 {
		t.Skip("needs root, and cgroups of version 2")
	}
	directory := filepath.Join(mounts[at].point, "virtquorum-test.slice", name)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Skip(err)
	}
	counted := filepath.Join(t.TempDir(), "counted")
	process := exec.Command("sh", "-c", "while :; do echo >>"+counted+"; sleep 0.01; done")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(directory, "cgroup.freeze"), []byte("0"), 0)
		_ = os.WriteFile(filepath.Join(directory, "cgroup.kill"), []byte("1"), 0) // the sleep too
		_ = process.Process.Kill()
		_ = process.Wait()
		for range 100 { // the sleep may end a moment later
			if os.Remove(directory) == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		_ = os.Remove(filepath.Dir(directory))
	})
	if err := os.WriteFile(filepath.Join(directory, "cgroup.procs"), []byte(strconv.Itoa(process.Process.Pid)), 0); err != nil {
		t.Skip(err)
	}
	count = func() int64 {
		words, err := os.ReadFile(counted)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return int64(bytes.Count(words, []byte("\n")))
	}
	awaitMore(t, count)
	return count
}

func awaitMore(t *testing.T, count func() int64) {
	t.Helper()
	before := count()
	for end := time.Now().Add(10 * time.Second); count() == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not run")
		}
	}
}

func staysAt(t *testing.T, count func() int64) {
	t.Helper()
	before := count()
	time.Sleep(100 * time.Millisecond)
	if now := count(); now != before {
		t.Fatalf("it went on from %d to %d", before, now)
	}
}

func TestGivenAUnitThenItStandsStillUntilAllWhoFrozeItLetItGo(t *testing.T) {
	count := unit(t, "vq-counts.service")
	mark := filepath.Join(t.TempDir(), "frozen")
	units := &Units{Mark: mark}
	names := []string{"vq-counts.service"}
	for range 2 {
		if err := units.Freeze(t.Context(), names); err != nil {
			t.Fatal(err)
		}
	}
	staysAt(t, count)
	if err := units.Thaw(names); err != nil {
		t.Fatal(err)
	}
	staysAt(t, count)
	if err := units.Thaw(names); err != nil {
		t.Fatal(err)
	}
	awaitMore(t, count)
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestGivenAProgramThatDiedWhileAUnitStoodStillThenItsNextLifeLetsItGo(t *testing.T) {
	count := unit(t, "vq-dies.service")
	mark := filepath.Join(t.TempDir(), "frozen")
	if err := (&Units{Mark: mark}).Freeze(t.Context(), []string{"vq-dies.service"}); err != nil {
		t.Fatal(err)
	}
	staysAt(t, count)
	for range 2 {
		if err := (&Units{Mark: mark}).Recover(); err != nil {
			t.Fatal(err)
		}
		awaitMore(t, count)
	}
}

func TestGivenAUnitThatCannotBeFrozenThenNoneIsAndItIsSaidWhy(t *testing.T) {
	count := unit(t, "vq-first.service")
	units := &Units{Mark: filepath.Join(t.TempDir(), "frozen")}
	err := units.Freeze(t.Context(), []string{"vq-first.service", "vq-no-such.service"})
	if err == nil || !strings.Contains(err.Error(), "freezing vq-no-such.service: the guest has no unit of that name") {
		t.Fatal(err)
	}
	awaitMore(t, count)
}

func TestGivenUnitsByTheirFilesThenOneThatDoesNotRunIsKnownAndThatOfTheProgramIsRefused(t *testing.T) {
	root := t.TempDir()
	for path, words := range map[string]string{
		"proc/self/mountinfo": "1 1 0:1 / /cg rw - cgroup2 none rw\n", "proc/self/cgroup": "0::/system.slice/own.service\n",
		"cg/system.slice/own.service/cgroup.freeze": "0", "cg/system.slice/_memory.service/cgroup.freeze": "0",
		"cg/system.slice/docker.scope/system.slice/_memory.service/cgroup.freeze": "0", "cg/user.slice/users.service/cgroup.freeze": "0",
		"cg/system.slice/old.service/cgroup.events": "", "cg/system.slice/cgroup.freeze": "0",
		"etc/systemd/system/stopped.service": "", "usr/lib/systemd/system/shop@.service": "",
	} {
		at := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(words), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	units := &Units{Guest: Guest{Root: root}}
	for name, want := range map[string]string{
		"memory.service": filepath.Join(root, "cg/system.slice/_memory.service"), "stopped.service": "", "shop@1.service": "",
		"own.service": "the guest program itself runs in it", "system.slice": "the guest program itself runs in it",
		"users.service": "the guest has no unit of that name", "old.service": "the guest's kernel cannot freeze cgroups: that takes Linux 5.2",
	} {
		found, err := units.find(name)
		if err != nil {
			found = err.Error()
		}
		if found != want {
			t.Errorf("%s: %s", name, found)
		}
	}
}
