package port

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

// connection is one time that somebody is on the other side of the line. Its fields belong to the goroutine that reads, where
// nothing else is said.
type connection struct {
	server     *Server
	conn       Conn
	ctx        context.Context
	out        *outbox
	frames     *frameReader
	goroutines sync.WaitGroup
	heard      bool
	fresh      []*Call // not begun yet
	freshSince time.Time

	// The server's lock guards these.
	next      *wire.ToGuest // the newest Hello that waits for the session before to become idle
	switching bool          // a goroutine waits for that
}

func newConnection(ctx context.Context, s *Server, conn Conn) *connection {
	c := &connection{server: s, conn: conn, ctx: ctx, out: newOutbox(ctx.Done())}
	c.frames = newFrameReader(conn, c.begin)
	return c
}

// read returns when the connection ends. The error says why.
func (c *connection) read() error {
	for {
		payload, err := c.frames.next()
		if err == io.EOF {
			return errHungUp
		}
		if err != nil {
			return fmt.Errorf("reading from the port: %w", err)
		}
		c.heard = true
		message := &wire.ToGuest{}
		if proto.Unmarshal(payload, message) != nil {
			c.frames.dropped += uint64(len(payload))
			continue
		}
		if err := c.receive(message); err != nil {
			return err
		}
	}
}

// begin starts the requests that came. It waits for that until everything that is there was read: behind a request that lay in the
// port while this machine was stopped lies what cancels it.
func (c *connection) begin() {
	if len(c.fresh) == 0 {
		return
	}
	if port, ok := c.conn.(interface{ waiting() bool }); ok && port.waiting() && time.Since(c.freshSince) < drainFor {
		return
	}
	for _, call := range c.fresh {
		c.server.start(call)
	}
	c.fresh = c.fresh[:0]
}

// receive acts on one message. The error ends the connection.
func (c *connection) receive(message *wire.ToGuest) error {
	if hello, ok := message.Message.(*wire.ToGuest_Hello); ok {
		return c.hello(message, hello.Hello)
	}
	session := c.session(message.Session)
	if session == nil {
		switch message.Message.(type) {
		case *wire.ToGuest_Request, *wire.ToGuest_Ping: // a guest that booted has a sidecar that waits in the session before
			return c.refuse(message.Session, message.GetRequest().GetId(), Refuse(wire.Reason_REASON_NOT_IN_SESSION, "", "there is no such session"))
		}
		return nil
	}
	session.expiry.Reset(session.lease)
	switch kind := message.Message.(type) {
	case *wire.ToGuest_Request:
		return c.request(session, kind.Request)
	case *wire.ToGuest_Body:
		if call := c.call(session, kind.Body.GetId()); call != nil {
			call.addBody(kind.Body)
		}
	case *wire.ToGuest_Cancel:
		if call := c.call(session, kind.Cancel.GetId()); call != nil {
			call.cancel(errCancelled)
		}
	case *wire.ToGuest_Credit:
		if kind.Credit.GetId() == 0 {
			c.out.addPushCredit(kind.Credit.GetPieces())
		} else if call := c.call(session, kind.Credit.GetId()); call != nil {
			call.addCredit(kind.Credit.GetPieces())
		}
	case *wire.ToGuest_Ping:
		pong := &wire.Pong{Number: kind.Ping.GetNumber(), Running: c.server.runningIDs(session)}
		return c.out.send(c.ctx, session.message(&wire.FromGuest_Pong{Pong: pong}))
	}
	return nil
}

// session is the one with this id, if it is of this connection and has not ended.
func (c *connection) session(id uint64) *session {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.ended || s.current.conn != c || s.current.id != id {
		return nil
	}
	return s.current
}

func (c *connection) call(of *session, id uint64) *Call {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return of.calls[id]
}

func (c *connection) refuse(session, id uint64, err error) error {
	refusal := refusalOf(id, context.Background(), err)
	if refusal.Reason == wire.Reason_REASON_OLDER_TERM {
		c.server.mu.Lock()
		refusal.Term = c.server.term
		c.server.mu.Unlock()
	}
	return c.out.send(c.ctx, fromGuest(session, &wire.FromGuest_Refusal{Refusal: refusal}))
}

// request takes a request in; begin starts it.
func (c *connection) request(session *session, request *wire.Request) error {
	call, err := c.accept(session, request)
	if err != nil {
		return c.refuse(session.id, request.GetId(), err)
	}
	if len(c.fresh) == 0 {
		c.freshSince = time.Now()
	}
	c.fresh = append(c.fresh, call)
	return nil
}

