// Command measure says what the guest program costs while nothing happens: the real program, asked over a socket as an idle
// sidecar asks it. tools/guest idle builds both, makes the file systems and runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	warmUp = 75 * time.Second // what was just written is read once more, and what is remembered is renewed
	beat   = 2 * time.Second  // between two looks of a sidecar
)

// options is what is to be measured.
type options struct {
	program, tree string
	files         int
	lasts, calls  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.program, "program", "", "the guest program")
	flag.StringVar(&o.tree, "tree", "", "an empty directory on a file system of its own")
	flag.IntVar(&o.files, "files", 10_000, "how many files it gets")
	flag.DurationVar(&o.lasts, "for", time.Minute, "how long is measured")
	flag.DurationVar(&o.calls, "calls", 0, "how long system calls are counted after that; it needs strace")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "measuring:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) error {
	if err := fill(o.tree, o.files); err != nil {
		return fmt.Errorf("making files: %w", err)
	}
	state, err := os.MkdirTemp("", "measure")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	socket := filepath.Join(state, "port")
	program := exec.CommandContext(ctx, o.program, "run", "--port", "unix:"+socket, "--state", state)
	program.Stderr = os.Stderr
	program.Cancel = func() error { return program.Process.Signal(unix.SIGTERM) }
	if err := program.Start(); err != nil {
		return fmt.Errorf("starting the program: %w", err)
	}
	defer func() {
		_ = program.Process.Signal(unix.SIGTERM)
		_ = program.Wait()
	}()
	s, err := connect(ctx, socket)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	if err := s.begin(o.tree); err != nil {
		return err
	}
	if err := s.idle(ctx, warmUp); err != nil {
		return err
	}
	pid := program.Process.Pid
	before, err := usageOf(pid)
	if err != nil {
		return err
	}
	if err := s.idle(ctx, o.lasts); err != nil {
		return err
	}
	after, err := usageOf(pid)
	if err != nil {
		return err
	}
	fmt.Printf("%7d files: %s\n", o.files, after.since(before))
	if o.calls > 0 {
		return countCalls(ctx, s, pid, o.calls)
	}
	return nil
}

// fill makes so many files of some bytes, a hundred in each directory.
func fill(tree string, files int) error {
	for i := range files {
		directory := filepath.Join(tree, fmt.Sprintf("d%03d", i/100%1000), fmt.Sprintf("d%03d", i/100_000))
		if i%100 == 0 {
			if err := os.MkdirAll(directory, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(directory, fmt.Sprintf("page-%08d.html", i)), []byte(fmt.Sprint("page ", i)), 0o644); err != nil {
			return err
		}
	}
	unix.Sync()
	return nil
}
