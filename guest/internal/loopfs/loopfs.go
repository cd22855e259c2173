// Package loopfs gives tests file systems of their own.
package loopfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Kinds are the file systems that guests of every kind of test should have had.
var Kinds = []string{"ext4", "xfs"}

// New makes a file system of so many megabytes (XFS needs 300) in a file and mounts it for the time of the test, which is skipped
// with a sentence where that cannot be. It returns the mount point.
func New(t testing.TB, kind string, megabytes int64) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	dir := t.TempDir()
	image, point := filepath.Join(dir, "image"), filepath.Join(dir, "mnt")
	file, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	err = file.Truncate(megabytes << 20)
	if closing := file.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"mkfs." + kind, "-q", image}, {"mount", "-o", "loop", image, point}} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no %s on a loop device here: %v: %s", kind, err, output)
		}
	}
	t.Cleanup(func() {
		// The loop device goes with the mount. Lazily: what a failed test left open must not keep it.
		if output, err := exec.Command("umount", "-l", point).CombinedOutput(); err != nil {
			t.Errorf("unmounting %s: %v: %s", point, err, output)
		}
	})
	return point
}
