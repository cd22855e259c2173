package evidence

import (
	"time"

	"golang.org/x/sys/unix"
)

// stamp tells what is at a path from what was there before: whatever is put there or written moves one of these.
type stamp struct {
	device, inode        uint64
	size, mtime, changed int64
}

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stamp{}, err
	}
	return stamp{st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, nil
}

// settledAfter is how old a stamp must be: within one tick of the kernel's clock two changes have the same.
const settledAfter = 2 * time.Second

// proves is true if a change after now would have another stamp.
func (s stamp) proves(now time.Time) bool {
	age := now.Sub(time.Unix(0, s.changed))
	return age > settledAfter || age < -settledAfter // the clock may have been set back
}

// remembered is what was read of a path, for as long as the path is as it was. For one goroutine.
type remembered[T any] struct {
	at     stamp
	proven bool
	value  T
}

// of gives what is remembered of a path, or reads it: fresh is true then.
func (r *remembered[T]) of(path string, read func() T) (value T, fresh bool) {
	before, err := stampOf(path)
	if err == nil && r.proven && r.at == before {
		return r.value, false
	}
	began := time.Now()
	r.value = read()
	r.at, r.proven = before, err == nil && before.proves(began)
	return r.value, true
}