func (c *connection) accept(session *session, request *wire.Request) (*Call, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	switch {
	case request.GetTerm() < session.term:
		return nil, Refuse(wire.Reason_REASON_OLDER_TERM, "", "the request is of term %d and the session of term %d", request.GetTerm(), session.term)
	case request.GetTerm() > session.term:
		return nil, Refuse(wire.Reason_REASON_NOT_IN_SESSION, "", "term %d needs a session of its own", request.GetTerm())
	case request.GetId() <= session.lastID:
		return nil, Refuse(wire.Reason_REASON_INVALID, "IdUsed", "request %d came after request %d", request.GetId(), session.lastID)
	case len(session.calls) >= MaxRequests:
		return nil, Refuse(wire.Reason_REASON_TOO_MANY, "", "%d requests are in flight", len(session.calls))
	}
	session.lastID = request.Id
	if request.DeadlineMillis == 0 || millis(request.DeadlineMillis) > maxDeadline {
		return nil, Refuse(wire.Reason_REASON_INVALID, "Deadline", "a request needs a deadline of at most %v", maxDeadline)
	}
	if request.Credit == 0 {
		return nil, Refuse(wire.Reason_REASON_INVALID, "Credit", "a request must take at least one piece of its answer")
	}
	call := newCall(session, c, request)
	session.calls[request.Id] = call
	return call, nil
}

// hello begins a session, or repeats the Welcome of the one that it has begun.
func (c *connection) hello(message *wire.ToGuest, hello *wire.Hello) error {
	again, err := c.admit(message, hello)
	if err != nil {
		return c.refuse(message.Session, 0, err)
	}
	if again != nil {
		return c.welcome(again)
	}
	return nil
}

func (c *connection) admit(message *wire.ToGuest, hello *wire.Hello) (again *session, err error) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if message.Session == 0 {
		return nil, Refuse(wire.Reason_REASON_INVALID, "Session", "a session needs a number other than 0")
	}
	if hello.GetProtocol() == 0 {
		return nil, Refuse(wire.Reason_REASON_PROTOCOL, "", "it speaks protocol %d and the sidecar protocol %d: install the package virtquorum-guest of the operator's version, and restart the VM for its sidecar", Protocol, hello.GetProtocol())
	}
	if hello.GetTerm() < s.term {
		return nil, Refuse(wire.Reason_REASON_OLDER_TERM, "", "term %d is older than term %d, which was here: it goes on once the sidecar hears of the newest operator", hello.GetTerm(), s.term)
	}
	if now := s.current; now != nil && !now.ended && now.conn == c && now.id == message.Session && now.term == hello.Term {
		return now, nil
	}
	if hello.Term > s.term && s.options.KeepTerm != nil {
		if err := s.options.KeepTerm(hello.Term); err != nil {
			return nil, fmt.Errorf("keeping the term: %w", err)
		}
	}
	s.term = hello.Term
	s.endLocked(s.current, fmt.Errorf("another one begins, of term %d", hello.Term))
	c.next = message
	if !c.switching {
		c.switching = true
		old := s.current
		c.goroutines.Go(func() { c.switchOver(old) })
	}
	return nil, nil
}

// switchOver waits until nothing of the old session runs, and tells meanwhile what it waits for.
func (c *connection) switchOver(old *session) {
	s := c.server
	if old != nil {
		ticker := time.NewTicker(busyEvery)
		defer ticker.Stop()
		for waiting := true; waiting; {
			select {
			case <-c.ctx.Done():
				return
			case <-old.idle:
				waiting = false
			case <-ticker.C:
				busy := s.runningOperations(old)
				s.mu.Lock()
				id := c.next.Session
				s.mu.Unlock()
				if c.out.send(c.ctx, fromGuest(id, &wire.FromGuest_Busy{Busy: busy})) != nil {
					return
				}
			}
		}
	}
	s.mu.Lock()
	next := c.next
	c.next, c.switching = nil, false
	if c.ctx.Err() != nil { // the connection's end ends its session, so none may begin after it
		s.mu.Unlock()
		return
	}
	begun := s.beginSession(c, next.Session, next.GetHello())
	s.mu.Unlock()
	s.options.Log.Info("session began", "term", begun.term, "sidecar", next.GetHello().GetSidecarVersion())
	_ = c.welcome(begun) // an error: the connection is over
}

func (c *connection) welcome(session *session) error {
	welcome := c.server.options.Handler.Welcome()
	welcome.Protocol, welcome.Term = Protocol, session.term
	welcome.Requests, welcome.FrameBytes = MaxRequests, MaxPayload
	return c.out.send(c.ctx, session.message(&wire.FromGuest_Welcome{Welcome: welcome}))
}
