package service

import (
	"context"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

// WriterFinder says who can write to files without that a ctime tells of it at once. evidence.Guest is one.
type WriterFinder interface {
	Writers(ctx context.Context, directory int, inodes []uint64) (uses map[uint64]evidence.Use, volatile bool, err error)
	Holders(ctx context.Context, directory int, inodes []uint64) (map[uint64]evidence.Use, error)
	Mapped(ctx context.Context, directory int, inodes []uint64) (map[uint64]bool, error)
	Process(process int) (command, unit string)
}

// uses asks who can write to inodes of the file system that the directory is on.
func uses(ctx context.Context, finder WriterFinder, directory *beneath.Dir, inodes []uint64) (found map[uint64]evidence.Use, volatile bool, err error) {
	err = directory.Control(func(fd int) error {
		found, volatile, err = finder.Writers(ctx, fd, inodes)
		return err
	})
	return found, volatile, err
}

// appendedOn finds the inodes of a file system that somebody has open for writing, and everybody who has only to append: what they write
// comes after everything else, whatever becomes of that. On a file system in memory none are known.
func appendedOn(finder WriterFinder, directory *beneath.Dir) func(ctx context.Context, inodes []uint64) (map[uint64]bool, error) {
	return func(ctx context.Context, inodes []uint64) (map[uint64]bool, error) {
		found, _, err := uses(ctx, finder, directory, inodes)
		appended := map[uint64]bool{}
		for inode, use := range found {
			appended[inode] = use.AppendOnly
		}
		return appended, err
	}
}

// addMapped says of changes of which nothing else tells who made them, so that they would be taken for rot, whether somebody has
// the file mapped for writing: a store through a mapping moves no ctime until its page is written out. On a file system in memory
// every change is somebody's.
func addMapped(ctx context.Context, finder WriterFinder, directory *beneath.Dir, changes []*wire.Change, inodeOf func(path string) uint64) {
	suspects := map[uint64][]*wire.Change{}
	var inodes []uint64
	for _, one := range changes {
		if len(one.Before) > 0 && len(one.Now) > 0 && !one.CtimeMoved && !one.InodeMoved && !one.Foreign {
			inode := inodeOf(string(one.Path))
			suspects[inode] = append(suspects[inode], one)
			inodes = append(inodes, inode)
		}
	}
	if len(inodes) == 0 {
		return
	}
	found, volatile, err := uses(ctx, finder, directory, inodes)
	for inode, changes := range suspects {
		for _, one := range changes {
			one.Mapped = volatile || found[inode].Mapped || err != nil // what is not known is no rot
		}
	}
}
