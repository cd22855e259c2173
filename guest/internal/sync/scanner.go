package sync

import (
	"iter"
	gosync "sync"

	"virtquorum.io/guest/internal/fingerprint"
)

// ServedBy offers the rows that a scanner knows. rows, if it is not nil, says which of them: an order for some serves no others.
func ServedBy(scanner *fingerprint.Scanner, hashing Hashing, rows func(path string) bool) Served {
	return Served{
		Name: scanner.Tree().Name, Dir: scanner.Root(), Hashing: hashing,
		Row: func(path string) (Listed, bool) {
			row, known := scanner.Row(path)
			if !known || row.Digest.IsZero() || rows != nil && !rows(path) {
				return Listed{}, false
			}
			e, err := scanner.Entry(path) // for its other names
			return Listed{Digest: row.Digest, LinkTo: e.LinkTo}, err == nil
		},
	}
}

// HeldBy yields the files that a scanner knows by their size, those with a digest first. Which have which is found out when it is asked first.
func HeldBy(scanner *fingerprint.Scanner) func(size int64, digest fingerprint.Digest) iter.Seq[Held] {
	sizes := gosync.OnceValue(func() *fingerprint.Sizes { return scanner.Sizes(heldFrom) })
	return func(size int64, digest fingerprint.Digest) iter.Seq[Held] {
		return func(yield func(Held) bool) {
			for row, link := range sizes().Of(size, digest) {
				if !yield(Held{Path: row.Path, Digest: row.Digest, Size: size, LinkTo: link}) {
					return
				}
			}
		}
	}
}
