package service

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/memory"
)

// archived is the archive of an open tree, with its directories.
type archived struct {
	*archive.Archive
	directories []*beneath.Dir
}

func (a *archived) close() {
	for _, directory := range a.directories {
		directory.Close()
	}
}

// archiveOf opens the archive of a tree, and ends first what a crash interrupted.
func (s *Service) archiveOf(ctx context.Context, of *member, held *Held, name string) (*archived, error) {
	a, err := s.openArchive(of, held, name)
	if err != nil {
		return nil, err
	}
	if _, err := a.Finish(ctx); err != nil {
		a.close()
		return nil, fmt.Errorf("finishing a repair that was interrupted: %w", err)
	}
	return a, nil
}

func (s *Service) openArchive(of *member, held *Held, name string) (*archived, error) {
	if held.Store == nil {
		return nil, held.Why
	}
	a, tree := &archived{}, archive.Tree{Name: name, Live: held.Rows.Root(), SELinux: of.configure.Selinux}
	if s.options.Writers != nil {
		tree.Appended = appendedOn(s.options.Writers, held.Rows.Root())
	}
	for kind, to := range map[string]**beneath.Dir{memory.Stage: &tree.Stage, memory.Archive: &tree.Archive, memory.Journal: &tree.Journal} {
		directory, err := held.Store.Dir(kind)
		if err != nil {
			a.close()
			return nil, fmt.Errorf("opening its %s: %w", kind, err)
		}
		a.directories = append(a.directories, directory)
		*to = directory
	}
	a.Archive = archive.New(tree)
	return a, nil
}

// finishRepair ends what a crash interrupted, before anything else is done with the tree. What keeps it from that is told when
// something is to be replaced next; but where a file may be neither old nor new, the tree is not to be looked at before, which is the error.
func (s *Service) finishRepair(ctx context.Context, of *member, held *Held, name string) error {
	if held.Store == nil {
		return nil
	}
	s.repairing.Lock()
	defer s.repairing.Unlock()
	one, err := s.openArchive(of, held, name)
	if err != nil {
		s.options.Log.Warn("opening the archive", "tree", name, "why", err)
		return nil
	}
	defer one.close()
	_, err = one.Finish(ctx)
	if err == nil {
		return nil
	}
	s.options.Log.Warn("ending a repair that was interrupted", "tree", name, "why", err)
	if mixed, unknown := one.Mixed(ctx); !mixed && unknown == nil {
		return nil
	}
	return unfinished(err)
}

// unfinished is why a tree must not be looked at. What it is about is the repair, so only a failing disk is told as the tree's own trouble.
func unfinished(err error) error {
	if errors.Is(err, unix.EIO) {
		return fmt.Errorf("a file was being replaced when a repair was interrupted, and that cannot be ended: %w", err)
	}
	return fmt.Errorf("a file was being replaced when a repair was interrupted, and that cannot be ended: %v", err)
}

func (s *Service) archives(ctx context.Context, of *member) (all []*archived, end func(), err error) {
	s.repairing.Lock()
	end = func() {
		for _, one := range all {
			one.close()
		}
		s.repairing.Unlock()
	}
	for _, t := range of.trees {
		held, err := t.use()
		if err == nil {
			var one *archived
			if one, err = s.archiveOf(ctx, of, held, t.spec.Name); err == nil {
				all = append(all, one)
				continue
			}
		}
		end()
		return nil, nil, fmt.Errorf("the archive of %s: %w", t.spec.Name, err)
	}
	return all, end, nil
}

func plain(all []*archived) []*archive.Archive {
	archives := make([]*archive.Archive, 0, len(all))
	for _, one := range all {
		archives = append(archives, one.Archive)
	}
	return archives
}

// limits are those of the configuration; what it leaves out is as the API's defaults are.
func (of *member) limits() archive.Limits {
	limits := archive.Limits{Entries: int(of.configure.GetArchive().GetEntries()), Bytes: int64(of.configure.GetArchive().GetBytes())}
	if limits.Entries == 0 {
		limits.Entries = 20
	}
	if limits.Bytes == 0 {
		limits.Bytes = 1 << 30
	}
	return limits
}
