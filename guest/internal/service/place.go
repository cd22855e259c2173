package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"virtquorum.io/guest/internal/evidence"
)

// PlaceChecker says by a trouble if a tree is not where, or what, it should be. evidence.Guest is one.
type PlaceChecker interface {
	CheckTree(ctx context.Context, place *evidence.Place, check evidence.TreeCheck) error
}

// checkLimit is how long a disk may take to answer before the tree is said to be slow. Nobody is moved because of that.
const checkLimit = 5 * time.Second

// place is where a tree lies. Its disk may hang: it is checked beside the looks, which would hang with it.
type place struct {
	checker PlaceChecker // nil: it is always as it should be
	known   evidence.Place
	asked   chan struct{} // somebody looks at the tree just now
}

// checkPlaceAgain checks every now and then, until the context ends: with the sidecar's looks where it asks often enough, so that the
// program need not wake up once more for it.
func (t *tree) checkPlaceAgain(ctx context.Context) {
	if t.place.checker == nil {
		return
	}
	next := time.NewTimer(t.gap)
	defer next.Stop()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkLimit)
		defer cancel()
		t.place.known.Close(closing)
	}()
	for checked := time.Now(); ; checked = time.Now() {
		for due := false; !due; {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
				due = true
			case <-t.place.asked:
				due = time.Since(checked) > t.gap/2
			}
		}
		if t.checkPlace(ctx) {
			select {
			case t.away <- struct{}{}:
			default:
			}
			t.changed()
		}
		next.Reset(t.gap + t.gap/4)
	}
}

// lookedAt says that somebody looks at the tree just now.
func (t *tree) lookedAt() {
	select {
	case t.place.asked <- struct{}{}:
	default:
	}
}

// checkPlace checks once, and tells whether it found something else than the time before.
func (t *tree) checkPlace(ctx context.Context) bool {
	if t.place.checker == nil {
		return false
	}
	// To its end, so that nothing holds the file system when the member is closed.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkLimit)
	defer cancel()
	err := t.place.checker.CheckTree(limited, &t.place.known, t.placeCheck())
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || text(err) == text(t.misplaced) {
		return false
	}
	t.misplaced = err
	return true
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// placeCheck is what is to be checked of the place, by what is known of it now.
func (t *tree) placeCheck() evidence.TreeCheck {
	t.mu.Lock()
	defer t.mu.Unlock()
	check := evidence.TreeCheck{Tree: string(t.spec.Path), Device: t.device}
	if t.held != nil && t.past.memory != nil { // then there is a store that it is in
		check.Memory = t.held.Store.Probe
	}
	return check
}

// elsewhere is why what is at the tree's path is not the tree, so that it must not be looked at: an empty directory under a file
// system that did not mount is no deletion. nil: it is the tree, as far as is known.
func (t *tree) elsewhere() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var trouble *evidence.Trouble
	if errors.As(t.misplaced, &trouble) {
		switch trouble.Reason {
		case evidence.NotMounted, evidence.PathMissing, evidence.NotADirectory:
			return trouble
		}
	}
	return nil
}

// settle says by a trouble if what was opened lies elsewhere than what is remembered: on another device, without the memory. Else it
// keeps where that is.
func (t *tree) settle(held *Held, remembered *past) error {
	root, err := held.Rows.Root().Stat(".")
	if err != nil {
		return fmt.Errorf("looking where it is: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.device != 0 && t.device != root.Dev && remembered.memory == nil {
		return evidence.Unmounted(string(t.spec.Path))
	}
	if remembered.memory != nil {
		t.device = root.Dev
	}
	return nil
}
