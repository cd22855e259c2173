package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	mostFstab  = 1 << 20
	mostMounts = 100_000
)

// One line of /etc/fstab.
type tabled struct{ point, options string }

// One line of /proc/self/mountinfo.
type mounted struct {
	id      string
	device  string // MAJOR:MINOR
	point   string
	kind    string // ext4, nfs
	options string // of the mount, and after a comma those of the file system
}

func has(options, wanted string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == wanted {
			return true
		}
	}
	return false
}

func readOnly(m mounted) bool { return has(m.options, "ro") || has(m.options, "emergency_ro") }

// A path as /etc/fstab and /proc write it: \040 stands for a space.
func unescaped(field string) string {
	if !strings.Contains(field, `\`) {
		return field
	}
	var plain strings.Builder
	for at := 0; at < len(field); at++ {
		if field[at] == '\\' && at+3 < len(field) {
			if code, err := strconv.ParseUint(field[at+1:at+4], 8, 8); err == nil {
				plain.WriteByte(byte(code))
				at += 3
				continue
			}
		}
		plain.WriteByte(field[at])
	}
	return plain.String()
}

// The mount points of an fstab, without the root and what is not mounted by itself.
func parseFstab(file []byte) []tabled {
	var found []tabled
	for line := range bytes.Lines(file) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") || !strings.HasPrefix(fields[1], "/") {
			continue
		}
		entry := tabled{point: unescaped(fields[1])}
		if len(fields) > 3 {
			entry.options = fields[3]
		}
		if entry.point != "/" {
			entry.point = strings.TrimSuffix(entry.point, "/")
		}
		found = append(found, entry)
	}
	return found
}

// A line of mountinfo: "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [more] - TYPE SOURCE OPTIONS"; false for any other.
func parseMount(line []byte) (mounted, bool) {
	before, after, ok := bytes.Cut(line, []byte(" - "))
	fields, rest := bytes.Fields(before), bytes.Fields(after)
	if !ok || len(fields) < 6 {
		return mounted{}, false
	}
	m := mounted{
		id: string(fields[0]), device: string(fields[2]), point: unescaped(string(fields[4])), options: string(fields[5]),
	}
	if len(rest) > 0 {
		m.kind = string(rest[0])
		m.options += "," + string(rest[len(rest)-1])
	}
	return m, true
}

func (g Guest) mounts() ([]mounted, error) {
	file, err := os.Open(g.path("/proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	defer file.Close()
	var found []mounted
	err = lines(file, mostMounts, func(line []byte) bool {
		if m, ok := parseMount(line); ok {
			found = append(found, m)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	return found, nil
}

// TreeCheck is a tree whose place is to be checked before it is looked at.
type TreeCheck struct {
	// Tree is its absolute path.
	Tree string
	// Memory reads from the disk of the same file system, past the page cache, what the member remembers there; nil if it
	// remembers nothing.
	Memory func() error
	// Device that the tree was on when it was last known to be in its place; 0: none is known.
	Device uint64
}

// CheckTree says by a Trouble if the tree is not what it should be: it or a file system for it is missing (NotMounted,
// PathMissing, NotADirectory), its file system became read-only (FileSystemReadOnly) or its disk fails (DiskFails). A disk that
// does not answer until the context ends is SlowLook, as is every further check while it hangs: place must be the same for all
// checks of a tree.
func (g Guest) CheckTree(ctx context.Context, place *Place, check TreeCheck) error {
	return place.alone.Do(ctx, "looking for "+check.Tree, func() error { return g.checkTree(place, check) })
}

func (g Guest) checkTree(place *Place, check TreeCheck) error {
	now := place.sights(g, check)
	if !place.isAsFound(now) {
		place.found = sight{}
		if err := g.checkMounts(check); err != nil {
			return err
		}
		place.found = now
	}
	if check.Memory == nil {
		return nil
	}
	if err := check.Memory(); errors.Is(err, unix.EIO) {
		return DiskFailure("reading the memory of "+check.Tree, err)
	}
	return nil
}

// checkMounts is the whole check but for the disk.
func (g Guest) checkMounts(check TreeCheck) error {
	// A guest without an fstab mounts otherwise.
	file, err := g.read("/etc/fstab", mostFstab)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading /etc/fstab: %w", err)
	}
	table := parseFstab(file)
	mounts, err := g.mounts()
	if err != nil {
		return err
	}
	if err := g.isMounted(check.Tree, table, mounts); err != nil {
		return err
	}
	if err := g.isDirectory(check); err != nil {
		return err
	}
	return g.isWritable(check, table, mounts)
}

// DiskFailure is the trouble of a disk that gave an error.
func DiskFailure(doing string, err error) error {
	return trouble(DiskFails, "A disk of the guest fails while %s: %v; see the guest's kernel log, and repair or replace the disk", doing, err)
}

// A file system that failed to mount leaves an empty directory: not to be taken for a deletion.
func (g Guest) isMounted(tree string, table []tabled, mounts []mounted) error {
	real := g.resolve(tree)
	for _, entry := range table {
		if entry.point == "/" || has(entry.options, "noauto") || !within(tree, entry.point) && !within(real, entry.point) {
			continue
		}
		place, there := g.resolve(entry.point), false
		for _, m := range mounts {
			there = there || m.point == place
		}
		if !there {
			return trouble(NotMounted, "%s is in /etc/fstab and not mounted, so %s is not what it should be; mount it", entry.point, tree)
		}
	}
	return nil
}

func within(path, directory string) bool {
	rest, ok := strings.CutPrefix(path, directory)
	return ok && (rest == "" || rest[0] == '/')
}

func (g Guest) isDirectory(check TreeCheck) error {
	tree, at := check.Tree, check.Tree
	if g.Root != "" {
		at = g.path(g.resolve(tree)) // an absolute link leads beneath the root too
	}
	info, err := os.Stat(at)
	switch {
	case errors.Is(err, unix.EIO):
		return DiskFailure("looking for "+tree, err)
	case errors.Is(err, fs.ErrNotExist) && check.Device != 0 && deviceAbove(at) != check.Device:
		return Unmounted(tree) // its directory went with its file system
	case errors.Is(err, fs.ErrNotExist):
		return trouble(PathMissing, "%s does not exist in the guest; create it or correct the path", tree)
	case err != nil:
		return trouble(Unreadable, "%s cannot be looked at: %v", tree, err)
	case !info.IsDir():
		return trouble(NotADirectory, "%s is not a directory; a file tree starts at a directory", tree)
	}
	return nil
}

// Unmounted is the trouble of a tree whose file system is gone while it was in use.
func Unmounted(tree string) error {
	return trouble(NotMounted, "The file system of %s is not mounted any more; mount it, or restart virtquorum-guest if the tree was moved on purpose", tree)
}

// The device of the nearest directory above that is there; 0 if that cannot be said.
func deviceAbove(path string) uint64 {
	for {
		var stat unix.Stat_t
		err := unix.Stat(path, &stat)
		if err == nil {
			return stat.Dev
		}
		above := filepath.Dir(path)
		if !errors.Is(err, unix.ENOENT) || above == path {
			return 0
		}
		path = above
	}
}

// A file system that is read-only and not meant to be: by /etc/fstab, or because nothing was ever remembered on it.
func (g Guest) isWritable(check TreeCheck, table []tabled, mounts []mounted) error {
	point, found := g.mountOf(check.Tree, mounts)
	if !found || !readOnly(point) {
		return nil
	}
	meant := check.Memory == nil
	for _, entry := range table {
		if entry.point == point.point {
			meant = has(entry.options, "ro")
			break
		}
	}
	if meant {
		return nil
	}
	return trouble(FileSystemReadOnly, "%s is mounted read-only, so nobody can write to %s; see the guest's kernel log, check the file system and mount it for writing",
		point.point, check.Tree)
}

// The mount that a path is on: by its number where the kernel tells it (5.8), else the last one at the longest point.
func (g Guest) mountOf(path string, mounts []mounted) (mounted, bool) {
	var stat unix.Statx_t
	if g.Root == "" && unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &stat) == nil && stat.Mask&unix.STATX_MNT_ID != 0 {
		id := strconv.FormatUint(stat.Mnt_id, 10)
		for _, m := range mounts {
			if m.id == id {
				return m, true
			}
		}
	}
	var best mounted
	real := g.resolve(path)
	for _, m := range mounts {
		if (m.point == "/" || within(real, m.point)) && len(m.point) >= len(best.point) {
			best = m
		}
	}
	return best, best.point != ""
}

// LocalMounts says where file systems of this machine are mounted. Those of networks and of users are left out: they may hang.
func (g Guest) LocalMounts() ([]string, error) {
	mounts, err := g.mounts()
	if err != nil {
		return nil, err
	}
	var points []string
	for _, m := range mounts {
		switch {
		case strings.HasPrefix(m.kind, "nfs"), strings.HasPrefix(m.kind, "fuse"), m.kind == "cifs", m.kind == "smb3", m.kind == "9p",
			m.kind == "ceph", m.kind == "afs", m.kind == "lustre", m.kind == "autofs":
		default:
			points = append(points, m.point)
		}
	}
	return points, nil
}

// MountPoint says where the file system of a path is mounted.
func (g Guest) MountPoint(path string) (string, error) {
	mounts, err := g.mounts()
	if err != nil {
		return "", err
	}
	m, found := g.mountOf(path, mounts)
	if !found {
		return "", fmt.Errorf("%s is on no file system that is mounted", path)
	}
	return m.point, nil
}
