package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const mostWriters = 16

// Use is how processes may write to a file.
type Use struct {
	// Mapped says that a process has it mapped for writing: a store moves no ctime until the page is written out.
	Mapped bool
	// Open says that a process has it open for writing.
	Open bool
	// AppendOnly says that every one that has it open for writing has it O_APPEND, and none has it mapped.
	AppendOnly bool
	// Processes are those that have, at most 16.
	Processes []int
}

func (u *Use) by(process int) {
	for _, known := range u.Processes {
		if known == process {
			return
		}
	}
	if len(u.Processes) < mostWriters {
		u.Processes = append(u.Processes, process)
	}
}

// Writers says which of these inodes of a file system a process has mapped or open for writing. directory is the fd of an
// open directory of that file system; Volatile is true instead on a file system in memory, where nothing can rot and a store through a mapping
// moves no ctime: there every file counts as written.
//
// A process that begins or ends meanwhile may be missed. What cannot be read of a process is left out: it ends just then.
func (g Guest) Writers(ctx context.Context, directory int, inodes []uint64) (uses map[uint64]Use, volatile bool, err error) {
	var system unix.Statfs_t
	if err := unix.Fstatfs(directory, &system); err != nil {
		return nil, false, fmt.Errorf("asking for the type of the file system: %w", err)
	}
	if system.Type == unix.TMPFS_MAGIC || system.Type == unix.RAMFS_MAGIC {
		return nil, true, nil
	}
	w, err := g.use(ctx, directory, inodes, true)
	if err != nil {
		return nil, false, err
	}
	return w.uses, false, nil
}

// Holders says who has these inodes of a file system mapped or open for writing, on a file system in memory too.
func (g Guest) Holders(ctx context.Context, directory int, inodes []uint64) (map[uint64]Use, error) {
	w, err := g.use(ctx, directory, inodes, true)
	if err != nil {
		return nil, err
	}
	return w.uses, nil
}

// Mapped says which of these inodes a process has mapped for writing, on a file system in memory too.
func (g Guest) Mapped(ctx context.Context, directory int, inodes []uint64) (map[uint64]bool, error) {
	w, err := g.use(ctx, directory, inodes, false)
	if err != nil {
		return nil, err
	}
	mapped := map[uint64]bool{}
	for inode := range w.uses {
		mapped[inode] = true
	}
	return mapped, nil
}

// use looks at all processes; opened: also at what they have open and not mapped.
func (g Guest) use(ctx context.Context, directory int, inodes []uint64, opened bool) (*writers, error) {
	w := &writers{guest: g, wanted: map[uint64]bool{}, uses: map[uint64]Use{}}
	if err := w.place(directory); err != nil {
		return nil, err
	}
	for _, inode := range inodes {
		w.wanted[inode] = true
	}
	processes, err := g.processes()
	if err != nil {
		return nil, err
	}
	for _, process := range processes {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("looking for who has files open: %w", err)
		}
		w.maps(process)
		if opened {
			w.opened(process)
		}
	}
	return w, nil
}

func (g Guest) processes() ([]int, error) {
	directory, err := os.Open(g.path("/proc"))
	if err != nil {
		return nil, fmt.Errorf("listing the processes: %w", err)
	}
	defer directory.Close()
	var found []int
	for {
		names, err := directory.Readdirnames(1024)
		for _, name := range names {
			if process, err := strconv.Atoi(name); err == nil {
				found = append(found, process)
			}
		}
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the processes: %w", err)
		}
	}
}

type writers struct {
	guest  Guest
	mapped string // device as maps have it
	device uint64 // as stat has it
	wanted map[uint64]bool
	uses   map[uint64]Use
}

func (w *writers) place(directory int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(directory, &stat); err != nil {
		return fmt.Errorf("asking for the device of the tree: %w", err)
	}
	w.device = stat.Dev
	w.mapped = fmt.Sprintf("%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	// What stat says of a btrfs is another number than that in maps, which is the one of mountinfo.
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(directory))
	if err != nil {
		return fmt.Errorf("asking where the tree is: %w", err)
	}
	mounts, err := Guest{}.mounts()
	if err != nil {
		return err
	}
	if m, found := (Guest{}).mountOf(path, mounts); found {
		w.mapped = m.device
	}
	return nil
}

