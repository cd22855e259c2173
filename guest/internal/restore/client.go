package restore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// grace is for the answer to come after the call's time is over.
const grace = 10 * time.Second

// Ask calls the program at a socket and waits for its answer. The error is a sentence.
func Ask(ctx context.Context, socket string, request Request) (Answer, error) {
	if err := request.check(); err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Longest+grace)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return Answer{}, fmt.Errorf("nobody listens at %s: the guest program, which has to do it, does not run, or is of an earlier version", socket)
	case err != nil:
		return Answer{}, fmt.Errorf("the guest program cannot be asked: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	line, err := json.Marshal(request)
	if err != nil {
		return Answer{}, fmt.Errorf("writing down what is to be restored: %w", err)
	}
	_, written := conn.Write(append(line, '\n'))
	said, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadBytes('\n')
	var answer Answer
	if err == nil {
		err = json.Unmarshal(said, &answer)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		} else if errors.Is(err, io.EOF) {
			err = errors.New("the guest program ended meanwhile, or was busy")
		}
		return Answer{}, fmt.Errorf("it is not known whether it was put back: look what is there, and at `virtquorum-guest archive list`: %w", errors.Join(err, written))
	}
	answer.Sentence = strings.Map(func(r rune) rune { // nothing that a terminal would act on
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, answer.Sentence)
	return answer, nil
}
