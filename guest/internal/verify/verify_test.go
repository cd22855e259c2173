package verify

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// scanned is a tree whose rows were all read.
func scanned(t *testing.T, path string) (*fingerprint.Scanner, []Wanted) {
	t.Helper()
	key, err := fingerprint.NewKey(bytes.Repeat([]byte("k"), 32))
	must(t, err)
	scanner, err := fingerprint.New(fingerprint.Tree{Name: "site", Path: path, Excludes: []string{"*.tmp"}}, key, fingerprint.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, scanner.Close()) })
	_, err = scanner.Walk(context.Background())
	must(t, err)
	_, err = scanner.Read(context.Background(), fingerprint.Reading{})
	must(t, err)
	var wanted []Wanted
	for row := range scanner.Rows() {
		wanted = append(wanted, Wanted{row.Path, row.Digest})
	}
	return scanner, wanted
}

func differing(t *testing.T, scanner *fingerprint.Scanner, wanted []Wanted) map[string]string {
	t.Helper()
	result, err := Rows(context.Background(), scanner, wanted, nil)
	must(t, err)
	found := map[string]string{}
	for _, d := range result.Different {
		found[d.Path] = d.Why
	}
	if len(found) != result.Total {
		t.Errorf("%d differ, %v are named", result.Total, found)
	}
	return found
}

func TestGivenRowsThatDifferThenEachIsNamedWithItsReason(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	for name, content := range map[string]string{"same": "x", "changed": "x", "missing": "x", "gone": "x", "still": "x"} {
		must(t, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	scanner, wanted := scanned(t, dir)
	if found := differing(t, scanner, wanted); len(found) > 0 {
		t.Errorf("of what did not change %v differ", found)
	}
	must(t, os.WriteFile(filepath.Join(dir, "changed"), []byte("y"), 0o644), os.Remove(filepath.Join(dir, "missing")), os.Remove(filepath.Join(dir, "gone")))
	for i := range wanted {
		if wanted[i].Path == "gone" || wanted[i].Path == "still" {
			wanted[i].Digest = fingerprint.Digest{}
		}
	}
	wanted = append(wanted, Wanted{"a.tmp", fingerprint.Digest{1}})
	found := differing(t, scanner, wanted)
	for path, why := range map[string]string{
		"changed": "it reads back otherwise", "missing": "it is missing", "still": "it is there and must not be", "a.tmp": "it is excluded on this member",
	} {
		if found[path] != why {
			t.Errorf("%s: %q, not %q", path, found[path], why)
		}
		delete(found, path)
	}
	if len(found) > 0 {
		t.Errorf("%v differ too", found)
	}
}

func TestGivenAByteThatFlippedBelowTheFileSystemThenItIsFoundPastThePageCache(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			point, image := scratchfs.MountImage(t, kind, 320)
			dir := filepath.Join(point, "tree")
			file := filepath.Join(dir, "file")
			must(t, os.Mkdir(dir, 0o755), os.WriteFile(file, bytes.Repeat([]byte("content "), 4096), 0o644))
			scanner, wanted := scanned(t, dir)
			flip(t, file, image)
			if again, err := os.ReadFile(file); err != nil || again[100] != bytes.Repeat([]byte("content "), 4096)[100] {
				t.Skip("the page cache does not hold what it is to hide here", err)
			}
			found := differing(t, scanner, wanted)
			if found["file"] == "" || len(found) != 1 {
				t.Errorf("%v differ", found)
			}
		})
	}
}

// flip changes byte 100 of a file in the image of its file system.
func flip(t *testing.T, file, image string) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	must(t, f.Sync())
	block, size := int32(0), int32(0)
	for _, call := range []struct {
		number uintptr
		value  *int32
	}{{1, &block}, {2, &size}} { // FIBMAP and FIGETBSZ
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), call.number, uintptr(unsafe.Pointer(call.value))); errno != 0 {
			t.Skip("where a block lies cannot be asked here: ", errno)
		}
	}
	raw, err := os.OpenFile(image, os.O_RDWR, 0)
	must(t, err)
	defer raw.Close()
	var b [1]byte
	at := int64(block)*int64(size) + 100
	_, err = raw.ReadAt(b[:], at)
	must(t, err)
	b[0] ^= 1
	_, err = raw.WriteAt(b[:], at)
	must(t, err, raw.Sync())
}
