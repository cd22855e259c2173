// Package evidence finds out what the guest itself says beside its files: who uses it, what it is, whether what should be
// mounted is there, who has a file open for writing, and what commands say. It decides nothing.
//
// Everything is read from under Guest.Root, so that a test can give a guest of its own. Every list is bounded.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Reasons of a Trouble: words that machines compare.
const (
	Unreadable         = "Unreadable"
	PathMissing        = "PathMissing"
	NotADirectory      = "NotADirectory"
	NotMounted         = "NotMounted"
	FileSystemReadOnly = "FileSystemReadOnly"
	DiskFails          = "DiskFails"
	SlowLook           = "SlowLook"
	CommandFailed      = "GuestCommandFailed"
)

// Trouble is an error that a person of the guest can do something about.
type Trouble struct {
	Reason string // one of the reasons above
	Text   string // a sentence: what is wrong, and what to do
}

func (t *Trouble) Error() string { return t.Text }

func trouble(reason, format string, arguments ...any) error {
	return &Trouble{reason, fmt.Sprintf(format, arguments...)}
}

// Guest is the guest that is looked at. The zero value is the one that this program runs in.
type Guest struct {
	// Root is put before every path: "" in a guest, a directory in a test.
	Root string
}

func (g Guest) path(path string) string {
	if g.Root == "" {
		return path
	}
	return filepath.Join(g.Root, path)
}

// Reads a file of the guest that the system makes, at most this many bytes: more is cut off.
func (g Guest) read(path string, most int64) ([]byte, error) {
	file, err := os.Open(g.path(path))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most))
}

// Alone does one thing at a time that may hang in the kernel, as on a disk that does not answer. What hangs is left behind, and
// joined by no other: it holds one thread for as long as it hangs. Safe for many goroutines; the zero value is ready.
type Alone struct {
	mutex sync.Mutex
	doing string
}

// Do does it, or gives up when the context ends; "doing" says what, for people. While something that was given up still hangs
// nothing is begun: the error is a Trouble of the reason SlowLook.
//
// What do writes must not be read after an error: it may still be at work.
func (a *Alone) Do(ctx context.Context, doing string, do func() error) error {
	a.mutex.Lock()
	if a.doing != "" {
		earlier := a.doing
		a.mutex.Unlock()
		return trouble(SlowLook, "A disk of the guest may hang: %s, begun before, does not end; see the guest's kernel log and what the disk lies on", earlier)
	}
	a.doing = doing
	a.mutex.Unlock()
	done := make(chan error, 1)
	go func() {
		err := errors.New(doing + " ended early")
		defer func() {
			a.mutex.Lock()
			a.doing = ""
			a.mutex.Unlock()
			done <- err
		}()
		err = do()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return trouble(SlowLook, "A disk of the guest may hang: %s was given up; see the guest's kernel log and what the disk lies on", doing)
	}
}
