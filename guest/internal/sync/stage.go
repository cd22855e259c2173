package sync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// stage is where the rows of one tree arrive: a flat directory, in which each has a name made of its path's hash and its digest, so
// that nothing that another machine says is ever used as a name.
type stage struct {
	tree    *FetchTree
	names   []string
	present []bool // staged by an earlier fetch
	headers []*header
	paths   map[string]int // of rows that others may be links to
	free    int64          // bytes of the disk that nothing is meant for yet
	kept    int
}

// partial is what the name of a file has at its end that an earlier fetch did not complete: its bytes are compared with.
const partial = "~"

// reserve is what must stay free for everything that is not content, in bytes.
const reserve = 1 << 20

func stageName(row *Wanted) string {
	path := sha256.Sum256([]byte(row.Path))
	return hex.EncodeToString(path[:16]) + hex.EncodeToString(row.Digest[:16])
}

// openStage keeps of the stage what still fits, and removes the rest.
func openStage(ctx context.Context, tree *FetchTree) (*stage, error) {
	s := &stage{
		tree: tree, names: make([]string, len(tree.Rows)), present: make([]bool, len(tree.Rows)),
		headers: make([]*header, len(tree.Rows)), paths: make(map[string]int, len(tree.Rows)),
	}
	byName := make(map[string]int, len(tree.Rows))
	for at := range tree.Rows {
		s.names[at] = stageName(&tree.Rows[at])
		byName[s.names[at]] = at
		s.paths[tree.Rows[at].Path] = at
	}
	var found []string
	err := tree.Stage.Entries(ctx, func(name []byte, _ byte) error {
		found = append(found, string(name))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at what was staged of %s: %w", tree.Name, err)
	}
	for _, name := range found {
		at, wanted := byName[strings.TrimSuffix(name, partial)]
		if wanted && name == s.names[at] {
			if s.fits(ctx, at) {
				s.present[at] = true
				s.kept++
				continue
			}
			err = s.setAside(name)
		} else if !wanted {
			err = RemoveAll(ctx, tree.Stage, name)
		}
		if err != nil {
			return nil, fmt.Errorf("clearing what was staged of %s: %w", tree.Name, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return s, s.measure()
}

func (s *stage) missing() int { return len(s.names) - s.kept }

// fits reads back what is staged for a row.
func (s *stage) fits(ctx context.Context, at int) bool {
	h, err := readBack(ctx, s.tree.Hashing, s.tree.Stage, s.names[at], "")
	if err != nil || s.tree.digest(h) != s.tree.Rows[at].Digest {
		return false
	}
	s.headers[at] = h
	return true
}

// setAside keeps a file that is not complete for comparing, if it is worth that.
func (s *stage) setAside(name string) error {
	st, err := s.tree.Stage.Stat(name)
	if err != nil {
		return err
	}
	if st.Type == 'f' && st.Size >= deltaFrom && st.Nlink == 1 {
		return s.tree.Stage.Rename(name, s.tree.Stage, name+partial, 0)
	}
	return RemoveAll(context.Background(), s.tree.Stage, name)
}

// RemoveAll removes a name of the program's own directories with all that is in it; there it is alone.
func RemoveAll(ctx context.Context, dir *beneath.Dir, name string) error {
	err := dir.Unlink(name)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return err
	}
	sub, err := dir.Sub(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		var some []string
		err := sub.Entries(ctx, func(name []byte, _ byte) error {
			some = append(some, string(name))
			if len(some) == 1000 {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if len(some) == 0 {
			return dir.Rmdir(name)
		}
		for _, one := range some {
			if err := RemoveAll(ctx, sub, one); err != nil {
				return err
			}
		}
	}
}

var errEnough = errors.New("enough for now")

// measure looks how much room there is.
func (s *stage) measure() error {
	return s.tree.Stage.Control(func(fd int) error {
		var st unix.Statfs_t
		if err := unix.Fstatfs(fd, &st); err != nil {
			return fmt.Errorf("looking for room for %s: %w", s.tree.Name, err)
		}
		s.free = int64(st.Bavail)*st.Bsize - reserve
		return nil
	})
}

// room takes the room for a file, before a byte of it comes.
func (s *stage) room(h *header) error {
	need := min(h.allocated, h.size+4095)
	if need > s.free {
		s.dropPartials()
	}
	if need > s.free {
		return fmt.Errorf("%w: what is to come to %s needs %d bytes more, and %d may be used; make room on it", ErrFull, s.tree.Name, need, max(0, s.free))
	}
	s.free -= need
	return nil
}

// dropPartials gives up what earlier fetches had of files, where a disk has no room for both that and the whole file: more bytes cross.
func (s *stage) dropPartials() {
	for _, name := range s.names {
		if st, err := s.tree.Stage.Stat(name + partial); err == nil && s.tree.Stage.Unlink(name+partial) == nil {
			s.free += st.Blocks * 512
		}
	}
}

// make stages what has no content.
func (s *stage) make(i *item) error {
	dir, name, h := s.tree.Stage, s.names[i.at], i.header
	var err error
	switch h.kind {
	case 'd':
		err = dir.Mkdir(name, 0o700)
	case 'l':
		err = dir.Symlink(h.target, name)
	case 'p':
		err = dir.Mkfifo(name, 0o600)
	default:
		err = dir.Mknod(name, h.kind, 0o600, h.rdev)
	}
	if err == nil {
		err = dir.Chown(name, h.uid, h.gid)
	}
	for _, x := range h.xattrs {
		if err == nil {
			err = dir.SetXattr(name, x.name, []byte(x.value))
		}
	}
	if err == nil && h.kind != 'l' {
		err = dir.Chmod(name, h.mode)
	}
	if err == nil {
		err = dir.Utimes(name, h.mtime)
	}
	if err != nil {
		return local(fmt.Sprintf("staging %q", i.path()), err)
	}
	return nil
}

// create makes the file that a content comes into.
func (s *stage) create(i *item) (*os.File, error) {
	name := s.names[i.at]
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL
	f, err := s.tree.Stage.OpenRegular(name, flags, 0o600)
	if errors.Is(err, unix.EEXIST) { // what came first was not the content
		if err = s.tree.Stage.Unlink(name); err == nil {
			f, err = s.tree.Stage.OpenRegular(name, flags, 0o600)
		}
	}
	if err != nil {
		return nil, local(fmt.Sprintf("staging %q", i.path()), err)
	}
	return f, nil
}

// complete gives a file that has its content its length and its metadata.
func (s *stage) complete(i *item, f *os.File) error {
	h, fd := i.header, int(f.Fd())
	err := f.Truncate(h.size)
	if err == nil {
		err = f.Chown(int(int32(h.uid)), int(int32(h.gid))) // first: it takes set-id bits and capabilities away
	}
	for _, x := range h.xattrs {
		if err == nil {
			err = unix.Fsetxattr(fd, x.name, []byte(x.value), 0)
		}
	}
	if err == nil {
		err = unix.Fchmod(fd, h.mode)
	}
	if err == nil {
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(h.mtime)}
		err = unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), times, 0)
	}
	if err == nil && h.size >= deltaFrom {
		if err = s.tree.Stage.Unlink(s.names[i.at] + partial); errors.Is(err, unix.ENOENT) {
			err = nil
		}
	}
	if err != nil {
		return local(fmt.Sprintf("staging %q", i.path()), err)
	}
	return nil
}

func (s *stage) staged() []Staged {
	rows := make([]Staged, len(s.names))
	for at, h := range s.headers {
		rows[at] = Staged{
			Path: s.tree.Rows[at].Path, Name: s.names[at], Digest: s.tree.Rows[at].Digest,
			Type: h.kind, LinkTo: h.linkTo, Mtime: h.mtime, Size: h.size,
		}
	}
	return rows
}
