// Package restore lets root ask the running program to put back in its place what a repair replaced, over a unix socket that is root's
// alone, with one line of JSON there and one back. Package service does it; another process must not, beside its repairs.
package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"virtquorum.io/guest/internal/archive"
)

const (
	// SocketName is that of the socket in the directory for what lasts until the next boot.
	SocketName = "restore.sock"
	// Longest is how long a restore may take, with the wait for what else changes the guest.
	Longest = 10 * time.Minute
	// MostPaths may be named in a call.
	MostPaths = 1000

	mostLine = 8 << 20 // bytes, in either direction: so many long paths, escaped
)

// Request names what is to be put back.
type Request struct {
	Entry string         `json:"entry"`
	Tree  string         `json:"tree,omitempty"`  // "": the one that has the entry
	Paths []archive.Path `json:"paths,omitempty"` // from the root of the tree; none: all that there is an old version of
}

func (r Request) check() error {
	if r.Entry == "" {
		return errors.New("it names no entry")
	}
	if len(r.Paths) > MostPaths {
		return fmt.Errorf("%d paths are more than %d: name directories above them, or none", len(r.Paths), MostPaths)
	}
	return nil
}

// Answer says how it ended, in a sentence for a person.
type Answer struct {
	Done     bool   `json:"done"` // else nothing was changed, or the sentence says what
	Sentence string `json:"sentence"`
}

// Restorer does it; the service is one. The context ends when the time is over.
type Restorer interface {
	RestoreInPlace(ctx context.Context, request Request) Answer
}
