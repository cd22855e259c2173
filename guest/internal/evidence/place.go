package evidence

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// wholeCheck is how often a place is checked as a whole, though nothing that tells of changes has told of one: a file system that a
// failure made read-only may say so nowhere else.
const wholeCheck = 10 * time.Second

// Place is where one tree lies, checked again and again: what is found well is not looked for again until something tells of a change.
// The zero value is ready. Safe for many goroutines.
type Place struct {
	alone  Alone // guards what follows
	found  sight // at the newest whole check, which found nothing wrong; zero: there was none
	mounts int   // the kernel's list of mounts, held open and polled, plus 1; 0: it is not open
}

// sight is what one call each tells of a place.
type sight struct {
	taken     time.Time
	whole     bool // all of it could be seen
	fstab     stamp
	device    uint64
	inode     uint64
	mount     uint64
	mode      uint32
	readOnly  bool
	remembers bool
	expected  uint64
}

// Close lets go of what is held open. What hangs is left behind.
func (p *Place) Close(ctx context.Context) {
	_ = p.alone.Do(ctx, "closing", func() error {
		if p.mounts > 0 {
			unix.Close(p.mounts - 1)
			p.mounts = 0
		}
		return nil
	})
}

// sights looks at what tells of changes. What was mounted or unmounted since the last time makes it count for nothing.
func (p *Place) sights(g Guest, check TreeCheck) sight {
	now := sight{taken: time.Now(), remembers: check.Memory != nil, expected: check.Device}
	if g.Root != "" || !p.mountsAreSame() {
		return now
	}
	var at unix.Statx_t
	var system unix.Statfs_t
	if unix.Statx(unix.AT_FDCWD, check.Tree, unix.AT_NO_AUTOMOUNT, unix.STATX_INO|unix.STATX_TYPE|unix.STATX_MNT_ID, &at) != nil ||
		unix.Statfs(check.Tree, &system) != nil {
		return now
	}
	fstab, err := stampOf("/etc/fstab")
	if err != nil && err != unix.ENOENT || err == nil && !fstab.proves(now.taken) {
		return now
	}
	now.fstab, now.whole = fstab, at.Mask&unix.STATX_MNT_ID != 0
	now.device, now.inode, now.mount, now.mode = unix.Mkdev(at.Dev_major, at.Dev_minor), at.Ino, at.Mnt_id, uint32(at.Mode&unix.S_IFMT)
	now.readOnly = system.Flags&unix.ST_RDONLY != 0
	return now
}

// isAsFound is true if nothing tells of a change since the newest whole check.
func (p *Place) isAsFound(now sight) bool {
	before := p.found
	if !before.whole || !now.whole || now.taken.Sub(before.taken) >= wholeCheck {
		return false
	}
	before.taken = now.taken
	return now == before
}

// mountsAreSame polls the list of mounts: proc(5).
func (p *Place) mountsAreSame() bool {
	if p.mounts == 0 {
		// Not by os.Open, whose poller would take the news.
		fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return false
		}
		p.mounts = fd + 1
		return true // of before nothing is known that could be out of date
	}
	fds := []unix.PollFd{{Fd: int32(p.mounts - 1), Events: unix.POLLPRI}}
	for {
		_, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err == nil && fds[0].Revents&(unix.POLLPRI|unix.POLLERR) == 0
	}
}
