package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// behaviour is written behind a copy of this test's own program, which then is a guest program of another version.
type behaviour struct {
	Version string `json:"version"`
	Run     string `json:"run"` // instead of what it should do: crash, hang, mute, vanish, crash in place, sick
}

const (
	behind   = "\nVIRTQUORUM-TEST "
	killStep = "VIRTQUORUM_TEST_KILL" // the step after which the program is ended as a power cut does
)

func TestMain(m *testing.M) {
	own, known := ownBehaviour()
	if !known {
		if os.Getenv("VIRTQUORUM_IS_PROGRAM") != "" {
			main()
		}
		os.Exit(m.Run())
	}
	version = own.Version
	if kill := os.Getenv(killStep); kill != "" {
		atStep = func(step string) {
			if step == kill {
				_ = unix.Kill(os.Getpid(), unix.SIGKILL)
				select {}
			}
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "run" {
		misbehave(own.Run)
	} else if own.Run == "sick" {
		os.Exit(5)
	}
	main()
}

func misbehave(how string) {
	switch how {
	case "crash":
		os.Stderr.WriteString("this program is broken\n")
		os.Exit(3)
	case "mute":
		time.Sleep(time.Hour)
	case "hang":
		var held sync.Mutex
		held.Lock()
		go func() {
			for range time.Tick(time.Hour) { // so that it is no deadlock
			}
		}()
		held.Lock()
	case "vanish":
		os.Exit(0)
	case "crash in place":
		if os.Getenv("VIRTQUORUM_ON_TRIAL") == "" {
			atStep = nil
			defer os.Exit(4)
			beginUpdates("boot", slog.New(slog.DiscardHandler))
		}
	}
}

func ownBehaviour() (own behaviour, known bool) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return own, false
	}
	at := bytes.LastIndex(program, []byte(behind+"{"))
	if at < 0 || len(program)-at > 200 {
		return own, false
	}
	return own, json.Unmarshal(program[at+len(behind):], &own) == nil
}

// smallProgram is this test's program without what finds races, which makes it three times as large and slow to send.
var smallProgram = sync.OnceValues(func() ([]byte, error) {
	directory, err := os.MkdirTemp("", "program")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "program")
	build := exec.Command("go", "test", "-c", "-ldflags", "-s -w", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building a program: %w: %s", err, said)
	}
	return os.ReadFile(file)
})

// programOf is a guest program that behaves so.
func programOf(t *testing.T, how behaviour) []byte {
	t.Helper()
	program, err := smallProgram()
	if err != nil {
		t.Fatal(err)
	}
	program = bytes.Clone(program)
	words, err := json.Marshal(how)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(program, behind...), words...)
}

// vm has a program installed, and a sidecar beside it.
type vm struct {
	t       *testing.T
	program string
	socket  string
	tree    string
	state   string
	process *exec.Cmd
	ended   chan struct{}
	log     *lines
	session uint64
	conn    net.Conn // of the newest sidecar: the port takes one at a time
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(words []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(words)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newVM(t *testing.T, how behaviour) *vm {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("programs are root's")
	}
	directory := t.TempDir()
	v := &vm{t: t, program: filepath.Join(directory, "virtquorum-guest"), socket: filepath.Join(directory, "port"), state: filepath.Join(directory, "state")}
	v.tree, v.log = scratchfs.Mount(t, "tmpfs", 16), &lines{}
	if err := os.WriteFile(v.program, programOf(t, how), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.powerOff()
		if v.conn != nil {
			v.conn.Close()
		}
		if t.Failed() {
			t.Log(v.log)
		}
	})
	return v
}

// boot starts what is installed.
func (v *vm) boot(environment ...string) {
	v.t.Helper()
	v.powerOff()
	process := exec.Command(v.program, "run", "--port", "unix:"+v.socket, "--state", v.state)
	process.Env = append(os.Environ(), environment...)
	process.Stderr = v.log
	if err := process.Start(); err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait()
		close(ended)
	}()
	v.process, v.ended = process, ended
}

// powerOff ends the program as a power cut does, and what it began ends with it.
func (v *vm) powerOff() {
	if v.process != nil {
		_ = v.process.Process.Kill()
		<-v.ended
	}
}

// sidecar is a session with whichever program serves.
type sidecar struct {
	*program
	welcome *wire.Welcome
	session uint64
}

func (v *vm) sidecar() *sidecar {
	v.t.Helper()
	if v.conn != nil {
		v.conn.Close()
	}
	limit := time.Now().Add(90 * time.Second)
	for time.Now().Before(limit) {
		if s := v.attach(); s != nil {
			return s
		}
	}
	v.t.Fatal("no program serves")
	return nil
}

// attach tries to get a session; nil: there is none now.
func (v *vm) attach() *sidecar {
	conn, err := net.Dial("unix", v.socket)
	if err != nil {
		time.Sleep(20 * time.Millisecond)
		return nil
	}
	v.session++
	s := &sidecar{program: &program{t: v.t, conn: conn, peer: port.NewPeer(conn)}, session: v.session}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	message, err := s.try(&wire.ToGuest{Message: &wire.ToGuest_Hello{Hello: &wire.Hello{Term: 5, Protocol: 1}}})
	// One that is about to end is none to rely on.
	if err == nil && message.GetWelcome() != nil && message.GetWelcome().GetUpdate().GetState() != wire.UpdateState_UPDATE_STATE_UNDER_WAY {
		s.welcome, v.conn = message.GetWelcome(), conn
		return s
	}
	conn.Close()
	return nil
}

