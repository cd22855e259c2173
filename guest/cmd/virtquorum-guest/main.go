// Command virtquorum-guest runs in each virtual machine of an HACluster: it looks, copies and reports what the sidecar asks for over
// a virtio port, and decides nothing.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// version is that of the product; the build sets it.
var version = "development"

// command is what the program can be asked for. What run returns is the exit code.
type command struct {
	what string
	run  func(ctx context.Context, arguments []string, out, problems io.Writer) int
}

func commands() map[string]command {
	return map[string]command{
		"run":     {"serve the sidecar until it is told to end", run},
		"doctor":  {"say what this guest lacks", examine},
		"commit":  {"wait until what was written before is on a majority", commit},
		"archive": {"list, show and restore what repairs replaced", archives},
		"version": {"print the version", printVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	os.Exit(start(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func start(ctx context.Context, arguments []string, out, problems io.Writer) int {
	if len(arguments) > 0 {
		if command, known := commands()[arguments[0]]; known {
			return command.run(ctx, arguments[1:], out, problems)
		}
	}
	fmt.Fprintln(problems, "usage: virtquorum-guest COMMAND; COMMAND -h tells its options")
	for _, name := range []string{"run", "commit", "doctor", "archive", "version"} {
		fmt.Fprintf(problems, "  %-8s %s\n", name, commands()[name].what)
	}
	return 2
}

func printVersion(_ context.Context, _ []string, out, _ io.Writer) int {
	fmt.Fprintln(out, version)
	return 0
}
