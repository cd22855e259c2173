package memory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// Kept is the archive of one tree as it lies on a file system, found without what the tree's cluster is asked with.
type Kept struct {
	Tree    string       // its name in the spec
	Archive *beneath.Dir // for the caller to close
}

// Archives finds those of a file system by its mount point; none is no error. Nothing is made, and only what is root's alone (or whose
// runs this) is believed.
func Archives(ctx context.Context, point *beneath.Dir) (found []Kept, err error) {
	own, err := kept(point, fingerprint.Own)
	if own == nil || err != nil {
		return nil, err
	}
	defer own.Close()
	var folders []string
	err = own.Entries(ctx, func(name []byte, _ byte) error {
		folders = append(folders, string(name))
		return nil
	})
	for _, name := range folders {
		if err != nil {
			break
		}
		at := strings.LastIndexByte(name, '+')
		if at < 0 {
			continue
		}
		var of, archive *beneath.Dir
		if of, err = kept(own, name); of == nil {
			continue
		}
		if archive, err = kept(of, Archive); archive != nil {
			tree, unescaped := url.PathUnescape(name[at+1:])
			if unescaped != nil {
				tree = name[at+1:]
			}
			found = append(found, Kept{tree, archive})
		}
		of.Close()
	}
	return found, err
}

// kept opens a directory that is root's alone; nil if there is none.
func kept(in *beneath.Dir, name string) (*beneath.Dir, error) {
	dir, err := in.Sub(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, beneath.ErrLink) || errors.Is(err, beneath.ErrMount) {
		return nil, nil // whatever that is, it is none
	}
	if err == nil {
		if err = mine(dir, name); err != nil {
			dir.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return dir, nil
}
