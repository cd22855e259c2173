// Package update has a newer program take the place of the one that runs: written beside it, checked, tried while the one before
// still has the place and waits, and exchanged for good only when a sidecar confirmed it. So nothing that the newer program does or
// leaves undone, and no power cut, can leave a guest without a program: until it was confirmed the old one is what starts.
package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/wire"
)

const (
	// MostBytes of a program.
	MostBytes = 32 << 20

	usualTrial = 20 * time.Second
	farewell   = 200 * time.Millisecond
	mostTrial  = 10 * time.Minute
	mostTries  = 3 // trials that nobody saw the end of
	mostStarts = 3 // of a program that was exchanged, in one boot, before it was confirmed in its place
)

// Options of an updater.
type Options struct {
	Version  string // of this program
	BootID   string
	OnTrial  bool // this program is beside the one that started it
	Packages Packages
	Log      *slog.Logger
	Step     func(step string) // told after each step that lasts; for tests, may be nil
}

// Order is what a sidecar wants to be run.
type Order struct {
	Version, Architecture string
	Digest                []byte // SHA-256
	Size                  int64
	Packaged              bool          // also where a package owns the file
	Trial                 time.Duration // 0: 20 s
}

// Updater keeps one program up to date. Safe for many goroutines.
type Updater struct {
	options Options
	place   place
	due     chan struct{}
	once    sync.Once

	mu        sync.Mutex
	known     *mark
	staged    Order
	ready     bool // staged, or confirmed on trial
	confirmed bool
}

// Begin looks at what an earlier start of this or another program left. The string is not empty if the program from before was put
// back: it is what to become at once. The updater is usable with an error too, which says what could not be carried to its end.
func Begin(options Options) (*Updater, string, error) {
	u := &Updater{options: options, due: make(chan struct{})}
	var err error
	if u.place, err = runningPlace(); err != nil || options.OnTrial {
		return u, "", err
	}
	m, err := loadMark(u.place.mark())
	if err != nil {
		return u, "", err
	}
	if m == nil {
		return u, "", u.removeNext() // one that came in part
	}
	digest, err := digestOf("/proc/self/exe")
	if err != nil {
		return u, "", fmt.Errorf("reading this program: %w", err)
	}
	return u.goOn(m, bytes.Equal(digest, m.Digest))
}

// goOn carries what was begun to its end. own: the mark is about this very program.
func (u *Updater) goOn(m *mark, own bool) (*Updater, string, error) {
	switch {
	case m.State == exchanged && own:
		if m.Boot != u.options.BootID {
			m.Boot, m.Starts = u.options.BootID, 0
		}
		if m.Starts++; m.Starts > mostStarts {
			why := fmt.Errorf("it ended %d times in its place before it was confirmed", mostStarts)
			if err := u.back(m, why); err != nil {
				return u, "", err
			}
			return u, u.place.path, nil
		}
		u.known = m
		return u, "", m.save(u.place.mark())
	case m.State == onTrial && !own && m.Tries >= mostTries:
		err := u.fail(m, fmt.Errorf("its trial was cut off %d times", m.Tries))
		u.known = m
		return u, "", err
	case m.State == onTrial && !own, m.State == failed && !own && !Newer(u.options.Version, m.Version):
		u.known = m
		return u, "", u.removeNext()
	}
	// An exchange that a power cut undid, or somebody installed another program: what was known is of no program that is here.
	if err := u.removeNext(); err != nil {
		return u, "", err
	}
	return u, "", removeMark(u.place.mark())
}

func (u *Updater) removeNext() error {
	if err := os.Remove(u.place.next()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what an earlier update left: %w", err)
	}
	return nil
}

// Mark is what a sidecar is told; nil: nothing.
func (u *Updater) Mark() *wire.UpdateMark {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.ready:
		return &wire.UpdateMark{State: wire.UpdateState_UPDATE_STATE_UNDER_WAY, Version: u.staged.Version, Digest: u.staged.Digest}
	case u.options.OnTrial:
		return &wire.UpdateMark{State: wire.UpdateState_UPDATE_STATE_ON_TRIAL, Version: u.options.Version}
	case u.known == nil || u.known.State == onTrial:
		return nil
	case u.known.State == exchanged:
		return &wire.UpdateMark{State: wire.UpdateState_UPDATE_STATE_ON_TRIAL, Version: u.known.Version, Digest: u.known.Digest}
	}
	return &wire.UpdateMark{State: wire.UpdateState_UPDATE_STATE_FAILED, Version: u.known.Version, Digest: u.known.Digest, Sentence: u.known.Why}
}