func (s *sidecar) try(message *wire.ToGuest) (*wire.FromGuest, error) {
	message.Session = s.session
	if err := s.peer.Send(message); err != nil {
		return nil, err
	}
	return s.next()
}

func (s *sidecar) next() (*wire.FromGuest, error) {
	for {
		answer, err := s.peer.Next()
		if err != nil || answer.GetPush() == nil && answer.GetProgress() == nil && answer.GetCredit() == nil {
			return answer, err
		}
	}
}

// request asks for something in this session, and closes the request at its first piece.
func (s *sidecar) request(request *wire.Request) (*wire.FromGuest, error) {
	s.id++
	request.Id, request.Term, request.Credit, request.DeadlineMillis = s.id, 5, 1, 60_000
	return s.try(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: request}})
}

func (s *sidecar) close() {
	_ = s.peer.Send(&wire.ToGuest{Session: s.session, Message: &wire.ToGuest_Cancel{Cancel: &wire.Cancel{Id: s.id}}})
	for { // until the program ends the session
		if _, err := s.peer.Next(); err != nil {
			return
		}
	}
}

func (s *sidecar) configure(tree string) {
	s.t.Helper()
	message, err := s.request(&wire.Request{Operation: &wire.Request_Configure{Configure: &wire.Configure{
		Key: make([]byte, 32), Cluster: "uid", Member: "web-0", Trees: []*wire.Tree{{Name: "site", Path: []byte(tree)}},
	}}})
	if err != nil || message.GetAnswer() == nil {
		s.t.Fatal(message, err)
	}
}

// push gives the guest a newer program; what it answers. An error: the program ended meanwhile.
func (v *vm) push(content []byte, change ...func(*wire.Update)) (*wire.FromGuest, error) {
	v.t.Helper()
	s := v.sidecar()
	s.configure(v.tree)
	digest := sha256.Sum256(content)
	order := &wire.Update{Version: "2.0.0", Architecture: runtime.GOARCH, Digest: digest[:], Size: uint64(len(content)), TrialMillis: 60_000}
	for _, one := range change {
		one(order)
	}
	s.id++
	request := &wire.Request{
		Id: s.id, Term: 5, Credit: 1, DeadlineMillis: 60_000, BodyFollows: true, Operation: &wire.Request_Update{Update: order},
	}
	if err := s.peer.Send(&wire.ToGuest{Session: s.session, Message: &wire.ToGuest_Request{Request: request}}); err != nil {
		return nil, err
	}
	for window := 2; ; window-- {
		for ; window == 0; window++ { // the program says when it takes more
			message, err := s.peer.Next()
			if err != nil {
				return nil, err
			}
			if message.GetRefusal() != nil || message.GetAnswer() != nil {
				return message, nil
			}
			if message.GetCredit() == nil {
				window--
			}
		}
		piece := content[:min(len(content), 128<<10)]
		content = content[len(piece):]
		body := &wire.Body{Id: s.id, Content: piece, Last: len(content) == 0}
		if err := s.peer.Send(&wire.ToGuest{Session: s.session, Message: &wire.ToGuest_Body{Body: body}}); err != nil {
			return nil, err
		}
		if body.Last {
			break
		}
	}
	message, err := s.next()
	if err == nil && message.GetAnswer().GetUpdating() != nil {
		s.close()
	}
	return message, err
}

// confirm says to the program on trial that it works; true: its session ends.
func (s *sidecar) confirm(tree string) (bool, error) {
	s.t.Helper()
	s.configure(tree)
	message, err := s.request(&wire.Request{Operation: &wire.Request_ConfirmUpdate{ConfirmUpdate: &wire.ConfirmUpdate{Version: s.welcome.Version}}})
	if err == nil && message.GetAnswer().GetUpdateConfirmed() == nil {
		s.t.Fatal(message)
	}
	return message.GetAnswer().GetUpdateConfirmed().GetEnds(), err
}

// settle does what a sidecar does until no program is on trial any more.
func (v *vm) settle() *sidecar {
	v.t.Helper()
	for range 10 {
		s := v.sidecar()
		if s.welcome.GetUpdate().GetState() != wire.UpdateState_UPDATE_STATE_ON_TRIAL {
			return s
		}
		if ends, err := s.confirm(v.tree); err == nil && ends {
			s.close()
		}
	}
	v.t.Fatal("it stays on trial")
	return nil
}

// inPlace is true if the program of this version is the installed one.
func (v *vm) inPlace(want string) bool {
	v.t.Helper()
	said, err := exec.CommandContext(context.Background(), v.program, "version").Output()
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.TrimSpace(string(said)) == want
}

func (v *vm) leavesNothing() {
	v.t.Helper()
	for _, suffix := range []string{".next", ".update~", ".previous~"} {
		if _, err := os.Lstat(filepath.Join(filepath.Dir(v.program), ".virtquorum-guest"+suffix)); err == nil {
			v.t.Errorf("%s is left", suffix)
		}
	}
}
