package barrier

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/socket"
)

const (
	lineWithin   = 5 * time.Second // a caller says its line, and takes its answer
	goneEvery    = time.Second     // between two looks whether a caller went away
	refusedAwait = 100             // callers that are told at one time that there are too many
)

// Server answers callers at a socket, a goroutine each.
type Server struct {
	Committer Committer
	Log       *slog.Logger
	Most      int // callers at one time; 0: 256
	Each      int // of one user but root; 0: 64

	listener *net.UnixListener
	refusing chan struct{}

	mu    sync.Mutex
	all   int
	users map[uint32]int
	calls sync.WaitGroup
}

// Listen makes the socket in a directory that is ours alone, in the place of one that an earlier life left. Any user may call.
func (s *Server) Listen(directory string) (err error) {
	if s.listener, err = socket.Listen(directory, SocketName, "commit", 0o666); err != nil {
		return err
	}
	s.Most, s.Each = orElse(s.Most, 256), orElse(s.Each, 64)
	s.users, s.refusing = map[uint32]int{}, make(chan struct{}, refusedAwait)
	return nil
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Serve answers until the context ends; then no call is left.
func (s *Server) Serve(ctx context.Context) {
	defer s.calls.Wait()
	socket.Accept(ctx, s.listener, s.Log, "commit", func(conn *net.UnixConn) { s.take(ctx, conn) })
}

// take answers a caller in a goroutine, or refuses it at once.
func (s *Server) take(ctx context.Context, conn *net.UnixConn) {
	user, err := socket.UserOf(conn)
	if err != nil {
		conn.Close()
		return
	}
	if end, taken := s.enter(user); taken {
		s.calls.Go(func() {
			defer end()
			defer conn.Close()
			s.answer(ctx, conn)
		})
		return
	}
	select {
	case s.refusing <- struct{}{}:
		s.calls.Go(func() {
			defer func() { <-s.refusing }()
			defer conn.Close()
			s.say(conn, Say(Busy, "Too many wait for commits already: %d may, and %d of one user. Let several changes share a call.", s.Most, s.Each))
		})
	default:
		conn.Close()
	}
}

func (s *Server) enter(user uint32) (end func(), taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.Most || user != 0 && s.users[user] >= s.Each {
		return nil, false
	}
	s.all++
	s.users[user]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.users[user]--; s.users[user] == 0 {
			delete(s.users, user)
		}
	}, true
}

// answer reads one line and answers it.
func (s *Server) answer(ctx context.Context, conn *net.UnixConn) {
	_ = conn.SetReadDeadline(time.Now().Add(lineWithin))
	line, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadString('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == mostLine:
		s.say(conn, Say(Invalid, "A line has at most %d bytes: name fewer paths, or none.", mostLine-1))
		return
	case err != nil:
		return // it said nothing whole
	}
	request, err := parseRequest(line)
	if err != nil {
		s.say(conn, Say(Invalid, "That is no call: %v.", err))
		return
	}
	calling, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	var watching sync.WaitGroup
	watching.Go(func() { cancelWhenGone(calling, conn, cancel) })
	outcome := s.Committer.Commit(calling, request.Paths)
	cancel()
	watching.Wait()
	s.say(conn, outcome)
}

// say never waits for long: a caller that takes nothing has a buffer in the kernel, which a line fits into.
func (s *Server) say(conn *net.UnixConn, outcome Outcome) {
	_ = conn.SetWriteDeadline(time.Now().Add(lineWithin))
	_, _ = io.WriteString(conn, outcome.line()+"\n") // an error: nobody listens any more
}

// cancelWhenGone gives up for a caller that went away. One that only says that it has nothing more to say is still there.
func cancelWhenGone(ctx context.Context, conn *net.UnixConn, cancel context.CancelFunc) {
	for ctx.Err() == nil {
		socket.Pause(ctx, goneEvery)
		if isGone(conn) {
			cancel()
		}
	}
}

func isGone(conn *net.UnixConn) (gone bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(poll, 0)
		gone = err == nil && n == 1 && poll[0].Revents&unix.POLLHUP != 0
	})
	return gone || err != nil
}
