package update

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// place is where the program that runs lies, and what lies beside it, in the same directory so that a name can take another's place.
type place struct {
	path string
}

// runningPlace is where the kernel says that this program was started from.
func runningPlace() (place, error) {
	path, err := os.Executable()
	if err != nil {
		return place{}, fmt.Errorf("finding out where this program lies: %w", err)
	}
	return place{path}, nil
}

func (p place) beside(suffix string) string {
	return filepath.Join(filepath.Dir(p.path), "."+filepath.Base(p.path)+suffix)
}

func (p place) next() string     { return p.beside(".next") }
func (p place) mark() string     { return p.beside(".update") }
func (p place) previous() string { return p.path + ".previous" }

// isOurs is true while what lies there is the program that runs.
func (p place) isOurs() bool {
	there, err := os.Lstat(p.path)
	if err != nil {
		return false
	}
	own, err := os.Stat("/proc/self/exe")
	return err == nil && os.SameFile(there, own)
}

// check refuses a place where anybody but root could put something.
func (p place) check() error {
	if !p.isOurs() {
		return fmt.Errorf("%s is not the program that runs any more; start it again", p.path)
	}
	if err := rootsAlone(p.path, false); err != nil {
		return err
	}
	for directory := filepath.Dir(p.path); ; directory = filepath.Dir(directory) {
		if err := rootsAlone(directory, true); err != nil {
			return err
		}
		if directory == "/" {
			return nil
		}
	}
}

func rootsAlone(path string, directory bool) error {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	kind := uint32(unix.S_IFREG)
	if directory {
		kind = unix.S_IFDIR
	}
	// In a sticky directory nobody takes away what root has there.
	open := stat.Mode&0o022 != 0 && !(directory && stat.Mode&unix.S_ISVTX != 0)
	if stat.Mode&unix.S_IFMT != kind || stat.Uid != 0 || open {
		return fmt.Errorf("%s must be root's, and nobody else may write to it", path)
	}
	return nil
}

// machines by the names that Go gives them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkMachine refuses a file that is no program for this machine.
func checkMachine(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("what came is no program: %w", err)
	}
	defer file.Close()
	if want, known := machines[runtime.GOARCH]; known && file.Machine != want {
		return fmt.Errorf("what came is for another machine, %v, and this one is %s", file.Machine, runtime.GOARCH)
	}
	return nil
}

// dress gives the newer program the mode and the SELinux label of the one that it is to replace.
func (p place) dress(path string) error {
	info, err := os.Stat(p.path)
	if err != nil {
		return err
	}
	label := make([]byte, 4096)
	const name = "security.selinux"
	if n, err := unix.Getxattr(p.path, name, label); err == nil {
		if err := unix.Setxattr(path, name, label[:n], 0); err != nil {
			return fmt.Errorf("labelling %s: %w", path, err)
		}
	}
	return os.Chmod(path, info.Mode().Perm()|0o500)
}

// keepPrevious keeps the program that is in place under its second name.
func (p place) keepPrevious() error {
	beside := p.beside(".previous~")
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(p.path, beside); err != nil {
		return fmt.Errorf("keeping the program that runs: %w", err)
	}
	// Renaming one name of a file to another of it does nothing, and leaves both.
	if err := os.Remove(p.previous()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(beside, p.previous()); err != nil {
		return fmt.Errorf("keeping the program that runs: %w", err)
	}
	return syncDirectory(filepath.Dir(p.path))
}