func (m *mark) is(order Order) bool {
	return m.Version == order.Version && bytes.Equal(m.Digest, order.Digest)
}

func refuse(detail, format string, arguments ...any) error {
	return port.Refuse(wire.Reason_REASON_FAILED, detail, format, arguments...)
}

// Receive takes a newer program and checks it; it is not run yet but for its version. next gives its pieces and then io.EOF;
// progress hears the bytes that came. What it refuses left everything as it was. One at a time.
func (u *Updater) Receive(ctx context.Context, order Order, next func(context.Context) ([]byte, error), progress func(uint64)) error {
	if order.Trial == 0 {
		order.Trial = usualTrial
	}
	if err := u.admit(ctx, order); err != nil {
		return err
	}
	err := u.write(ctx, order, next, progress)
	if err == nil {
		err = u.prove(ctx, order)
	}
	if err != nil {
		_ = u.removeNext() // the next update does, or the next start
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.staged, u.ready = order, true
	return nil
}

// admit refuses what is not to be tried, before anything of it came.
func (u *Updater) admit(ctx context.Context, order Order) error {
	u.mu.Lock()
	known, ready := u.known, u.ready
	u.mu.Unlock()
	switch {
	case order.Size <= 0 || order.Size > MostBytes:
		return port.Refuse(wire.Reason_REASON_INVALID, "Size", "a program has 1 to %d bytes, not %d", MostBytes, order.Size)
	case len(order.Digest) != 32:
		return port.Refuse(wire.Reason_REASON_INVALID, "Digest", "a digest has 32 bytes, not %d", len(order.Digest))
	case order.Trial < 0 || order.Trial > mostTrial:
		return port.Refuse(wire.Reason_REASON_INVALID, "Trial", "a trial takes at most %v", mostTrial)
	case order.Architecture != runtime.GOARCH:
		return refuse("Machine", "a program for %s does not run on %s", order.Architecture, runtime.GOARCH)
	case !Newer(order.Version, u.options.Version):
		return refuse("NotNewer", "%q is not newer than this program, %q", order.Version, u.options.Version)
	case u.options.OnTrial || ready || known != nil && known.State == exchanged:
		return port.Refuse(wire.Reason_REASON_VOID, "Busy", "an update is under way")
	case known != nil && known.State == failed && known.is(order):
		return refuse("FailedBefore", "%s was tried and failed: %s", order.Version, known.Why)
	}
	if err := u.place.check(); err != nil {
		return refuse("Place", "%w", err)
	}
	if order.Packaged {
		return nil
	}
	owner, err := u.options.Packages.owner(ctx, u.place.path)
	if err != nil {
		return refuse("Packaged", "%w", err)
	}
	if owner != "" {
		return refuse("Packaged", "%s owns %s", owner, u.place.path)
	}
	return nil
}

// Confirm says that this program works as a sidecar wants it to; true: it is to take its place now. Confirming what is not on trial
// does nothing.
func (u *Updater) Confirm(version string) (bool, error) {
	if version != u.options.Version {
		return false, port.Refuse(wire.Reason_REASON_INVALID, "Version", "this program is %q, not %q", u.options.Version, version)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.options.OnTrial {
		u.confirmed, u.ready = true, true
		return true, nil
	}
	if u.known == nil || u.known.State != exchanged {
		return false, nil
	}
	if err := removeMark(u.place.mark()); err != nil {
		return false, err
	}
	u.options.Log.Info("this program is confirmed", "version", version)
	u.known = nil
	return false, nil
}

// Answered says that the sidecar has the answer to Receive or Confirm: what follows may begin, once the end of its request is told.
func (u *Updater) Answered() {
	u.mu.Lock()
	ready := u.ready
	u.mu.Unlock()
	if ready {
		u.once.Do(func() { time.AfterFunc(farewell, func() { close(u.due) }) })
	}
}

// Due is closed when this program is to let go of the port and of everything: then Confirmed says which of the two follows, Try or
// the end with ConfirmedCode.
func (u *Updater) Due() <-chan struct{} { return u.due }

// Confirmed is true of a program on trial that was confirmed.
func (u *Updater) Confirmed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.confirmed
}

// step tells what was done, unless it failed.
func (u *Updater) step(name string, err error) error {
	if err == nil && u.options.Step != nil {
		u.options.Step(name)
	}
	return err
}
