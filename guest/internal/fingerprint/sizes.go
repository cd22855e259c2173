package fingerprint

import (
	"cmp"
	"iter"
	"slices"
)

// Sizes finds the regular files of a tree by their size, as they were known when it was made. Safe for many goroutines.
type Sizes struct {
	rows  *Scanner
	files []sizedFile // by size
}

type sizedFile struct {
	size   int64
	record uint32
}

// Sizes remembers the files that have at least so many bytes, at 16 bytes of memory a file. Nothing is read.
func (s *Scanner) Sizes(least int64) *Sizes {
	z := &Sizes{rows: s}
	s.mu.Lock()
	if !s.closed {
		for _, i := range s.table.order {
			if r := s.table.at(i); r.flags&gone == 0 && r.typ == 'f' && r.size >= least {
				z.files = append(z.files, sizedFile{r.size, i})
			}
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(z.files, func(x, y sizedFile) int { return cmp.Compare(x.size, y.size) })
	return z
}

// Of gives the files of a size that still have it and were read since they moved last, by the bytes of their paths, each with the first
// path of the same inode if that is another.
func (z *Sizes) Of(size int64) iter.Seq2[Row, string] {
	return func(yield func(Row, string) bool) {
		at, _ := slices.BinarySearchFunc(z.files, size, func(f sizedFile, size int64) int { return cmp.Compare(f.size, size) })
		for ; at < len(z.files) && z.files[at].size == size; at++ {
			row, link, still := z.rows.sized(z.files[at])
			if still && !yield(row, link) {
				return
			}
		}
	}
}

// sized is what a record is by now: its number may be another row's.
func (s *Scanner) sized(file sizedFile) (row Row, link string, still bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Row{}, "", false
	}
	r := s.table.at(file.record)
	if r.flags&(gone|unread) != 0 || r.typ != 'f' || r.size != file.size {
		return Row{}, "", false
	}
	if r.link != 0 {
		link = string(s.table.path(r.link - 1))
	}
	return s.row(file.record), link, true
}
