package barrier

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// answering answers each call when it may.
type answering struct {
	goOn    chan struct{} // closed: calls are answered
	began   chan struct{} // one for each call; may be nil
	outcome Outcome
	mu      sync.Mutex
	paths   []string
	given   int // calls that were given up
}

func (a *answering) Commit(ctx context.Context, paths []string) Outcome {
	a.mu.Lock()
	a.paths = paths
	a.mu.Unlock()
	if a.began != nil {
		a.began <- struct{}{}
	}
	select {
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		a.given++
		return Say(Unknown, "The time is over.")
	case <-a.goOn:
		return a.outcome
	}
}

func (a *answering) givenUp() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.given
}

func newAnswering(answers bool) *answering {
	a := &answering{goOn: make(chan struct{}), outcome: Say(Committed, "All of it: epoch 4.")}
	if answers {
		close(a.goOn)
	}
	return a
}

func serve(t *testing.T, server *Server) (socket string) {
	t.Helper()
	directory := filepath.Join(t.TempDir(), strings.Repeat("long", 40)) // than a socket's path may be
	if err := os.Mkdir(directory, 0o711); err != nil {
		t.Fatal(err)
	}
	server.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := server.Listen(directory); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	short := filepath.Join("/tmp", fmt.Sprintf("vq-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if err := os.Symlink(directory, short); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(short) })
	return filepath.Join(short, SocketName)
}

// say sends raw words, and gives the answer, or what was wrong.
func say(t *testing.T, socket, words string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, words)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return answer
}

func TestGivenACallThenItsOneLineAnswersAndTheProgramsOwnClientReadsIt(t *testing.T) {
	committer := newAnswering(true)
	socket := serve(t, &Server{Committer: committer})
	if answer := say(t, socket, "commit 10s\n"); answer != "0 committed All of it: epoch 4.\n" {
		t.Fatal(answer)
	}
	paths := []string{"/srv/a b", "/srv/100%", "/srv/line\nbreak", "/srv/\xff"}
	if outcome := Ask(t.Context(), socket, Request{time.Minute, paths}); outcome != committer.outcome {
		t.Fatal(outcome)
	}
	if got := committer.paths; len(got) != len(paths) || got[0] != paths[0] || got[1] != paths[1] || got[2] != paths[2] || got[3] != paths[3] {
		t.Fatalf("%q", got)
	}
}

func TestGivenACallerThatHasNothingMoreToSayThenItIsAnsweredAllTheSame(t *testing.T) {
	committer := newAnswering(false)
	committer.began = make(chan struct{}, 1)
	socket := serve(t, &Server{Committer: committer})
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "commit 1m\n")
	_ = conn.(*net.UnixConn).CloseWrite()
	<-committer.began
	time.Sleep(goneEvery + goneEvery/2) // it is looked whether the caller is gone
	close(committer.goOn)
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "0 ") {
		t.Fatal(string(answer), err)
	}
}

func TestGivenACallerThatGoesAwayThenItIsWaitedForNoMore(t *testing.T) {
	committer := newAnswering(false)
	committer.began = make(chan struct{}, 1)
	socket := serve(t, &Server{Committer: committer})
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "commit 1h\n")
	<-committer.began
	conn.Close()
	for end := time.Now().Add(time.Minute); committer.givenUp() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is still waited for")
		}
	}
}

func TestGivenWhatIsNoCallThenASentenceSaysSo(t *testing.T) {
	socket := serve(t, &Server{Committer: newAnswering(true)})
	for _, words := range []string{
		"\n", "commit\n", "GET / HTTP/1.1\r\n", "commit ten\n", "commit -1s\n", "commit 0s\n", "commit 2h\n", "commit 10s relative\n", "commit 10s /a%zz\n",
		"commit 10s /nul%00\n", "commit 10s" + strings.Repeat(" /a", MostPaths+1) + "\n", strings.Repeat("x", mostLine+10), "\x00\xff\xfe\n",
	} {
		if answer := say(t, socket, words); !strings.HasPrefix(answer, "2 invalid ") || strings.Count(answer, "\n") != 1 {
			t.Errorf("%.40q: %q", words, answer)
		}
	}
	if answer := say(t, socket, "commit 10s\n"); !strings.HasPrefix(answer, "0 ") {
		t.Fatal(answer)
	}
}

