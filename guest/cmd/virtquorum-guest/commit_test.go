package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"virtquorum.io/guest/internal/barrier"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

func process(arguments ...string) *exec.Cmd {
	command := exec.Command("/proc/self/exe", arguments...)
	command.Env = append(os.Environ(), "VIRTQUORUM_IS_PROGRAM=yes", "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	return command
}

// startProcess runs the program in a process that may be killed, with the test as its sidecar.
func startProcess(t *testing.T, state string) (*program, *exec.Cmd) {
	t.Helper()
	socket := filepath.Join(state, "port")
	command := process("run", "--port", "unix:"+socket, "--state", state)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	p := &program{t: t, state: state}
	for end := time.Now().Add(time.Minute); p.conn == nil; time.Sleep(10 * time.Millisecond) {
		if p.conn, _ = net.Dial("unix", socket); time.Now().After(end) {
			t.Fatal("it does not listen")
		}
	}
	p.peer = port.NewPeer(p.conn)
	return p, command
}

func (p *program) configure(tree string) {
	p.t.Helper()
	p.ask(&wire.Request{Operation: &wire.Request_Configure{Configure: &wire.Configure{
		Key: make([]byte, 32), Cluster: "uid", Member: "web-0", Trees: []*wire.Tree{{Name: "site", Path: []byte(tree)}},
	}}})
}

// proves looks, has it remembered and says that it is committed.
func (p *program) proves(sequence uint64) {
	p.t.Helper()
	memory := &wire.Memory{Position: &wire.Position{Tenure: 1, Sequence: sequence}, Root: make([]byte, 32)}
	for {
		seen := p.ask(&wire.Request{Operation: &wire.Request_Look{Look: &wire.Look{Walk: true}}}).GetLook()
		p.id++
		request := &wire.Request{Id: p.id, Term: 5, Credit: 1, DeadlineMillis: 60_000, Operation: &wire.Request_Remember{
			Remember: &wire.Remember{Position: memory.Position, Root: memory.Root, Look: seen.Number},
		}}
		said := p.say(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: request}})
		if said.GetAnswer() != nil {
			break
		}
		if said.GetRefusal().GetReason() != wire.Reason_REASON_VOID {
			p.t.Fatal(said)
		}
	}
	p.stand(&wire.Standing{Primary: true, Tenure: 1, Committed: memory, Epoch: sequence})
}

func (p *program) stand(standing *wire.Standing) {
	p.t.Helper()
	p.ask(&wire.Request{Operation: &wire.Request_Standing{Standing: standing}})
}

// commits runs the command in a process of its own.
func (p *program) commits(arguments ...string) (code int, said string) {
	command := process(append([]string{"commit", "-socket", filepath.Join(p.state, barrier.SocketName)}, arguments...)...)
	words, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		p.t.Error(err)
	}
	return command.ProcessState.ExitCode(), string(words)
}

func TestGivenApplicationsThatWaitThenEachProcessHearsItsOwnOutcome(t *testing.T) {
	tree, state := scratchfs.Mount(t, "tmpfs", 16), t.TempDir()
	p, _ := startProcess(t, state)
	if code, said := p.commits("-timeout", "100ms"); code != int(barrier.NoSidecar) {
		t.Fatal(code, said)
	}
	p.hello(5)
	p.configure(tree)
	p.proves(1)
	var done sync.WaitGroup
	for i := range 20 {
		done.Go(func() {
			path := filepath.Join(tree, fmt.Sprintf("order %d%%", i))
			if err := os.WriteFile(path, []byte("paid"), 0o600); err != nil {
				t.Error(err)
			}
			if code, said := p.commits("-timeout", "1m", path); code != 0 || !strings.Contains(said, "is committed") {
				t.Error(code, said)
			}
		})
	}
	heard := make(chan struct{})
	go func() {
		done.Wait()
		close(heard)
	}()
	for sequence, all := uint64(2), false; !all; sequence++ {
		select {
		case <-heard:
			all = true
		case <-time.After(50 * time.Millisecond):
			p.proves(sequence)
		}
	}
	for _, one := range []struct {
		standing  *wire.Standing
		arguments []string
		code      barrier.Code
	}{
		{nil, []string{"-timeout", "1m", t.TempDir()}, barrier.Outside},
		{nil, []string{"-timeout", "2h"}, barrier.Invalid},
		{nil, []string{"-timeout", "soon"}, barrier.Invalid},
		{nil, []string{"no/such/directory/file"}, barrier.Invalid},
		{&wire.Standing{Tenure: 1}, []string{"-timeout", "1m"}, barrier.NotPrimary},
		{&wire.Standing{Primary: true, Tenure: 1, Reason: "Alone", Sentence: "Alone."}, []string{"-timeout", "1m"}, barrier.Alone},
		{&wire.Standing{Tenure: 1, Reason: "Observe", Sentence: "Observed."}, []string{"-timeout", "1m"}, barrier.Observed},
		{&wire.Standing{Primary: true, Tenure: 1, Reason: "NoMajority", Sentence: "Held."}, []string{"-timeout", "100ms"}, barrier.Held},
		{&wire.Standing{Primary: true, Tenure: 1}, []string{"-timeout", "100ms"}, barrier.Unknown},
	} {
		if one.standing != nil {
			p.stand(one.standing)
		}
		if code, said := p.commits(one.arguments...); code != int(one.code) || said == "" {
			t.Errorf("%v: %d, %s", one, code, said)
		}
	}
	if _, said := p.commits("-h"); !strings.Contains(said, "exit code") {
		t.Fatal(said)
	}
}

