package fingerprint

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// Sizes finds the regular files of a tree by their size, as they were known when it was made. Safe for many goroutines.
type Sizes struct {
	rows  *Scanner
	files []sizedFile // by size, and by digest
}

type sizedFile struct {
	size   int64
	digest uint64 // the first bytes of it
	record uint32
}

func (f sizedFile) compare(other sizedFile) int {
	return cmp.Or(cmp.Compare(f.size, other.size), cmp.Compare(f.digest, other.digest))
}

func beginning(d Digest) uint64 { return binary.BigEndian.Uint64(d[:]) }

// Sizes remembers the files that have at least so many bytes, at 24 bytes of memory a file. Nothing is read.
func (s *Scanner) Sizes(least int64) *Sizes {
	z := &Sizes{rows: s}
	s.mu.Lock()
	if !s.closed {
		for _, i := range s.table.order {
			if r := s.table.at(i); r.flags&gone == 0 && r.typ == 'f' && r.size >= least {
				z.files = append(z.files, sizedFile{r.size, beginning(r.digest), i})
			}
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(z.files, sizedFile.compare)
	return z
}

// Of gives the files of a size that still have it and were read since they moved last, those with a digest first, each with the first
// path of the same inode if that is another.
func (z *Sizes) Of(size int64, digest Digest) iter.Seq2[Row, string] {
	return func(yield func(Row, string) bool) {
		find := func(digest uint64) int {
			at, _ := slices.BinarySearchFunc(z.files, sizedFile{size: size, digest: digest}, sizedFile.compare)
			return at
		}
		each := func(same bool, from int) bool {
			for at := from; at < len(z.files) && z.files[at].size == size; at++ {
				if is := z.files[at].digest == beginning(digest); is != same {
					if same {
						return true
					}
					continue
				}
				if row, link, still := z.rows.sized(z.files[at]); still && !yield(row, link) {
					return false
				}
			}
			return true
		}
		if each(true, find(beginning(digest))) {
			each(false, find(0))
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