func TestGivenThousandsOfConnectionsThenThoseThatAreTooManyAreToldAndTheOthersAreAnswered(t *testing.T) {
	committer := newAnswering(false)
	committer.began = make(chan struct{}, 10_000)
	socket := serve(t, &Server{Committer: committer, Most: 20, Each: 20})
	var waiting []net.Conn
	for range 20 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "commit 1h\n")
		<-committer.began
		waiting = append(waiting, conn)
	}
	refused := 0
	for range 3000 {
		if answer := say(t, socket, "commit 1s\n"); strings.HasPrefix(answer, "10 busy ") {
			refused++
		} else if strings.HasPrefix(answer, "0 ") {
			t.Fatal(answer)
		}
	}
	if refused == 0 {
		t.Fatal("nobody was told")
	}
	close(committer.goOn)
	for _, conn := range waiting {
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "0 ") {
			t.Fatal(string(answer), err)
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if answer := say(t, socket, "commit 1s\n"); strings.HasPrefix(answer, "0 ") {
			return // there is room again
		}
		if time.Now().After(end) {
			t.Fatal("there is no room any more")
		}
	}
}

func TestGivenAUserThenItHasNoMoreThanItsShareAndRootHasAll(t *testing.T) {
	s := &Server{Most: 10, Each: 3, users: map[uint32]int{}}
	var ends []func()
	for i := range 5 {
		end, taken := s.enter(1000)
		if taken != (i < 3) {
			t.Fatal(i, taken)
		}
		if taken {
			ends = append(ends, end)
		}
	}
	for i := range 8 {
		if _, taken := s.enter(0); taken != (i < 7) {
			t.Fatal(i, taken)
		}
	}
	ends[0]()
	if _, taken := s.enter(1000); !taken || len(s.users) != 2 {
		t.Fatal(s.users)
	}
}

func TestGivenAnAnswerThatIsNoneThenNothingIsConfirmed(t *testing.T) {
	for _, line := range []string{"", "0", "0 busy", "1 committed", "x committed fine", "-1 unknown", "999 unknown"} {
		if outcome, err := parseOutcome(line); err == nil {
			t.Errorf("%q: %v", line, outcome)
		}
	}
	if outcome, err := parseOutcome("17 new-word Something."); err != nil || outcome != (Outcome{17, "Something."}) {
		t.Fatal(outcome, err)
	}
	if line := Say(Unknown, "a\nb\x7f%s", strings.Repeat("c", mostLine)).line(); strings.ContainsAny(line, "\n\x7f") || len(line) >= mostLine {
		t.Fatal(len(line))
	}
	directory := t.TempDir()
	if outcome := Ask(t.Context(), filepath.Join(directory, SocketName), Request{Timeout: time.Second}); outcome.Code != NotRunning {
		t.Fatal(outcome)
	}
	listener, err := net.Listen("unix", filepath.Join(directory, "s"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { // a program that dies
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if outcome := Ask(t.Context(), filepath.Join(directory, "s"), Request{Timeout: time.Second}); outcome.Code != Unknown {
		t.Fatal(outcome)
	}
	listener.Close()
	if outcome := Ask(t.Context(), filepath.Join(directory, "s"), Request{Timeout: time.Second}); outcome.Code != NotRunning {
		t.Fatal(outcome)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("commit 10s /srv/a%20b")
	f.Fuzz(func(t *testing.T, line string) {
		request, err := parseRequest(line)
		if err != nil {
			return
		}
		again, err := parseRequest(request.line())
		if err != nil || again.Timeout != request.Timeout || fmt.Sprint(again.Paths) != fmt.Sprint(request.Paths) {
			t.Fatal(request, again, err)
		}
	})
}
