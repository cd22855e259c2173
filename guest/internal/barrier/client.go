package barrier

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// grace is for the answer to come after the call's time is over.
const grace = 5 * time.Second

// Ask calls the program at a socket and waits for its answer, a little longer than the call takes.
func Ask(ctx context.Context, socket string, request Request) Outcome {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout+grace)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return Say(NotRunning, "Nobody listens at %s: the guest program does not run, or is of an earlier version.", socket)
	case errors.Is(err, unix.EAGAIN):
		return Say(Busy, "Too many callers wait at %s.", socket)
	case err != nil:
		return Say(NotRunning, "The guest program cannot be asked: %v.", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// What refuses before it reads ends the writing, and has its answer read all the same.
	_, written := io.WriteString(conn, request.line()+"\n")
	answer, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadString('\n')
	if err == nil {
		var outcome Outcome
		if outcome, err = parseOutcome(answer[:len(answer)-1]); err == nil {
			return outcome
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the guest program ended meanwhile")
	}
	return Say(Unknown, "It is not known whether it is committed: %v.", errors.Join(err, written))
}
