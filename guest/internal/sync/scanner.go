package sync

import (
	"iter"

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

// HeldBy yields the files that a scanner knows; each is looked at once.
func HeldBy(scanner *fingerprint.Scanner) iter.Seq[Held] {
	return func(yield func(Held) bool) {
		for path := range scanner.Files() {
			st, err := scanner.Root().Stat(path)
			row, known := scanner.Row(path)
			if err != nil || !known || row.Unread || row.Digest.IsZero() || st.Size < heldFrom {
				continue
			}
			held := Held{Path: path, Digest: row.Digest, Size: st.Size}
			if st.Nlink > 1 {
				e, err := scanner.Entry(path)
				if err != nil {
					continue
				}
				held.LinkTo = e.LinkTo
			}
			if !yield(held) {
				return
			}
		}
	}
}
