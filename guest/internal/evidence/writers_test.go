package evidence

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// A new ext4 that goes with the test.
func disk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it mounts a file system")
	}
	image, at := filepath.Join(t.TempDir(), "disk"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, at}} {
		if said, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no disk can be had here: %v: %s", command, said)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Error(err)
		}
	})
	return at
}

func TestGivenWhoHasAFileMappedOrOpenThenItIsSaidHow(t *testing.T) {
	at := disk(t)
	directory, err := os.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	inodes := map[string]uint64{}
	for _, c := range []struct {
		name  string
		flags int
		close bool
	}{
		{"nobody", os.O_RDWR, true}, {"reader", os.O_RDONLY, false}, {"writer", os.O_WRONLY, false}, {"appender", os.O_WRONLY | os.O_APPEND, false},
		{"mixed", os.O_WRONLY | os.O_APPEND, false}, {"mapped", os.O_RDWR, true}, {"private", os.O_RDWR, true}, {"unwanted", os.O_RDWR, false},
	} {
		path := filepath.Join(at, c.name)
		if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, c.flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		inodes[c.name] = stat.Ino
		if kind := map[string]int{"mapped": unix.MAP_SHARED, "private": unix.MAP_PRIVATE}[c.name]; kind != 0 {
			page, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, kind)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Munmap(page) }()
		}
		if c.close {
			file.Close()
		} else {
			defer file.Close()
		}
	}
	other, err := os.OpenFile(filepath.Join(at, "mixed"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var wanted []uint64
	for name, inode := range inodes {
		if name != "unwanted" {
			wanted = append(wanted, inode)
		}
	}
	uses, volatile, err := Guest{}.Writers(t.Context(), int(directory.Fd()), wanted)
	if err != nil || volatile {
		t.Fatal(err, volatile)
	}
	for name, want := range map[string]string{
		"writer": "{false true false [%d]}", "appender": "{false true true [%d]}", "mixed": "{false true false [%d]}", "mapped": "{true false false [%d]}",
	} {
		if got := fmt.Sprint(uses[inodes[name]]); got != fmt.Sprintf(want, os.Getpid()) {
			t.Errorf("%s: %s", name, got)
		}
		delete(uses, inodes[name])
	}
	if len(uses) != 0 {
		t.Error(uses)
	}
}

func TestGivenAFileSystemInMemoryThenEveryFileCountsAsWritten(t *testing.T) {
	directory, err := os.Open("/dev/shm")
	if err != nil {
		t.Skip(err)
	}
	defer directory.Close()
	if _, volatile, err := (Guest{}).Writers(t.Context(), int(directory.Fd()), nil); err != nil || !volatile {
		t.Skip("it is none here")
	}
}

func TestGivenLinesOfProcThenTheyAreUnderstood(t *testing.T) {
	device, inode, ok := parseMapped([]byte("7f00-7f01 rw-s 00000000 fd:0a 42    /a (deleted)"))
	if device != "253:10" || inode != 42 || !ok {
		t.Error(device, inode, ok)
	}
	flags, inode := parseDescriptor([]byte("pos:\t0\nflags:\t02102001\nmnt_id:\t1\nino:\t77\n"))
	if flags&unix.O_ACCMODE != unix.O_WRONLY || flags&unix.O_APPEND == 0 || inode != 77 {
		t.Error(flags, inode)
	}
	flags, inode = parseDescriptor([]byte("pos:\t0\nflags:\t00\nino:\t3\ninotify wd:1 ino:77 sdev:1\n"))
	if flags != 0 || inode != 3 {
		t.Error(flags, inode)
	}
	if processes, err := (Guest{}).processes(); err != nil || !slices.Contains(processes, os.Getpid()) {
		t.Error(processes, err)
	}
}

func FuzzMapped(f *testing.F) {
	f.Add([]byte("7f00-7f01 rw-s 00000000 fd:0a 42    /a"))
	f.Add([]byte("flags: 01\nino: 7\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		parseMapped(line)
		parseDescriptor(line)
	})
}
