// Package port speaks with the sidecar over a virtio port: frames that find their way out of any garbage, sessions that belong to a
// term, requests with deadlines, answers in pieces with flow control, and pushes.
package port

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"virtquorum.io/guest/internal/wire"
)

const (
	// Protocol is the highest version that this program speaks.
	Protocol = 1
	// MaxRequests may be in flight at a time.
	MaxRequests = 16

	defaultLease    = 30 * time.Second
	defaultPatience = 10 * time.Second
	maxDeadline     = 24 * time.Hour
	drainFor        = 100 * time.Millisecond
	busyEvery       = time.Second
	shortestPause   = 50 * time.Millisecond
	longestPause    = 5 * time.Second
)

// Handler carries out requests.
type Handler interface {
	// Welcome says what the program is and can do; the server adds what it knows itself. It must not wait.
	Welcome() *wire.Welcome
	// Handle carries out one request and returns the last piece of its answer. When the context ends it returns at its next safe
	// point, within a second, and nothing of it may go on. It is called in a goroutine of its own, several at a time.
	Handle(ctx context.Context, call *Call) (*wire.Answer, error)
}

// Options of a server.
type Options struct {
	Handler  Handler
	Log      *slog.Logger
	Term     uint64             // the highest seen before: a lower one is refused
	KeepTerm func(uint64) error // makes a higher one last longer than this program; may be nil
	Patience time.Duration      // for a write that nobody reads; 0: 10 s
}

// Server serves one line.
type Server struct {
	line    Line
	options Options

	mu      sync.Mutex
	term    uint64
	current *session // may have ended
}

// NewServer returns a server of the line, which it does not open before Serve.
func NewServer(line Line, options Options) *Server {
	if options.Patience == 0 {
		options.Patience = defaultPatience
	}
	return &Server{line: line, options: options, term: options.Term}
}

// Serve serves one connection after the other until the context ends, and returns when everything that it began has ended. The
// error is that of closing the line.
func (s *Server) Serve(ctx context.Context) error {
	pause, told := shortestPause, ""
	for ctx.Err() == nil {
		conn, err := s.line.Open(ctx)
		if err != nil {
			if ctx.Err() == nil && err.Error() != told {
				told = err.Error()
				s.options.Log.Warn("the port cannot be opened; trying again", "why", err)
			}
			sleep(ctx, pause)
			pause = min(2*pause, longestPause)
			continue
		}
		told = ""
		if s.talk(ctx, conn) {
			pause = shortestPause
		} else {
			sleep(ctx, pause) // a port that ends at once must not be opened without end
			pause = min(2*pause, longestPause)
		}
	}
	s.mu.Lock()
	last := s.current
	s.mu.Unlock()
	if last != nil {
		<-last.idle
	}
	if err := s.line.Close(); err != nil {
		return fmt.Errorf("closing the port: %w", err)
	}
	return nil
}

// Push sends what the program saw by itself, in place of what of its kind was not sent yet. Without a session it is dropped. The
// error says that it does not fit into a frame. Safe for many goroutines; never waits.
func (s *Server) Push(push *wire.Push) error {
	if !Fits(push) {
		return errors.New("pushing: it does not fit into a frame")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && !s.current.ended {
		s.current.conn.out.push(push)
	}
	return nil
}

// Responsive returns at once, unless the server hangs.
func (s *Server) Responsive() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// talk serves one connection until it or the context ends; true: something was heard.
func (s *Server) talk(ctx context.Context, conn Conn) bool {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := newConnection(ctx, s, conn)
	c.goroutines.Go(func() { cancel(c.out.write(conn, s.options.Patience)) })
	c.goroutines.Go(func() { cancel(c.read()) })
	<-ctx.Done()
	conn.Close()
	s.mu.Lock()
	if s.current != nil && s.current.conn == c {
		s.endLocked(s.current, context.Cause(ctx))
	}
	s.mu.Unlock()
	c.goroutines.Wait()
	if c.frames.dropped > 0 {
		s.options.Log.Info("bytes that are no frame were dropped", "bytes", c.frames.dropped)
	}
	return c.heard
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
