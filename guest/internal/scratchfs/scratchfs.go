// Package scratchfs makes file systems for tests, each in a file of its own, and takes them away at the test's end.
package scratchfs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Kinds are what the tests of a tree are to run on.
var Kinds = []string{"ext4", "xfs", "tmpfs"}

// Mount makes an empty file system of a kind, of some megabytes (at least 320 for xfs), and says where it is mounted. It skips
// the test where that needs what is not here: root, loop devices, or mkfs.
func Mount(t testing.TB, kind string, megabytes int64) string {
	t.Helper()
	point, _ := MountImage(t, kind, megabytes)
	return point
}

// MountImage is Mount that also says in which file the file system is ("" for tmpfs).
func MountImage(t testing.TB, kind string, megabytes int64) (point, image string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a file system needs root")
	}
	point = t.TempDir()
	if kind == "tmpfs" {
		if err := unix.Mount("none", point, "tmpfs", 0, "mode=0755"); err != nil {
			t.Skip("cannot mount a tmpfs here: ", err)
		}
		t.Cleanup(func() { unmount(t, point) })
		return point, ""
	}
	mkfs, err := exec.LookPath("mkfs." + kind)
	if err != nil {
		t.Skipf("there is no mkfs.%s here", kind)
	}
	image = filepath.Join(t.TempDir(), "image")
	file, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(megabytes << 20); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	if said, err := exec.Command(mkfs, "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", mkfs, err, said)
	}
	MountAt(t, kind, image, point)
	return point, image
}

// MountAt mounts a file that holds a file system, through a loop device of its own.
func MountAt(t testing.TB, kind, image, point string) {
	t.Helper()
	said, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("there are no loop devices here: %v: %s", err, said)
	}
	loop := strings.TrimSpace(string(said))
	t.Cleanup(func() {
		if said, err := exec.Command("losetup", "--detach", loop).CombinedOutput(); err != nil {
			t.Errorf("detaching %s: %v: %s", loop, err, said)
		}
	})
	options := ""
	if kind == "xfs" {
		options = "nouuid"
	}
	if err := unix.Mount(loop, point, kind, 0, options); err != nil {
		t.Skipf("cannot mount %s here: %v", kind, err)
	}
	t.Cleanup(func() { unmount(t, point) })
}

// Cut copies what is on the disk of a file system to a file, for MountAt, as a power cut at this moment leaves it. It must be quick: what
// is written meanwhile may be in it or not, in any order.
func Cut(image, to string) error {
	if said, err := exec.Command("cp", "--sparse=auto", image, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the disk: %w: %s", err, said)
	}
	return nil
}

func unmount(t testing.TB, point string) {
	if err := unix.Unmount(point, 0); err != nil && err != unix.EINVAL { // the test did it
		t.Errorf("unmounting %s: %v", point, err)
		_ = unix.Unmount(point, unix.MNT_DETACH)
	}
}
