package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"virtquorum.io/guest/internal/barrier"
)

// commit waits until what was written before it is committed; its exit code says how that ended.
func commit(ctx context.Context, arguments []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("commit", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() {
		fmt.Fprintln(problems, "usage: virtquorum-guest commit [-timeout 10s] [PATH...]; PATH: what must be part of the state, or it fails")
		fmt.Fprintln(problems, "exit code: 0 committed, 1 unknown, 2 invalid, 3 outside of the state, 4 not the primary, 5 alone, 6 observed, 7 held,")
		fmt.Fprintln(problems, "  8 no sidecar, 9 unreadable, 10 busy, 11 the guest program does not run; docs/durability.md says what to do")
		flags.PrintDefaults()
	}
	timeout := flags.Duration("timeout", 10*time.Second, "how long to wait, at most an hour")
	socket := flags.String("socket", filepath.Join("/run/virtquorum", barrier.SocketName), "the guest program's socket for commits")
	if err := flags.Parse(arguments); err != nil {
		return int(barrier.Invalid)
	}
	if *timeout <= 0 || *timeout > barrier.Longest {
		fmt.Fprintf(problems, "%v is no time of more than nothing and at most an hour\n", *timeout)
		return int(barrier.Invalid)
	}
	request := barrier.Request{Timeout: *timeout}
	for _, argument := range flags.Args() {
		path, err := resolve(argument)
		if err != nil {
			fmt.Fprintf(problems, "%s is no path that can be found: %v\n", argument, err)
			return int(barrier.Invalid)
		}
		request.Paths = append(request.Paths, path)
	}
	outcome := barrier.Ask(ctx, *socket, request)
	if outcome.Code == barrier.Committed {
		fmt.Fprintln(out, outcome.Sentence)
	} else {
		fmt.Fprintln(problems, outcome.Sentence)
	}
	return int(outcome.Code)
}

// resolve follows the links above a path. What the path itself names may be gone, which is to be committed too.
func resolve(argument string) (string, error) {
	absolute, err := filepath.Abs(argument)
	if err != nil {
		return "", err
	}
	directory, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return "", err
	}
	return filepath.Join(directory, filepath.Base(absolute)), nil
}
