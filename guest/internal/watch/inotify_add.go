package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const mostDeep = 4096 // directories below each other that are watched; each costs an open descriptor while they are added

// A directory whose listing is under way: first it is watched, then listed, so that what comes between is seen twice rather
// than never.
type listing struct {
	at    *node
	fd    int
	names []string // directories that are still to be added
}

// Watches a directory, open as fd which this closes, and all beneath it on the same mount.
func (i *inotify) addAll(ctx context.Context, parent *node, name string, fd int) error {
	home, err := mountOf(int(i.root.Fd()))
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("asking for the mount of the tree: %w", err)
	}
	var open []listing
	defer func() {
		for _, l := range open {
			unix.Close(l.fd)
		}
	}()
	enter := func(parent *node, name string, fd int) error {
		if mount, err := mountOf(fd); err != nil || mount != home {
			unix.Close(fd)
			return nil // another file system, which is no part of the tree
		}
		list, err := unix.Openat(fd, ".", unix.O_RDONLY|directoryFlags, 0)
		if err != nil {
			unix.Close(fd)
			if parent == nil || errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
				return fmt.Errorf("opening a directory to list it: %w", err)
			}
			return nil
		}
		at, err := i.watch(parent, name, fd)
		if err != nil || at == nil {
			unix.Close(list)
			return err
		}
		names, err := i.directoriesIn(list, at)
		if err != nil {
			unix.Close(list)
			return fmt.Errorf("listing %q to watch it: %w", at.path(), err)
		}
		if len(open) >= mostDeep {
			unix.Close(list)
			return fmt.Errorf("directories are nested deeper than %d", mostDeep)
		}
		open = append(open, listing{at, list, names})
		return nil
	}
	if err := enter(parent, name, fd); err != nil {
		return err
	}
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := &open[len(open)-1]
		if len(last.names) == 0 {
			unix.Close(last.fd)
			open = open[:len(open)-1]
			continue
		}
		name := last.names[len(last.names)-1]
		last.names = last.names[:len(last.names)-1]
		fd, err := unix.Openat(last.fd, name, unix.O_PATH|directoryFlags|unix.O_NOFOLLOW, 0)
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			return fmt.Errorf("opening a directory to watch it: %w", err)
		}
		if err != nil {
			continue // gone meanwhile, or no directory any more: its event follows
		}
		if err := enter(last.at, name, fd); err != nil {
			return err
		}
	}
	return nil
}

// The names of the directories in one, without those that are to be skipped.
func (i *inotify) directoriesIn(fd int, at *node) ([]string, error) {
	var names []string
	path := at.path()
	buffer := make([]byte, 32<<10)
	for {
		n, err := ignoringEINTR(func() (int, error) { return unix.Getdents(fd, buffer) })
		if errors.Is(err, unix.ENOENT) {
			return nil, nil // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return names, nil
		}
		for read := buffer[:n]; len(read) > 0; {
			name, kind, rest, ok := parseDirent(read)
			if !ok {
				return nil, os.ErrInvalid
			}
			read = rest
			if name == "." || name == ".." || kind != unix.DT_DIR && kind != unix.DT_UNKNOWN || i.options.Skip(joined(path, name)) {
				continue
			}
			if len(names) >= i.options.MostDirectories {
				return nil, errTooManyWatches
			}
			names = append(names, name)
		}
	}
}

// Takes the first entry of a listing, and gives the rest.
func parseDirent(read []byte) (name string, kind byte, rest []byte, ok bool) {
	const nameAt = 19
	if len(read) <= nameAt {
		return "", 0, nil, false
	}
	size := int(binary.NativeEndian.Uint16(read[16:]))
	if size <= nameAt || size > len(read) {
		return "", 0, nil, false
	}
	end := nameAt
	for end < size && read[end] != 0 {
		end++
	}
	return string(read[nameAt:end]), read[18], read[size:], true
}

// A mount: the device, and the number of the mount where the kernel tells it (5.8).
type mount struct{ device, id uint64 }

func mountOf(fd int) (mount, error) {
	var stat unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &stat)
	if err != nil {
		var old unix.Stat_t
		if err := unix.Fstat(fd, &old); err != nil {
			return mount{}, err
		}
		return mount{device: old.Dev}, nil
	}
	found := mount{device: unix.Mkdev(stat.Dev_major, stat.Dev_minor)}
	if stat.Mask&unix.STATX_MNT_ID != 0 {
		found.id = stat.Mnt_id
	}
	return found, nil
}
