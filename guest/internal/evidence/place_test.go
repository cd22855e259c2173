package evidence

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestGivenAPlaceThatWasFoundWellThenWhatHappensToItIsSeenAtTheVeryNextCheck(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(point, tree string) error
		reason  string
	}{
		"it is unmounted": {func(point, _ string) error { return unix.Unmount(point, unix.MNT_DETACH) }, NotMounted},
		"it is made read-only": {func(point, _ string) error {
			return unix.Mount("", point, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}, FileSystemReadOnly},
		"its directory is moved away": {func(_, tree string) error { return os.Rename(tree, tree+"-old") }, PathMissing},
		"a file takes its place": {func(_, tree string) error {
			if err := os.Remove(tree); err != nil {
				return err
			}
			return os.WriteFile(tree, nil, 0o600)
		}, NotADirectory},
	} {
		t.Run(name, func(t *testing.T) {
			point := scratchfs.Mount(t, "ext4", 16)
			tree := filepath.Join(point, "www")
			if err := os.Mkdir(tree, 0o755); err != nil {
				t.Fatal(err)
			}
			var at unix.Stat_t
			if err := unix.Stat(tree, &at); err != nil {
				t.Fatal(err)
			}
			var place Place
			defer place.Close(t.Context())
			probed := 0
			check := TreeCheck{Tree: tree, Device: at.Dev, Memory: func() error { probed++; return nil }}
			for range 3 {
				if err := (Guest{}).CheckTree(t.Context(), &place, check); err != nil {
					t.Fatal(err)
				}
			}
			if !place.found.whole || probed != 3 {
				t.Fatal(place.found, probed)
			}
			if err := c.happens(point, tree); err != nil {
				t.Fatal(err)
			}
			if err := (Guest{}).CheckTree(t.Context(), &place, check); reason(err) != c.reason {
				t.Fatal(err)
			}
		})
	}
}

func TestGivenNothingThatTellsOfAChangeThenAPlaceIsLookedForAsAWholeNowAndThenAllTheSame(t *testing.T) {
	now := sight{whole: true, inode: 2, taken: time.Unix(100, 0)}
	place := Place{found: now}
	later := now
	later.taken = now.taken.Add(wholeCheck - time.Second)
	if !place.isAsFound(later) {
		t.Error("it is looked for at each check")
	}
	later.taken = now.taken.Add(wholeCheck)
	if place.isAsFound(later) {
		t.Error("it is never looked for again")
	}
}
