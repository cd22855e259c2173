package fingerprint

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// observe takes over what a name in a directory looks like; path is the same in the tree.
func (l *look) observe(dir *beneath.Dir, name, path string, st beneath.Stat) error {
	if l.looked++; l.looked%paceEvery == 0 {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if l.options.Pace != nil {
			if err := l.options.Pace(l.ctx); err != nil {
				return err
			}
		}
	}
	why := l.Leaves(st)
	if len(path) > pathMost {
		why = fmt.Sprintf("its path has more than %d bytes", pathMost)
	}
	if path != "" && why != "" {
		return l.leave(path, why)
	}
	digest, err := l.take(path, st)
	if err != nil || !digest {
		return err
	}
	return l.digest(dir, name, path, st)
}

func (l *look) leave(path, why string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return unix.EBADF
	}
	if i, known := l.table.get(path); known {
		l.remove(i)
		l.moved++
	}
	if _, known := l.leftOut[path]; !known {
		l.leftOutCount++
		if len(l.leftOut) >= leftOutMost {
			return nil
		}
	}
	l.leftOut[path] = left{why, l.seen}
	return nil
}

// take keeps what moved. It says whether a digest can and must be made at once: there is no content to read for it.
func (l *look) take(path string, st beneath.Stat) (digest bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, unix.EBADF
	}
	if _, was := l.leftOut[path]; was {
		delete(l.leftOut, path)
		l.leftOutCount--
	}
	t := l.table
	i, known := t.get(path)
	if known && t.at(i).seen != l.seen || !known {
		l.taken++
	}
	if !known {
		if full := l.taken > l.options.Most; full || l.some && t.count >= l.options.Most {
			return false, fmt.Errorf("%w: more than %d; exclude what need not be equal", ErrTooLarge, l.options.Most)
		}
		if i, err = t.add(path); err != nil {
			return false, err
		}
	}
	r := t.at(i)
	r.seen = l.seen
	if known && r.is(st) {
		if r.flags&(settled|unread) == 0 && (l.event || IsPast(r.ctime, l.seconds)) {
			if r.typ == 'f' { // written in the tick of its ctime, perhaps once more after it was read
				t.reread(i, true)
				return false, nil
			}
			return true, nil
		}
		return st.Type != 'f' && r.flags&unread != 0, nil
	}
	l.moved++
	l.touch(i)
	wasMulti := r.flags & multi
	if known && r.flags&multi != 0 {
		l.inodes[inode{r.dev, r.ino}] = true
	}
	r.set(st)
	r.flags &^= settled
	t.reread(i, true)
	if (wasMulti|r.flags)&multi != 0 {
		l.linksMoved = true
		l.inodes[inode{r.dev, r.ino}] = true
	}
	return st.Type != 'f', nil
}

// digest makes that of an entry without content.
func (l *look) digest(dir *beneath.Dir, name, path string, st beneath.Stat) error {
	e, err := describe(dir, name, st, l.options.SELinux)
	words := ""
	switch {
	case vanished(err):
		return nil // it stays unread, and the next look sees what became of it
	case errors.Is(err, errXattrs) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		words = err.Error()
	case err != nil:
		return err
	}
	after, err := dir.Stat(name)
	if err != nil || !Same(st, after) {
		return nil
	}
	e.LinkTo = l.LinkTo(path)
	digest := l.key.Row(e, e.Content())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return unix.EBADF
	}
	if i, known := l.table.get(path); known && l.table.at(i).is(st) {
		doubtful := isDoubtful(st.Ctime, l.began.UnixNano(), l.system.isFine())
		l.store(i, digest, words == "" && IsPast(st.Ctime, l.seconds), doubtful, words)
	}
	return nil
}

// store keeps a digest.
func (s *Scanner) store(i uint32, digest Digest, past, doubtful bool, words string) {
	r := s.table.at(i)
	before := *r
	r.digest = digest
	r.flags &^= settled | doubted
	s.table.reread(i, false)
	if past {
		r.flags |= settled
	} else if doubtful {
		r.flags |= doubted
	}
	if words != s.trouble(i) {
		s.setTrouble(i, words)
	}
	if *r != before {
		s.touch(i)
	}
}