func (w *writers) maps(process int) {
	file, err := os.Open(w.guest.path(fmt.Sprintf("/proc/%d/maps", process)))
	if err != nil {
		return
	}
	defer file.Close()
	_ = lines(file, 1<<24, func(line []byte) bool {
		device, inode, ok := parseMapped(line)
		if ok && w.wanted[inode] && device == w.mapped {
			use := w.uses[inode]
			use.Mapped, use.AppendOnly = true, false
			use.by(process)
			w.uses[inode] = use
		}
		return true
	})
}

// The device as MAJOR:MINOR in decimal, and the inode, of a line of maps that is shared and may be written.
func parseMapped(line []byte) (device string, inode uint64, ok bool) {
	_, rest := word(line)
	how, rest := word(rest)
	if len(how) != 4 || how[1] != 'w' || how[3] != 's' {
		return "", 0, false
	}
	_, rest = word(rest)
	where, rest := word(rest)
	number, _ := word(rest)
	major, minor, ok := bytes.Cut(where, []byte(":"))
	if !ok {
		return "", 0, false
	}
	high, err := strconv.ParseUint(string(major), 16, 32)
	if err != nil {
		return "", 0, false
	}
	low, err := strconv.ParseUint(string(minor), 16, 32)
	if err != nil {
		return "", 0, false
	}
	inode, err = strconv.ParseUint(string(number), 10, 64)
	return fmt.Sprintf("%d:%d", high, low), inode, err == nil && inode != 0
}

func (w *writers) opened(process int) {
	directory, err := os.Open(w.guest.path(fmt.Sprintf("/proc/%d/fdinfo", process)))
	if err != nil {
		return
	}
	defer directory.Close()
	for {
		names, err := directory.Readdirnames(1024)
		for _, name := range names {
			w.descriptor(process, name)
		}
		if err != nil {
			return
		}
	}
}

func (w *writers) descriptor(process int, name string) {
	said, err := w.guest.read(fmt.Sprintf("/proc/%d/fdinfo/%s", process, name), 4096)
	if err != nil {
		return
	}
	flags, inode := parseDescriptor(said)
	if flags&unix.O_ACCMODE == unix.O_RDONLY || flags&unix.O_PATH != 0 || inode != 0 && !w.wanted[inode] {
		return
	}
	// Only what is wanted is looked at closer (before 5.14 all): a file on a disk or a server that hangs may hang this too,
	// so the kernel is asked for what it knows.
	var stat unix.Statx_t
	link := w.guest.path(fmt.Sprintf("/proc/%d/fd/%s", process, name))
	if unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, unix.STATX_INO|unix.STATX_TYPE, &stat) != nil {
		return
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG || !w.wanted[stat.Ino] || unix.Mkdev(stat.Dev_major, stat.Dev_minor) != w.device {
		return
	}
	use, known := w.uses[stat.Ino]
	appends := flags&unix.O_APPEND != 0
	use.AppendOnly = appends && (!known || use.AppendOnly)
	use.Open = true
	use.by(process)
	w.uses[stat.Ino] = use
}

// The flags of an fdinfo, and the inode, or 0 where the kernel does not tell it.
func parseDescriptor(said []byte) (flags int, inode uint64) {
	for line := range bytes.Lines(said) {
		key, rest := word(line)
		value, _ := word(rest)
		switch string(key) {
		case "flags:":
			parsed, _ := strconv.ParseInt(string(value), 8, 64)
			flags = int(parsed)
		case "ino:":
			inode, _ = strconv.ParseUint(string(value), 10, 64)
		case "inotify", "fanotify", "tfd:", "eventfd-count:":
			return flags, inode // of what is watched, not of the descriptor
		}
	}
	return flags, inode
}

// Process says what a process is, for people: the name of its command, and the systemd unit that it belongs to, "" where that is not
// known.
func (g Guest) Process(process int) (command, unit string) {
	if said, err := g.read(fmt.Sprintf("/proc/%d/comm", process), 64); err == nil {
		command = clean(string(bytes.TrimSpace(said)))
	}
	said, err := g.read(fmt.Sprintf("/proc/%d/cgroup", process), 64<<10)
	if err != nil {
		return command, ""
	}
	for line := range bytes.Lines(said) {
		for part := range strings.SplitSeq(string(bytes.TrimSpace(line)), "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				unit = clean(part)
			}
		}
	}
	return command, unit
}
