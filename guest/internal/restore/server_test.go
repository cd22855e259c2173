package restore

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/archive"
)

// answering says what it was asked, once it may.
type answering struct {
	asked chan Request
	may   chan struct{}
}

func (a *answering) RestoreInPlace(_ context.Context, request Request) Answer {
	a.asked <- request
	<-a.may
	return Answer{Done: true, Sentence: "It is done."}
}

func listening(t *testing.T) (socket string, does *answering) {
	t.Helper()
	state := t.TempDir()
	does = &answering{asked: make(chan Request, 1), may: make(chan struct{}, 1)}
	server := &Server{Restorer: does, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if err := server.Listen(state); err != nil {
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
	return filepath.Join(state, SocketName), does
}

func TestGivenACallThenItIsCarriedOutAndASecondOneMeanwhileIsRefused(t *testing.T) {
	socket, does := listening(t)
	first := make(chan error, 1)
	go func() {
		answer, err := Ask(t.Context(), socket, Request{Entry: "epoch-1", Paths: []archive.Path{"a\xff\nb"}})
		if err == nil && !answer.Done {
			err = errors.New(answer.Sentence)
		}
		first <- err
	}()
	if asked := <-does.asked; asked.Entry != "epoch-1" || len(asked.Paths) != 1 || asked.Paths[0] != "a\xff\nb" {
		t.Fatalf("%q", asked)
	}
	answer, err := Ask(t.Context(), socket, Request{Entry: "epoch-2"})
	if err != nil || answer.Done || !strings.Contains(answer.Sentence, "wait for its end") {
		t.Fatal(answer, err)
	}
	does.may <- struct{}{}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
}

func TestGivenAnotherUserThenTheSocketIsClosedToHimAndACallIsNotRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root to be another user")
	}
	socket, does := listening(t)
	st, err := os.Stat(socket)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st, err)
	}
	// Even if somebody had opened the socket's mode.
	for at := filepath.Dir(socket); at != "/"; at = filepath.Dir(at) {
		if st, err := os.Stat(at); err == nil && st.Mode().Perm()&0o11 != 0o11 {
			if err := os.Chmod(at, st.Mode().Perm()|0o11); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with what it became
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); errno != 0 {
			failed <- errno
			return
		}
		conn, err := net.Dial("unix", socket)
		if err != nil {
			failed <- err
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, `{"entry":"epoch-1"}`+"\n")
		words, _ := io.ReadAll(conn)
		said <- string(words)
	}()
	select {
	case err := <-failed:
		t.Fatal(err)
	case words := <-said:
		if words != "" || len(does.asked) > 0 {
			t.Fatal("another user was answered:", words)
		}
	}
}

func TestGivenWhatIsNoCallThenItIsSaidAndNothingIsDone(t *testing.T) {
	socket, does := listening(t)
	for _, line := range []string{"restore everything\n", "{}\n", `{"entry":"e","paths":["\\9"]}` + "\n"} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, line)
		words, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || !strings.Contains(string(words), "That is no call") || len(does.asked) > 0 {
			t.Fatal(line, string(words), err)
		}
	}
	if _, err := Ask(t.Context(), socket, Request{Entry: "e", Paths: make([]archive.Path, MostPaths+1)}); err == nil {
		t.Fatal("too many paths were sent")
	}
	if _, err := Ask(t.Context(), filepath.Join(t.TempDir(), "none"), Request{Entry: "e"}); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Fatal(err)
	}
}
