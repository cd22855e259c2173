package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	mostArguments   = 64
	mostArgument    = 4096
	mostEnvironment = 32
	defaultOutput   = 1 << 20
	mostOutput      = 16 << 20
	grace           = 3 * time.Second // between SIGTERM and SIGKILL, and for what holds the output open
	mostRemembered  = 64
	rememberedFor   = 10 * time.Second
)

// Where programs are looked for; a command gets no more of the environment than this, LC_ALL=C and HOME.
var programDirectories = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,255}$`)

// Command is a program that the spec names.
type Command struct {
	// Argv is the program and its arguments, 1 to 64 of at most 4,096 bytes. Without a slash the program is looked for in the
	// usual directories. There is no shell but one that it names.
	Argv []string
	// Input is its standard input.
	Input []byte
	// Environment has at most 32 variables beside PATH, LC_ALL and HOME.
	Environment map[string]string
	// Most bytes that are kept of each output, up to 16 MiB; more is read and dropped. 0: 1 MiB.
	Most int
	// KillGroup ends also what it leaves running in its process group.
	KillGroup bool
}

// Result is what became of a command that ended by itself.
type Result struct {
	Out, Err []byte
	Code     int         // -1: by a signal
	Signal   unix.Signal // or 0
	Cut      bool        // some output was dropped
	Left     bool        // it left a program running that holds its output open
}

// Failure is nil for the exit code 0, else a Trouble with the first words of its standard error.
func (r Result) Failure() error {
	const words = 150
	if r.Code == 0 {
		return nil
	}
	text := clean(string(r.Err[:min(len(r.Err), words)]))
	if text != "" {
		text = ": " + text
	}
	if r.Signal != 0 {
		return trouble(CommandFailed, "it was ended by %s%s", unix.SignalName(r.Signal), text)
	}
	return trouble(CommandFailed, "it ended with exit code %d%s", r.Code, text)
}

// Runner runs commands and knows which processes are its own. Safe for many goroutines; the zero value is ready. The umask is this
// program's.
type Runner struct {
	mutex   sync.Mutex
	running map[int]bool
	ended   []ended
}

type ended struct {
	pid int
	at  time.Time
}

// Own says whether this process runs or ran a moment ago as a command of this runner: an event of it may come late.
func (r *Runner) Own(pid int) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.running[pid] {
		return true
	}
	for _, e := range r.ended {
		if e.pid == pid && time.Since(e.at) < rememberedFor {
			return true
		}
	}
	return false
}

func (r *Runner) began(pid int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.running == nil {
		r.running = map[int]bool{}
	}
	r.running[pid] = true
}

func (r *Runner) end(pid int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.running, pid)
	r.ended = append(r.ended, ended{pid, time.Now()})
	r.ended = r.ended[max(0, len(r.ended)-mostRemembered):]
}

// Run runs a command to its end. When the context ends, its whole process group gets SIGTERM, and 3 s later SIGKILL; the error is
// then a Trouble, as it is for a command that cannot be begun. An exit code is no error.
func (r *Runner) Run(ctx context.Context, command Command) (Result, error) {
	program, err := prepare(command)
	if err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{}, trouble(CommandFailed, "its time was over before it began")
	}
	most := command.Most
	if most <= 0 {
		most = defaultOutput
	}
	out, said := &bounded{most: min(most, mostOutput)}, &bounded{most: min(most, mostOutput)}
	process := &exec.Cmd{
		Path: program, Args: command.Argv, Env: environment(command.Environment), Dir: "/",
		Stdin: bytes.NewReader(command.Input), Stdout: out, Stderr: said, WaitDelay: grace,
		SysProcAttr: &unix.SysProcAttr{Setpgid: true},
	}
	begun := time.Now()
	if err := process.Start(); err != nil {
		return Result{}, trouble(CommandFailed, "it cannot be run: %v", err)
	}
	r.began(process.Process.Pid)
	defer r.end(process.Process.Pid)
	inTime := awaitGroup(ctx, process.Process.Pid, command.KillGroup)
	err = process.Wait()
	if !inTime {
		return Result{}, trouble(CommandFailed, "it did not end within %.0f s", time.Since(begun).Seconds())
	}
	result := Result{Out: out.bytes(), Err: said.bytes(), Cut: out.cut || said.cut, Code: process.ProcessState.ExitCode()}
	if status, ok := process.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		result.Signal = status.Signal()
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		result.Left = true
	case err != nil && !errors.As(err, &exit):
		return Result{}, trouble(CommandFailed, "its output cannot be read: %v", err)
	}
	return result, nil
}

// Waits until the leader of a group ended, without taking it from the kernel: until it is, nobody else has its number, so that
// signals reach nobody else. False if the context ended before.
func awaitGroup(ctx context.Context, pid int, killGroup bool) bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		}
	}()
	inTime := true
	select {
	case <-ended:
	case <-ctx.Done():
		inTime = false
		_ = unix.Kill(-pid, unix.SIGTERM)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			_ = unix.Kill(-pid, unix.SIGKILL)
			<-ended
		}
	}
	if killGroup || !inTime {
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
	return inTime
}

func prepare(command Command) (program string, err error) {
	if len(command.Argv) == 0 || len(command.Argv) > mostArguments || command.Argv[0] == "" {
		return "", trouble(CommandFailed, "a command has 1 to %d words", mostArguments)
	}
	for _, argument := range command.Argv {
		if len(argument) > mostArgument || strings.ContainsRune(argument, 0) {
			return "", trouble(CommandFailed, "a word of a command has at most %d bytes, and no NUL", mostArgument)
		}
	}
	if len(command.Environment) > mostEnvironment {
		return "", trouble(CommandFailed, "a command has at most %d variables", mostEnvironment)
	}
	for name, value := range command.Environment {
		if !variableName.MatchString(name) || len(value) > mostArgument || strings.ContainsRune(value, 0) {
			return "", trouble(CommandFailed, "%q is not a variable that a command can have", name)
		}
	}
	if strings.Contains(command.Argv[0], "/") {
		if !filepath.IsAbs(command.Argv[0]) {
			return "", trouble(CommandFailed, "%q is neither a name nor an absolute path", command.Argv[0])
		}
		return command.Argv[0], nil
	}
	for _, directory := range programDirectories {
		path := filepath.Join(directory, command.Argv[0])
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", trouble(CommandFailed, "the guest has no program %q in %s", command.Argv[0], strings.Join(programDirectories, ":"))
}

func environment(more map[string]string) []string {
	variables := []string{"PATH=" + strings.Join(programDirectories, ":"), "LC_ALL=C", "HOME=/root"}
	for name, value := range more {
		variables = append(variables, fmt.Sprintf("%s=%s", name, value))
	}
	return variables
}

// Keeps the first bytes. Safe for a reader beside the writer, who may be left at work by WaitDelay.
type bounded struct {
	most  int
	mutex sync.Mutex
	kept  bytes.Buffer
	cut   bool
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	room := min(len(p), b.most-b.kept.Len())
	b.kept.Write(p[:room])
	b.cut = b.cut || room < len(p)
	return len(p), nil
}

func (b *bounded) bytes() []byte {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return bytes.Clone(b.kept.Bytes())
}
