package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// OnTrialVariable is set in the environment of a program that is on trial beside the one that started it.
	OnTrialVariable = "VIRTQUORUM_ON_TRIAL"
	// ConfirmedCode is the exit code of such a program once it was confirmed. Programs of all versions agree on these two.
	ConfirmedCode = 76

	endingTime = 10 * time.Second // of a program on trial that is told to end
)

// Command is how this program was started, and how another one is to be.
type Command struct {
	Arguments   []string // with the program's name
	Environment []string
	Problems    io.Writer // its log
}

// Try runs the newer program beside this one, which must have let go of the port and of all trees, until it was confirmed or its
// time is over, and has it take this one's place or not: both durably. It returns what to become now; empty if ctx ended: then
// this program is to end, and nothing was decided.
func (u *Updater) Try(ctx context.Context, command Command) (string, error) {
	u.mu.Lock()
	order, known := u.staged, u.known
	u.mu.Unlock()
	next := &mark{State: onTrial, Version: order.Version, Digest: order.Digest, Tries: 1}
	if known != nil && known.is(order) {
		next.Tries += known.Tries
	}
	// Without the mark a trial that takes the guest down with it would be repeated for ever.
	if err := u.step("marked", next.save(u.place.mark())); err != nil {
		return u.self(), err
	}
	u.options.Log.Info("a newer program is tried", "version", order.Version, "for", order.Trial)
	err := u.runTrial(ctx, order, command)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err == nil {
		err = u.exchange(next)
	}
	if err != nil {
		return u.self(), u.fail(next, err)
	}
	u.options.Log.Info("the newer program takes the place", "version", order.Version, "program", u.place.path)
	return u.place.path, nil
}

// runTrial returns nil if the newer program was confirmed.
func (u *Updater) runTrial(ctx context.Context, order Order, command Command) error {
	runtime.LockOSThread() // the kernel ends the child with the thread that began it
	defer runtime.UnlockOSThread()
	trial, cancel := context.WithTimeout(ctx, order.Trial)
	defer cancel()
	said := &tail{most: 2000}
	process := exec.CommandContext(trial, u.place.next())
	process.Args = command.Arguments
	process.Env = environmentOfTrial(command.Environment)
	process.Stderr = io.MultiWriter(command.Problems, said)
	process.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	process.Cancel = func() error {
		if ctx.Err() != nil { // this program is told to end: so is that one
			return process.Process.Signal(unix.SIGTERM)
		}
		return process.Process.Kill()
	}
	process.WaitDelay = endingTime
	if err := process.Start(); err != nil {
		return fmt.Errorf("it cannot be run: %w", err)
	}
	if err := u.step("tried", nil); err != nil {
		return err
	}
	err := process.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == ConfirmedCode:
		return nil
	case trial.Err() != nil:
		return fmt.Errorf("it was not confirmed within %v%s", order.Trial, said.words())
	case err == nil:
		return errors.New("it ended before it was confirmed")
	}
	return fmt.Errorf("it ended before it was confirmed (%w)%s", err, said.words())
}

// environmentOfTrial has no word for the service manager, who knows this program and not the one on trial.
func environmentOfTrial(own []string) []string {
	kept := slices.DeleteFunc(slices.Clone(own), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", OnTrialVariable}, name)
	})
	return append(kept, OnTrialVariable+"=1")
}

// exchange has the newer program take the place. Cut off anywhere, one of the two is there, whole.
func (u *Updater) exchange(m *mark) error {
	if !u.place.isOurs() {
		return fmt.Errorf("meanwhile somebody else put another program into %s", u.place.path)
	}
	if err := u.step("kept", u.place.keepPrevious()); err != nil {
		return err
	}
	done := *m
	done.State, done.Tries = exchanged, 0
	if err := u.step("decided", done.save(u.place.mark())); err != nil {
		return err
	}
	if err := u.step("exchanged", os.Rename(u.place.next(), u.place.path)); err != nil {
		return err
	}
	return u.step("durable", syncDirectory(filepath.Dir(u.place.path)))
}

// fail remembers that it failed and why.
func (u *Updater) fail(m *mark, why error) error {
	m.State, m.Why = failed, why.Error()
	u.options.Log.Error("the newer program failed; the one before goes on", "version", m.Version, "why", m.Why)
	if err := u.step("failed", m.save(u.place.mark())); err != nil {
		return err
	}
	if err := os.Remove(u.place.next()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the newer program: %w", err)
	}
	return nil
}

// Back undoes an exchange whose program cannot be begun at all, and returns what to become.
func (u *Updater) Back(why error) (string, error) {
	m, err := loadMark(u.place.mark())
	if err != nil || m == nil || m.State != exchanged {
		return u.self(), err
	}
	return u.place.path, u.back(m, fmt.Errorf("it cannot be run in its place: %w", why))
}

func (u *Updater) back(m *mark, why error) error {
	if err := os.Rename(u.place.previous(), u.place.path); err != nil {
		return fmt.Errorf("putting the program from before back: %w", err)
	}
	if err := u.step("back", syncDirectory(filepath.Dir(u.place.path))); err != nil {
		return err
	}
	return u.fail(m, why)
}

// self is this very program, also where another one has its name now.
func (u *Updater) self() string {
	if u.place.isOurs() {
		return u.place.path
	}
	return "/proc/self/exe"
}
