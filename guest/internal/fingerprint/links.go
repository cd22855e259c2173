package fingerprint

import (
	"cmp"
	"slices"
)

// link finds the first name of each inode with several.
func (l *look) link() {
	t := l.table
	var names []uint32 // in order of their paths
	for _, i := range t.order {
		if t.at(i).flags&multi != 0 {
			names = append(names, i)
		} else {
			l.setLink(i, 0)
		}
	}
	slices.SortStableFunc(names, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(t.at(a).dev, t.at(b).dev), cmp.Compare(t.at(a).ino, t.at(b).ino))
	})
	for n, i := range names {
		first := uint32(0)
		if n > 0 && t.at(names[n-1]).ino == t.at(i).ino && t.at(names[n-1]).dev == t.at(i).dev {
			if first = t.at(names[n-1]).link; first == 0 {
				first = names[n-1] + 1
			}
		}
		l.setLink(i, first)
	}
}

func (l *look) setLink(i, first uint32) {
	if r := l.table.at(i); r.link != first {
		r.link = first
		r.flags &^= settled
		l.table.reread(i, true)
		l.touch(i)
	}
}

// otherNames looks at the other names of inodes that moved: an event tells one of them.
func (l *look) otherNames() error {
	if len(l.inodes) == 0 {
		return nil
	}
	var paths []string
	l.mu.Lock()
	for _, i := range l.table.order {
		r := l.table.at(i)
		if r.flags&gone == 0 && r.seen != l.seen && r.typ != 'd' && l.inodes[inode{r.dev, r.ino}] {
			paths = append(paths, string(l.table.path(i)))
		}
	}
	l.mu.Unlock()
	for _, path := range paths {
		if err := l.path(path, false); err != nil {
			return err
		}
	}
	return nil
}