func TestGivenAProgramThatIsKilledHalfWayThenNothingIsConfirmedUntilTheNextLifeKnowsIt(t *testing.T) {
	tree, state := scratchfs.Mount(t, "tmpfs", 16), t.TempDir()
	p, life := startProcess(t, state)
	p.hello(5)
	p.configure(tree)
	p.proves(1)
	if err := os.WriteFile(filepath.Join(tree, "order"), []byte("paid"), 0o600); err != nil {
		t.Fatal(err)
	}
	call, err := net.Dial("unix", filepath.Join(state, barrier.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	fmt.Fprintln(call, "commit 1m")
	ended := make(chan string, 1)
	go func() {
		code, said := p.commits("-timeout", "1m")
		ended <- fmt.Sprint(code, " ", said)
	}()
	time.Sleep(300 * time.Millisecond) // in the midst, or before: nothing is to be confirmed in either case
	_ = life.Process.Kill()
	_ = life.Wait()
	if answer, err := bufio.NewReader(call).ReadString('\n'); err == nil {
		t.Fatal(answer)
	}
	if said := <-ended; !strings.HasPrefix(said, "1 ") && !strings.HasPrefix(said, "11 ") {
		t.Fatal(said)
	}
	if code, said := p.commits(); code != int(barrier.NotRunning) {
		t.Fatal(code, said)
	}
	p, _ = startProcess(t, state)
	p.hello(5)
	p.configure(tree)
	p.stand(&wire.Standing{Primary: true, Tenure: 1, Epoch: 1, Committed: &wire.Memory{Position: &wire.Position{Tenure: 1, Sequence: 1}, Root: make([]byte, 32)}})
	if code, said := p.commits("-timeout", "100ms"); code != int(barrier.Unknown) {
		t.Fatal(code, said) // what was written in the life before is not committed
	}
	p.proves(2)
	if code, said := p.commits("-timeout", "1m"); code != 0 {
		t.Fatal(code, said)
	}
}

func TestGivenAProgramThatIsToldToEndThenWhoeverWaitsHearsThatItIsUnknown(t *testing.T) {
	tree, state := scratchfs.Mount(t, "tmpfs", 16), t.TempDir()
	p := startProgram(t, state)
	p.hello(5)
	p.configure(tree)
	p.stand(&wire.Standing{Primary: true, Tenure: 1})
	call, err := net.Dial("unix", filepath.Join(state, barrier.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	fmt.Fprintln(call, "commit 1h")
	time.Sleep(100 * time.Millisecond)
	p.stop()
	var said bytes.Buffer
	_, _ = said.ReadFrom(call)
	if answer := said.String(); answer != "" && !strings.HasPrefix(answer, "1 unknown ") {
		t.Fatal(answer)
	}
}

func TestGivenAnotherUserThenItMayCallAndReadsNothingElse(t *testing.T) {
	state := t.TempDir()
	startProcess(t, state)
	directory, err := os.Stat(state)
	if err != nil || directory.Mode().Perm() != 0o711 {
		t.Fatal(directory.Mode(), err)
	}
	socket, err := os.Stat(filepath.Join(state, barrier.SocketName))
	if err != nil || socket.Mode().Perm() != 0o666 {
		t.Fatal(socket.Mode(), err)
	}
}
