package service

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// newWatchedPlace is a service that knows where trees should be, with a tree that it remembers and what it tells of it by itself.
func newWatchedPlace(t *testing.T, tree string) (*Service, <-chan *wire.TreeState) {
	t.Helper()
	states := make(chan *wire.TreeState, 1000)
	s, _ := newService(t, func(o *Options) {
		o.Places = evidence.Guest{}
		o.Push = func(push *wire.Push) error {
			if look := push.GetLook(); look != nil {
				states <- look.Trees[0]
			}
			return nil
		}
	})
	configure := configureOf(tree)
	configure.Timing = &wire.Timing{QuickMillis: 50}
	mustDo(t, s, configure)
	rememberNow(t, s)
	return s, states
}

func until(t *testing.T, states <-chan *wire.TreeState, reason string) *wire.TreeState {
	t.Helper()
	for {
		select {
		case state := <-states:
			if state.Reason == reason {
				return state
			}
		case <-t.Context().Done():
			t.Fatal(reason, " is not told")
		}
	}
}

func TestGivenAFileSystemThatIsUnmountedUnderItsUsersThenNothingIsTakenForDeletedAndItComesBack(t *testing.T) {
	for name, directory := range map[string]string{"the directory is left": ".", "the directory goes too": "www"} {
		t.Run(name, func(t *testing.T) {
			point, image := scratchfs.MountImage(t, "ext4", 64)
			tree := filepath.Join(point, directory)
			if err := os.MkdirAll(tree, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, tree, "one")
			s, states := newWatchedPlace(t, tree)
			if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
			lost := until(t, states, evidence.NotMounted)
			if !strings.Contains(lost.Sentence, tree) || lost.Memory != nil {
				t.Error(lost)
			}
			if _, _, err := do(t, s, &wire.Rows{}); reason(err) != wire.Reason_REASON_VOID {
				t.Error(err)
			}
			scratchfs.MountAt(t, "ext4", image, point)
			until(t, states, "")
			if changes := changesNow(t, s); len(changes) != 0 {
				t.Error(changes)
			}
			s.Close() // before its file system
		})
	}
}

func TestGivenADiskThatLosesItsContentThenItIsNamedThoughAllIsInTheCache(t *testing.T) {
	point, image := scratchfs.MountImage(t, "ext4", 64)
	write(t, point, "one")
	_, states := newWatchedPlace(t, point)
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 0); err != nil {
		t.Fatal(err)
	}
	until(t, states, evidence.DiskFails)
	if err := os.WriteFile(image, content, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, states, "")
}

// hung is a disk that does not answer.
type hung struct{ alone evidence.Alone }

func (h *hung) CheckTree(ctx context.Context, _ *evidence.Place, _ evidence.TreeCheck) error {
	gaveUp, giveUp := context.WithCancel(ctx)
	giveUp()
	return h.alone.Do(gaveUp, "looking for the tree", func() error { <-ctx.Done(); return errors.New("it was too late") })
}

func TestGivenADiskThatHangsThenTheTreeIsSlowAndStillWhatItWas(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "one")
	s, _ := newService(t, func(o *Options) { o.Places = &hung{} })
	mustDo(t, s, configureOf(tree))
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if len(rowsIn(t, s)) != 2 {
		t.Fatal(seen)
	}
	explained(t, "a disk that hangs", evidence.SlowLook, seen.Trees[0])
}
