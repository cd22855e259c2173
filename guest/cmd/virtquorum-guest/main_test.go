package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// program is one that runs, with systemd and a sidecar beside it.
type program struct {
	t     *testing.T
	conn  net.Conn
	peer  *port.Peer
	id    uint64
	state string
	stop  func() int
}

func startProgram(t *testing.T, state string) *program {
	t.Helper()
	directory := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(directory, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	t.Setenv("NOTIFY_SOCKET", filepath.Join(directory, "notify"))
	t.Setenv("WATCHDOG_USEC", "30000")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	socket := filepath.Join(directory, "port")
	go func() {
		var problems bytes.Buffer
		code := start(ctx, []string{"run", "--port", "unix:" + socket, "--state", state}, &problems, &problems)
		if code != 0 {
			t.Error(problems.String())
		}
		ended <- code
	}()
	for _, want := range []string{"READY=1", "WATCHDOG=1"} {
		words := make([]byte, 100)
		n, err := manager.Read(words)
		if err != nil || string(words[:n]) != want {
			t.Fatalf("%q instead of %q, %v", words[:n], want, err)
		}
	}
	p := &program{t: t, state: state}
	for p.conn == nil { // it listens a moment after it is ready
		p.conn, _ = net.Dial("unix", socket)
	}
	p.peer = port.NewPeer(p.conn)
	p.stop = func() int {
		cancel()
		return <-ended
	}
	return p
}

func (p *program) say(message *wire.ToGuest) *wire.FromGuest {
	p.t.Helper()
	message.Session = 1
	if err := p.peer.Send(message); err != nil {
		p.t.Fatal(err)
	}
	for {
		answer, err := p.peer.Next()
		if err != nil {
			p.t.Fatal(err)
		}
		if answer.GetPush() == nil && answer.GetProgress() == nil {
			return answer
		}
	}
}

func (p *program) ask(request *wire.Request) *wire.Answer {
	p.t.Helper()
	p.id++
	request.Id, request.Term, request.Credit, request.DeadlineMillis = p.id, 5, 1, 60_000
	message := p.say(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: request}})
	if message.GetAnswer() == nil {
		p.t.Fatal(message)
	}
	return message.GetAnswer()
}

func (p *program) hello(term uint64) *wire.FromGuest {
	p.t.Helper()
	return p.say(&wire.ToGuest{Message: &wire.ToGuest_Hello{Hello: &wire.Hello{Term: term, Protocol: 1, PushCredit: 100}}})
}

func TestGivenAManagerThatReadsNothingThenTheProgramEndsAllTheSame(t *testing.T) {
	p := startProgram(t, t.TempDir())
	silent := manager{socket: os.Getenv("NOTIFY_SOCKET")}
	for range 600 { // more than its queue holds: net.unix.max_dgram_qlen is 10, and 512 under systemd
		conn, err := net.Dial("unixgram", silent.socket)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, err = conn.Write([]byte("STATUS=filled"))
		_ = conn.Close()
		if err != nil {
			break
		}
	}
	ended := make(chan int, 1)
	go func() { ended <- p.stop() }()
	select {
	case code := <-ended:
		if code != 0 {
			t.Fatal(code)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for its manager")
	}
}

func TestGivenASidecarThenItIsServedAndTheProgramEndsWhenItIsTold(t *testing.T) {
	tree, state := scratchfs.Mount(t, "tmpfs", 16), t.TempDir()
	if err := os.WriteFile(filepath.Join(tree, "index.html"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, state)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	welcome := p.hello(5).GetWelcome()
	if welcome.GetVersion() != version || welcome.GetBootId() != strings.TrimSpace(string(boot)) || welcome.GetKernel() == "" {
		t.Fatal(welcome)
	}
	p.ask(&wire.Request{Operation: &wire.Request_Configure{Configure: &wire.Configure{
		Key: make([]byte, 32), Cluster: "uid", Member: "web-0", Trees: []*wire.Tree{{Name: "site", Path: []byte(tree)}},
	}}})
	if seen := p.ask(&wire.Request{Operation: &wire.Request_Look{Look: &wire.Look{Walk: true}}}).GetLook(); seen.GetRows() != 2 {
		t.Fatal(seen)
	}
	rows := p.ask(&wire.Request{Operation: &wire.Request_Rows{Rows: &wire.Rows{}}}).GetRows().GetRows()
	if len(rows) != 2 || string(rows[1].Path) != "index.html" || len(rows[1].Digest) != 32 {
		t.Fatal(rows)
	}
	if code := p.stop(); code != 0 {
		t.Fatal(code)
	}

	p = startProgram(t, state) // it knows the term
	if refusal := p.hello(4).GetRefusal(); refusal.GetReason() != wire.Reason_REASON_OLDER_TERM {
		t.Fatal(refusal)
	}
	p.stop()
}

func TestGivenNoOrAnUnknownCommandThenTheKnownOnesAreTold(t *testing.T) {
	for _, arguments := range [][]string{nil, {"walk"}} {
		var problems bytes.Buffer
		if code := start(t.Context(), arguments, &problems, &problems); code != 2 || !strings.Contains(problems.String(), "run") {
			t.Fatal(code, problems.String())
		}
	}
	var out bytes.Buffer
	if code := start(t.Context(), []string{"version"}, &out, &out); code != 0 || strings.TrimSpace(out.String()) != version {
		t.Fatal(code, out.String())
	}
}

func TestGivenATermFileThatHoldsNoNumberThenTheProgramSaysSoAndDoesNotServe(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "term"), []byte("five"), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	code := start(t.Context(), []string{"run", "--port", "unix:" + filepath.Join(state, "port"), "--state", state}, &problems, &problems)
	if code != 1 || !strings.Contains(problems.String(), "term") {
		t.Fatal(code, problems.String())
	}
}
