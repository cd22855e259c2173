package evidence

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGivenACommandThenWhatItSaysAndHowItEndsIsTold(t *testing.T) {
	for _, c := range []struct {
		name    string
		command Command
		out     string
		failure string
	}{
		{"it speaks", Command{Argv: []string{"echo", "a b", "$HOME;"}}, "a b $HOME;\n", ""},
		{"it reads", Command{Argv: []string{"cat"}, Input: []byte("input")}, "input", ""},
		{"it does not read", Command{Argv: []string{"true"}, Input: make([]byte, 1<<20)}, "", ""},
		{"it fails", Command{Argv: []string{"sh", "-c", "echo why\x1b >&2; exit 3"}}, "", "it ended with exit code 3: why"},
		{"it fails silently", Command{Argv: []string{"false"}}, "", "it ended with exit code 1"},
		{"it is killed", Command{Argv: []string{"sh", "-c", "kill -9 $$"}}, "", "it was ended by SIGKILL"},
		{"its environment", Command{Argv: []string{"sh", "-c", "echo $X $LC_ALL $PATH; env | wc -l"}, Environment: map[string]string{"X": "1"}},
			"1 C /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n5\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SECRET", "of this program")
			result, err := new(Runner).Run(t.Context(), c.command)
			if err != nil {
				t.Fatal(err)
			}
			failure := ""
			if err := result.Failure(); err != nil {
				failure = err.Error()
			}
			if string(result.Out) != c.out || failure != c.failure || result.Cut || result.Left {
				t.Fatalf("%+v %q", result, failure)
			}
		})
	}
}

func TestGivenAnEndlessOutputThenItIsBounded(t *testing.T) {
	result, err := new(Runner).Run(t.Context(), Command{Argv: []string{"head", "-c", "10000000", "/dev/zero"}, Most: 1000})
	if err != nil || len(result.Out) != 1000 || !result.Cut || result.Code != 0 {
		t.Fatal(len(result.Out), result.Cut, err)
	}
}

func TestGivenACommandThatDoesNotEndThenItsWholeGroupIsEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	fifo := file + ".fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		// The fifo opens once the inner process is there.
		_, _ = os.ReadFile(fifo)
		cancel()
	}()
	_, err := new(Runner).Run(ctx, Command{Argv: []string{"sh", "-c", "sh -c 'echo $$ >" + file + "; : >" + fifo + "; exec sleep 1000'; :"}})
	if reason(err) != CommandFailed || !strings.Contains(err.Error(), "did not end") {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, pid)
}

// Fails unless a process that got its signal ends; one that is gone already has.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000); n != 1 {
		t.Fatalf("%d lives on: %v", pid, err)
	}
}

func TestGivenWhatACommandLeavesRunningThenItLivesUnlessItsGroupIsToEnd(t *testing.T) {
	for _, kill := range []bool{false, true} {
		runner := new(Runner)
		result, err := runner.Run(t.Context(), Command{Argv: []string{"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"}, KillGroup: kill})
		if err != nil || result.Left {
			t.Fatal(result, err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(result.Out)))
		if err != nil {
			t.Fatal(err)
		}
		if kill {
			awaitEnd(t, pid)
		} else if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Error("it was ended", err)
		}
	}
}

func TestGivenACommandThatCannotBeThenItIsRefused(t *testing.T) {
	for _, c := range []Command{
		{}, {Argv: []string{""}}, {Argv: []string{"no-such-program-here"}}, {Argv: []string{"./echo"}}, {Argv: []string{"/nowhere/echo"}},
		{Argv: make([]string, 65)}, {Argv: []string{"echo", strings.Repeat("x", 5000)}}, {Argv: []string{"echo", "a\x00b"}},
		{Argv: []string{"echo"}, Environment: map[string]string{"A=B": ""}},
	} {
		if _, err := new(Runner).Run(t.Context(), c); reason(err) != CommandFailed {
			t.Errorf("%v: %v", c.Argv, err)
		}
	}
}

func TestGivenARunnerThenItKnowsItsProcesses(t *testing.T) {
	var runner Runner
	result, err := runner.Run(t.Context(), Command{Argv: []string{"sh", "-c", "echo $$"}})
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(result.Out)))
	if err != nil || !runner.Own(pid) || runner.Own(1) {
		t.Fatal(pid, err)
	}
}
