package restore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
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
func (s *Server) Listen(directory string) error {
	at, err := os.OpenFile(directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the directory of the socket for restores: %w", err)
	}
	defer at.Close()
	// By the fd: a path of more than 107 bytes is none for a socket.
	name := fmt.Sprintf("/proc/self/fd/%d/%s", at.Fd(), SocketName)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the earlier socket for restores: %w", err)
	}
	if s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"}); err != nil {
		return fmt.Errorf("making the socket for restores: %w", err)
	}
	s.listener.SetUnlinkOnClose(false) // the next life's may be there by then
	if err := os.Chmod(name, 0o600); err != nil {
		s.listener.Close()
		return fmt.Errorf("making the socket for restores root's alone: %w", err)
	}
	s.places = make(chan struct{}, mostCalls)
	return nil
}

// Serve answers until the context ends; then no call is left.
func (s *Server) Serve(ctx context.Context) {
	defer s.calls.Wait()
	defer context.AfterFunc(ctx, func() { s.listener.Close() })()
	for ctx.Err() == nil {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() == nil {
				s.Log.Warn("taking a call for a restore", "why", err)
				select {
				case <-ctx.Done():
				case <-time.After(time.Second): // as when there are no fds left
				}
			}
			continue
		}
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
}

func (s *Server) answer(ctx context.Context, conn *net.UnixConn) {
	// The socket's mode lets nobody else in; before it had that mode somebody may have called.
	if user, err := userOf(conn); err != nil || user != uint32(os.Geteuid()) {
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

func userOf(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var caller *unix.Ucred
	failed := raw.Control(func(fd uintptr) { caller, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(failed, err); err != nil {
		return 0, fmt.Errorf("asking who calls: %w", err)
	}
	return caller.Uid, nil
}
