package restore

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"virtquorum.io/guest/internal/socket"
)

const (
	lineWithin = 5 * time.Second // a caller says its line, and takes its answer
	mostCalls  = 8               // at a time; one is carried out, the others are refused
)

// Server answers root at a socket, one call after the other.
type Server struct {
	Restorer Restorer
	Log      *slog.Logger

	listener *net.UnixListener
	working  sync.Mutex // held while something is put back
	places   chan struct{}
	calls    sync.WaitGroup
}

// Listen makes the socket in a directory that is ours alone, in the place of one that an earlier life left.
func (s *Server) Listen(directory string) (err error) {
	if s.listener, err = socket.Listen(directory, SocketName, "restore", 0o600); err != nil {
		return err
	}
	s.places = make(chan struct{}, mostCalls)
	return nil
}

// Serve answers until the context ends; then no call is left.
func (s *Server) Serve(ctx context.Context) {
	defer s.calls.Wait()
	socket.Accept(ctx, s.listener, s.Log, "restore", func(conn *net.UnixConn) { s.take(ctx, conn) })
}

// take answers a caller in a goroutine, or refuses it at once.
func (s *Server) take(ctx context.Context, conn *net.UnixConn) {
	select {
	case s.places <- struct{}{}:
		s.calls.Go(func() {
			defer func() { <-s.places }()
			defer conn.Close()
			s.answer(ctx, conn)
		})
	default:
		conn.Close()
	}
}

func (s *Server) answer(ctx context.Context, conn *net.UnixConn) {
	// The socket's mode lets nobody else in; before it had that mode somebody may have called.
	if user, err := socket.UserOf(conn); err != nil || user != uint32(os.Geteuid()) {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(lineWithin))
	line, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadBytes('\n')
	if err != nil && len(line) < mostLine {
		return // it said nothing whole
	}
	var request Request
	if err == nil {
		if err = json.Unmarshal(line, &request); err == nil {
			err = request.check()
		}
	}
	if err != nil {
		s.say(conn, Answer{Sentence: fmt.Sprintf("That is no call: %v.", err)})
		return
	}
	if !s.working.TryLock() {
		s.say(conn, Answer{Sentence: "Something else is being put back: wait for its end, and try it again."})
		return
	}
	defer s.working.Unlock()
	working, cancel := context.WithTimeout(ctx, Longest) // a caller that goes away does not leave half of it done
	defer cancel()
	s.say(conn, s.Restorer.RestoreInPlace(working, request))
}

func (s *Server) say(conn *net.UnixConn, answer Answer) {
	line, err := json.Marshal(answer)
	if err != nil {
		s.Log.Error("answering a call for a restore", "why", err)
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(lineWithin))
	_, _ = conn.Write(append(line, '\n')) // an error: nobody listens any more
}
