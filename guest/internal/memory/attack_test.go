package memory

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/scratchfs"
)

func TestAsAttacker(t *testing.T) { scratchfs.RunAttacker(t) }

func TestGivenAMountPointsOwnerWhoReplacesTheOwnDirectoryThenTheMemoryIsOursOrNone(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 64)
	canary := scratchfs.NewCanary(t, t.TempDir()+"/canary")
	stop := scratchfs.Attack(t, point, canary)
	kept := 0
	for until, n := time.Now().Add(scratchfs.AttackTime(t, 2*time.Second)), uint64(1); time.Now().Before(until); n++ {
		dir, err := beneath.Open(point)
		must(t, err)
		store, err := Open(dir, testKey(t), me)
		if err != nil {
			must(t, dir.Close())
			continue
		}
		state, rows := some(t, n)
		err = store.Save(t.Context(), state, slices.Values(rows))
		m, loadErr := store.Load(t.Context())
		switch {
		case loadErr == nil:
			if err == nil && m.State != state {
				t.Fatal("another's memory was believed")
			}
			kept++
			must(t, m.Close())
		case errors.Is(loadErr, ErrDamaged) || errors.Is(loadErr, ErrAnothers):
			t.Fatal(loadErr)
		}
		if stage, err := store.Dir(Stage); err == nil {
			st, err := stage.Stat(".")
			must(t, err)
			if st.UID != 0 || st.Mode != 0o700 {
				t.Fatalf("%+v", st)
			}
			must(t, stage.Close())
		}
		must(t, store.Close())
		must(t, dir.Close())
	}
	stop()
	canary.Untouched(t)
	t.Log(kept, " times something was kept")
	must(t, os.Chown(point, 0, 0))
	_ = unix.Unlink(point + "/.virtquorum")
}
