package beneath

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestAsAttacker(t *testing.T) { scratchfs.RunAttacker(t) }

func TestGivenATreesOwnerWhoSwapsAllInItThenNothingOutsideIsTouchedOrRead(t *testing.T) {
	for name, kernel := range kernels {
		t.Run(name, func(t *testing.T) {
			point := scratchfs.Mount(t, "ext4", 64)
			path := filepath.Join(point, "tree")
			must(t, os.Mkdir(path, 0o755))
			canary := scratchfs.NewCanary(t, filepath.Join(point, "canary"))
			stop := scratchfs.Attack(t, path, canary)
			dir, err := OpenOn(path, kernel)
			must(t, err)
			d := &defender{t: t, dir: dir}
			until := time.Now().Add(scratchfs.AttackTime(t, 2*time.Second))
			var all sync.WaitGroup
			for seed := range uint64(3) {
				all.Go(func() {
					random := rand.New(rand.NewPCG(seed, 2))
					for time.Now().Before(until) {
						d.act(random)
					}
				})
			}
			all.Wait()
			stop()
			must(t, dir.Close())
			canary.Untouched(t)
			if d.links.Load() == 0 || d.done.Load() == 0 {
				t.Errorf("nothing was proven: %d calls met links, %d went well", d.links.Load(), d.done.Load())
			}
			t.Logf("%d calls went well, %d met links, %d failed otherwise", d.done.Load(), d.links.Load(), d.failed.Load())
		})
	}
}

// defender does what the guest program does to a tree, and takes every failure for granted.
type defender struct {
	t                   *testing.T
	dir                 *Dir
	done, links, failed atomic.Int64
}

func (d *defender) tell(began time.Time, err error) {
	if took := time.Since(began); took > 20*time.Second {
		d.t.Errorf("a call took %s", took)
	}
	switch {
	case err == nil:
		d.done.Add(1)
	case errors.Is(err, ErrLink):
		d.links.Add(1)
	default:
		d.failed.Add(1)
	}
}

func (d *defender) act(random *rand.Rand) {
	name, other, began := scratchfs.AttackedName(random), scratchfs.AttackedName(random), time.Now()
	var err error
	switch random.IntN(14) {
	case 0:
		err = d.walk(".", 0)
	case 1, 2:
		err = d.read(name, unix.O_RDONLY)
	case 3:
		err = d.read(name, unix.O_RDWR|unix.O_CREAT)
	case 4:
		err = d.dir.Rename(name, d.dir, other, 0)
	case 5:
		err = d.dir.Mkdir(name, 0o777)
	case 6:
		err = d.dir.Chown(name, 1000, uint32(random.IntN(5)))
	case 7:
		err = d.dir.Chmod(name, 0o777)
	case 8:
		err = d.dir.SetXattr(name, "trusted.virtquorum", []byte("x"))
	case 9:
		err = d.dir.Utimes(name, 7e9)
	case 10:
		err = d.dir.Unlink(name)
	case 11:
		err = d.dir.Rmdir(name)
	case 12:
		err = d.dir.Link(name, d.dir, other)
	case 13:
		var sub *Dir
		if sub, err = d.dir.Sub(name); err == nil {
			err = errors.Join(sub.Sync(), sub.Mkdir("d0", 0o777), sub.Close())
		}
	}
	d.tell(began, err)
}

func (d *defender) read(name string, flags int) error {
	file, err := d.dir.OpenRegular(name, flags, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if strings.Contains(string(content), scratchfs.Secret) {
		d.t.Errorf("%s: what is outside was read", name)
	}
	if flags&unix.O_RDWR != 0 {
		_, err = file.WriteString("by root")
	}
	return err
}

func (d *defender) walk(name string, depth int) error {
	dir, err := d.dir.Sub(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Entries(d.t.Context(), func(entry []byte, _ byte) error {
		if string(entry) == "secret" {
			d.t.Errorf("%s: what is outside was listed", name)
		}
		st, err := dir.Stat(string(entry))
		if err != nil {
			return nil
		}
		below := string(entry)
		if name != "." {
			below = name + "/" + below
		}
		switch {
		case st.Type == 'd' && depth < 20:
			d.tell(time.Now(), d.walk(below, depth+1))
		case st.Type == 'l':
			_, err = dir.Readlink(string(entry))
			d.tell(time.Now(), err)
		default:
			_, err = d.dir.ListXattrs(below)
			d.tell(time.Now(), err)
		}
		return nil
	})
}
