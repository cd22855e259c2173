package beneath

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kernels are today's and older ones, as far as this one can play them.
var kernels = map[string]Kernel{
	"today":   {},
	"before5": {NoOpenat2: true},
	"before4": {NoOpenat2: true, NoMountID: true, NoStatx: true},
}

func onEach(t *testing.T, test func(t *testing.T, dir *Dir, path string)) {
	for name, kernel := range kernels {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			test(t, open(t, path, kernel), path)
		})
	}
}

func open(t testing.TB, path string, kernel Kernel) *Dir {
	t.Helper()
	dir, err := OpenOn(path, kernel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, dir.Close()) })
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("got %v, wanted %v", err, wanted)
	}
}

func TestGivenNamesThatLeadOutThenTheyAreRefused(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		must(t, os.Mkdir(filepath.Join(path, "a"), 0o755))
		for _, name := range []string{"", "/", "/etc", "..", "../x", "a/..", "a/../..", "a//b", "./a", "a/.", "a/"} {
			_, err := dir.Stat(name)
			expect(t, err, ErrLeavesTree)
			_, err = dir.Sub(name)
			expect(t, err, ErrLeavesTree)
			expect(t, dir.Unlink(name), ErrLeavesTree)
		}
		_, err := dir.Stat("a\x00b")
		expect(t, err, unix.EINVAL)
		expect(t, dir.Unlink("."), ErrLeavesTree)
	})
}

func TestGivenLinksThenNothingFollowsThem(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		outside := t.TempDir()
		must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600))
		must(t, os.Symlink(outside, filepath.Join(path, "out")))
		must(t, os.Symlink("secret", filepath.Join(outside, "again")))
		must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(path, "file")))
		_, err := dir.Sub("out")
		expect(t, err, ErrLink)
		_, err = dir.Stat("out/secret")
		expect(t, err, ErrLink)
		_, err = dir.OpenRegular("file", unix.O_RDONLY, 0)
		expect(t, err, ErrLink)
		_, err = dir.OpenRegular("file", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o600)
		expect(t, err, ErrLink)
		_, err = dir.OpenRegular("out/new", unix.O_WRONLY|unix.O_CREAT, 0o600)
		expect(t, err, ErrLink)
		expect(t, dir.Chmod("file", 0o777), ErrLink)
		expect(t, dir.Rename("out/secret", dir, "here", 0), ErrLink)
		must(t, dir.Utimes("file", 5e9))
		target, err := dir.Readlink("out")
		must(t, err)
		st, err := dir.Stat("file")
		must(t, err)
		if target != outside || st.Type != 'l' || st.Mtime != 5e9 {
			t.Fatal(target, st)
		}
		if os.Geteuid() == 0 {
			must(t, dir.Chown("file", 7, 8))
			must(t, dir.SetXattr("file", "trusted.mine", []byte("v")))
		}
		info, err := os.Stat(filepath.Join(outside, "secret"))
		must(t, err)
		if info.Mode() != 0o600 || info.ModTime().Unix() == 5 {
			t.Fatal("the link was followed")
		}
		if n, err := unix.Getxattr(filepath.Join(outside, "secret"), "trusted.mine", nil); err == nil {
			t.Fatal("the attribute went through the link", n)
		}
	})
}

func TestGivenAFifoOrDeviceOrSocketThenOpeningRefusesAndNothingBlocks(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		must(t, dir.Mkfifo("fifo", 0o600))
		must(t, dir.Mknod("socket", 's', 0o600, 0))
		must(t, dir.Mkdir("directory", 0o700))
		for _, name := range []string{"fifo", "socket", "directory"} {
			for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR | unix.O_CREAT} {
				_, err := dir.OpenRegular(name, flags, 0o600)
				expect(t, err, ErrNotRegular)
			}
		}
		_, err := dir.Sub("fifo")
		expect(t, err, unix.ENOTDIR)
	})
}

func TestGivenALeaseThenOpeningDoesNotWaitForItsHolder(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		must(t, os.WriteFile(filepath.Join(path, "leased"), nil, 0o600))
		holder, err := os.Open(filepath.Join(path, "leased"))
		must(t, err)
		defer holder.Close()
		if _, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
			t.Skip("no leases here: ", err)
		}
		began := time.Now()
		_, err = dir.OpenRegular("leased", unix.O_WRONLY, 0)
		expect(t, err, ErrBusy)
		if time.Since(began) > 5*time.Second {
			t.Fatal("it waited")
		}
	})
}

