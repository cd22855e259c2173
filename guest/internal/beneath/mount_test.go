package beneath

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted mounts something and unmounts it at the end; it skips the test where that is not allowed.
func mounted(t *testing.T, source, target, kind string, flags uintptr) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := unix.Mount(source, target, kind, flags, ""); err != nil {
		t.Skip("cannot mount here: ", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(target, unix.MNT_DETACH)) })
}

func TestGivenAMountBelowThenItIsSeenAndNotEntered(t *testing.T) {
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		must(t, dir.Mkdir("m", 0o700))
		mounted(t, "none", filepath.Join(path, "m"), "tmpfs", 0)
		must(t, os.Mkdir(filepath.Join(path, "m", "sub"), 0o700))
		st, err := dir.Stat("m")
		must(t, err)
		if !dir.Elsewhere(st) || st.Type != 'd' {
			t.Fatalf("%+v", st)
		}
		_, err = dir.Sub("m")
		expect(t, err, ErrMount)
		_, err = dir.Stat("m/sub")
		expect(t, err, ErrMount)
		expect(t, dir.Chmod("m", 0o777), ErrMount)
		expect(t, dir.Chown("m", 1, 1), ErrMount)
		expect(t, dir.Rmdir("m"), unix.EBUSY)
		below := open(t, filepath.Join(path, "m", "sub"), Kernel{})
		point, err := below.MountPoint()
		must(t, err)
		defer point.Close()
		if _, err := point.Stat("sub"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGivenABindMountOfTheSameFileSystemThenItIsNotEntered(t *testing.T) {
	for _, kernel := range []Kernel{{}, {NoOpenat2: true}} {
		path := t.TempDir()
		dir := open(t, path, kernel)
		must(t, dir.Mkdir("from", 0o700))
		must(t, dir.Mkdir("to", 0o700))
		must(t, os.WriteFile(filepath.Join(path, "file"), nil, 0o600))
		must(t, os.WriteFile(filepath.Join(path, "over"), nil, 0o600))
		mounted(t, filepath.Join(path, "from"), filepath.Join(path, "to"), "", unix.MS_BIND)
		mounted(t, filepath.Join(path, "file"), filepath.Join(path, "over"), "", unix.MS_BIND)
		_, err := dir.Sub("to")
		expect(t, err, ErrMount)
		_, err = dir.OpenRegular("over", unix.O_RDONLY, 0)
		expect(t, err, ErrMount)
	}
}

func TestGivenAnImmutableFileThenStatSaysSo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	onEach(t, func(t *testing.T, dir *Dir, path string) {
		file, err := dir.OpenRegular("f", unix.O_RDWR|unix.O_CREAT, 0o600)
		must(t, err)
		defer file.Close()
		if err := unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, 0x10); err != nil {
			t.Skip("no immutable files here: ", err)
		}
		st, err := dir.Stat("f")
		must(t, unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, 0))
		must(t, err)
		if !st.Immutable {
			t.Fatalf("%+v", st)
		}
		if st, err = dir.Stat("f"); err != nil || st.Immutable {
			t.Fatalf("%+v %v", st, err)
		}
	})
}
