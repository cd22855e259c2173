package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// markPrefix begins the name of a note beside the journal: a file is being replaced in place, and may be neither old nor new.
const markPrefix = "open-"

// marked is what the note says.
type marked struct {
	Path Path   `json:"path"`
	Ino  uint64 `json:"ino"`
}

// mark makes durable that a file is about to be replaced in place.
func (w *work) mark(s *step, ino uint64) error {
	err := w.do("mark "+s.path(), func() error {
		return writeLines(w.tree.Journal, markPrefix+s.Staged, func(encode func(any) error) error { return encode(marked{s.Row.Path, ino}) })
	})
	if err == nil {
		w.marks[s.Staged] = ino
	}
	return err
}

// marks are the inodes of files that were begun to be replaced in place, by what is staged for them.
func (a *Archive) marks(ctx context.Context) (map[string]uint64, error) {
	found := map[string]uint64{}
	names, err := a.markNames(ctx)
	for _, name := range names {
		if err != nil {
			break
		}
		var m marked
		if err = readLines(a.tree.Journal, name, &m, nil); err == nil {
			found[strings.TrimPrefix(name, markPrefix)] = m.Ino
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading which files were replaced in place: %w", err)
	}
	return found, nil
}

func (a *Archive) markNames(ctx context.Context) (names []string, err error) {
	err = a.tree.Journal.Entries(ctx, func(entry []byte, _ byte) error {
		if name := string(entry); strings.HasPrefix(name, markPrefix) && !strings.HasSuffix(name, "~") {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// forgetMarks removes notes that no journal belongs to any more.
func (a *Archive) forgetMarks(ctx context.Context) error {
	names, err := a.markNames(ctx)
	for _, name := range names {
		if err == nil || errors.Is(err, unix.ENOENT) {
			err = a.tree.Journal.Unlink(name)
		}
	}
	if err == nil && len(names) > 0 {
		err = a.tree.Journal.Sync()
	}
	return err
}
