// Package verify proves what a member holds: rows are read back from the disk, past the page cache, and compared with what they
// must be. What was received or written proves nothing.
package verify

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"virtquorum.io/guest/internal/fingerprint"
)

// Wanted is what a row must be.
type Wanted struct {
	Path   string             // "" is the tree's root
	Digest fingerprint.Digest // zero if it must not be there
}

// Difference is a row that is not what it must be.
type Difference struct {
	Path string
	Why  string // for people
	Got  fingerprint.Digest
}

// Result of a proof. Where Total is 0 all wanted rows were read back as wanted.
type Result struct {
	Rows      int          // that were compared
	Bytes     int64        // that were read from the disk
	Different []Difference // at most mostDifferent of them
	Total     int
}

const mostDifferent = 100

// rounds is how often a row is read that is to be read again by then.
const rounds = 3

// manyRows is from how many rows on the whole tree is looked at: that costs less than so many looks.
const manyRows = 10_000

// Rows reads the wanted rows of a tree back and compares them. The scanner knows afterwards what was read. The error is the
// context's, or of a tree that cannot be looked at; a row that cannot be read is a difference. Progress may be nil.
func Rows(ctx context.Context, scanner *fingerprint.Scanner, wanted []Wanted, progress func(path string, done, size int64)) (Result, error) {
	result := Result{Rows: len(wanted)}
	var err error
	if len(wanted) < manyRows {
		_, err = scanner.Look(ctx, paths(wanted, true))
	} else {
		_, err = scanner.Walk(ctx)
	}
	if err != nil {
		return result, fmt.Errorf("looking at what is to be proven of %s: %w", scanner.Tree().Name, err)
	}
	// The event of a write that was before may come only after the row was read, so that it counts as to be read again.
	for left, round := wanted, 0; len(left) > 0 && round < rounds; round++ {
		done, err := scanner.Read(ctx, fingerprint.Reading{Paths: paths(left, false), PastCache: true, Urgent: true, Progress: progress})
		if err != nil {
			return result, fmt.Errorf("reading back %s: %w", scanner.Tree().Name, err)
		}
		result.Bytes += done.Bytes
		left = slices.DeleteFunc(slices.Clone(left), func(row Wanted) bool {
			now, there := scanner.Row(row.Path)
			return !there || !now.Unread
		})
	}
	for _, row := range wanted {
		why, got := compare(scanner, row)
		if why == "" {
			continue
		}
		if result.Total++; len(result.Different) < mostDifferent {
			result.Different = append(result.Different, Difference{row.Path, why, got})
		}
	}
	return result, nil
}

// paths are those of the wanted rows; only those that must be there can be read.
func paths(wanted []Wanted, all bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, row := range wanted {
			if (all || !row.Digest.IsZero()) && !yield(row.Path) {
				return
			}
		}
	}
}

func compare(scanner *fingerprint.Scanner, wanted Wanted) (string, fingerprint.Digest) {
	row, there := scanner.Row(wanted.Path)
	switch {
	case !there && wanted.Digest.IsZero():
		return "", row.Digest
	case !there && scanner.Excluded(wanted.Path):
		return "it is excluded on this member", row.Digest
	case !there:
		return "it is missing", row.Digest
	case wanted.Digest.IsZero():
		return "it is there and must not be", row.Digest
	case row.Trouble != "":
		return row.Trouble, row.Digest
	case row.Unread:
		return "it changes while it is read", row.Digest
	case row.Digest != wanted.Digest:
		return "it reads back otherwise", row.Digest
	}
	return "", row.Digest
}