func TestGivenDeepAndLongAndOddNamesThenAllIsReached(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		odd := []string{"a\nb", "\xff\xfe", "\x1b[31m", "with space", "..x", "-rf", "\\040", strings.Repeat("n", 255)}
		for _, name := range odd {
			must(t, dir.Mkdir(name, 0o700))
			must(t, dir.Rmdir(name))
		}
		deep := strings.TrimSuffix(strings.Repeat("twelve-bytes/", 400), "/")
		for end := 12; end <= len(deep); end += 13 {
			must(t, dir.Mkdir(deep[:end], 0o700))
		}
		t.Cleanup(func() { must(t, exec.Command("rm", "-rf", filepath.Join(path, "twelve-bytes")).Run()) })
		if len(deep) < 5000 {
			t.Fatal(len(deep))
		}
		file, err := dir.OpenRegular(deep+"/file", unix.O_RDWR|unix.O_CREAT, 0o600)
		must(t, err)
		must(t, file.Close())
		must(t, dir.Rename(deep+"/file", dir, deep+"/renamed", unix.RENAME_NOREPLACE))
		must(t, dir.Link(deep+"/renamed", dir, "linked"))
		st, err := dir.Stat(deep + "/renamed")
		must(t, err)
		if st.Type != 'f' || st.Nlink != 2 || st.Mode != 0o600 {
			t.Fatalf("%+v", st)
		}
		sub, err := dir.Sub(deep)
		must(t, err)
		defer sub.Close()
		must(t, sub.Unlink("renamed"))
		_, err = dir.Stat(deep + "/renamed")
		expect(t, err, unix.ENOENT)
		_, err = dir.Stat(strings.Repeat("n", 256))
		expect(t, err, unix.ENAMETOOLONG)
	})
}

func TestGivenManyEntriesThenEachComesOnce(t *testing.T) {
	dir := open(t, t.TempDir(), Kernel{})
	var wanted []string
	for i := range 3000 {
		name := fmt.Sprintf("entry-%d", i)
		wanted = append(wanted, name)
		must(t, dir.Mknod(name, 's', 0o600, 0))
	}
	slices.Sort(wanted)
	for range 2 {
		var names []string
		must(t, dir.Entries(t.Context(), func(name []byte, typ byte) error {
			if typ != 's' && typ != 0 {
				t.Errorf("%s is a %c", name, typ)
			}
			names = append(names, string(name))
			return nil
		}))
		slices.Sort(names)
		if !slices.Equal(names, wanted) {
			t.Fatal(len(names))
		}
	}
	enough := errors.New("enough")
	expect(t, dir.Entries(t.Context(), func([]byte, byte) error { return enough }), enough)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	expect(t, dir.Entries(ctx, func([]byte, byte) error { return nil }), context.Canceled)
}

func TestGivenAttributesThenTheyAreSetReadAndRemoved(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		must(t, os.WriteFile(filepath.Join(path, "f"), []byte("x"), 0o600))
		big := []byte(strings.Repeat("v", 3000))
		if err := dir.SetXattr("f", "user.big", big); errors.Is(err, unix.ENOTSUP) {
			t.Skip("no user attributes on this file system")
		} else {
			must(t, err)
		}
		must(t, dir.SetXattr(".", "user.a", nil))
		names, err := dir.ListXattrs("f")
		must(t, err)
		value, err := dir.GetXattr("f", "user.big")
		must(t, err)
		if !slices.Equal(names, []string{"user.big"}) || string(value) != string(big) {
			t.Fatal(names, len(value))
		}
		must(t, dir.RemoveXattr("f", "user.big"))
		_, err = dir.GetXattr("f", "user.big")
		expect(t, err, unix.ENODATA)
		must(t, dir.Chmod("f", 0o1751))
		must(t, dir.Utimes("f", -1_500_000_000))
		st, err := dir.Stat("f")
		must(t, err)
		if st.Mode != 0o1751 || st.Mtime != -1_500_000_000 {
			t.Fatalf("%+v", st)
		}
		must(t, dir.Sync())
	})
}

func TestGivenAClosedDirectoryThenCallsFailAndThoseUnderWayEnd(t *testing.T) {
	dir := open(t, t.TempDir(), Kernel{})
	must(t, dir.Mkdir("a", 0o700))
	fd, err := dir.hold()
	must(t, err)
	must(t, dir.Close())
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		t.Fatal("it was closed during a call")
	}
	dir.release()
	_, err = dir.Stat("a")
	expect(t, err, unix.EBADF)
}

func TestGivenALinkInTheRootsPathThenOnlyRootsIsFollowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	path := t.TempDir()
	must(t, os.Mkdir(filepath.Join(path, "real"), 0o755))
	must(t, os.Symlink("real/../real", filepath.Join(path, "link")))
	dir, err := Open(filepath.Join(path, "link"))
	must(t, err)
	must(t, dir.Close())
	must(t, os.Lchown(filepath.Join(path, "link"), 1000, 1000))
	_, err = Open(filepath.Join(path, "link"))
	expect(t, err, ErrLink)
	must(t, os.Lchown(filepath.Join(path, "link"), 0, 0))
	must(t, os.Chown(path, 1000, 1000))
	_, err = Open(filepath.Join(path, "link"))
	expect(t, err, ErrLink)
	must(t, os.Symlink("loop", filepath.Join(path, "loop")))
	must(t, os.Chown(path, 0, 0))
	_, err = Open(filepath.Join(path, "loop"))
	expect(t, err, unix.ELOOP)
	_, err = Open("relative")
	if err == nil {
		t.Fatal("a relative path was opened")
	}
}
