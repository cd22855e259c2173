package port

import (
	"context"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

const (
	bodyWindow = 2 // pieces of a body that may come before they are asked for
	maxCredit  = 1 << 20
)

// Call is one request that is being carried out. Its methods may be called from any goroutine, until Handle returns.
type Call struct {
	request *wire.Request
	session *session
	conn    *connection
	ctx     context.Context
	cancel  context.CancelCauseFunc
	release context.CancelFunc // of the deadline

	body chan *wire.Body

	mu       sync.Mutex
	credit   int
	credited chan struct{} // there is credit
	granted  int           // pieces of the body that may still come
	ended    bool          // of the body
}

func newCall(s *session, c *connection, request *wire.Request) *Call {
	call := &Call{
		request: request, session: s, conn: c,
		body: make(chan *wire.Body, bodyWindow), granted: bodyWindow,
		credit: int(min(request.Credit, maxCredit)), credited: make(chan struct{}, 1),
	}
	call.credited <- struct{}{}
	if !request.BodyFollows {
		call.ended = true
		close(call.body)
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	call.cancel = cancel
	call.ctx, call.release = context.WithTimeout(ctx, millis(request.DeadlineMillis))
	return call
}

// Request is what the sidecar asks for; not to be changed.
func (c *Call) Request() *wire.Request { return c.request }

// Session tells sessions apart: what is configured in one is not valid in another.
func (c *Call) Session() uint64 { return c.session.id }

// Term is the one that the request was made in.
func (c *Call) Term() uint64 { return c.session.term }

// Send sends a piece of the answer that is not the last one. It waits until the sidecar takes it; the error is the context's, or
// says that the piece is larger than a frame.
func (c *Call) Send(ctx context.Context, answer *wire.Answer) error {
	if err := c.checkSize(answer); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.credited:
		}
		if c.takeCredit() {
			break
		}
	}
	answer.Id, answer.Last = c.request.Id, false
	return c.conn.out.send(ctx, c.session.message(&wire.FromGuest_Answer{Answer: answer}))
}

func (c *Call) checkSize(answer *wire.Answer) error {
	const overhead = 64 // of what is around an answer
	if size := proto.Size(answer); size > MaxPayload-overhead {
		return Refuse(wire.Reason_REASON_FAILED, "AnswerTooLarge", "a piece of the answer has %d bytes and a frame takes %d", size, MaxPayload-overhead)
	}
	return nil
}

func (c *Call) takeCredit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.credit == 0 {
		return false
	}
	c.credit--
	if c.credit > 0 {
		c.signalCredit()
	}
	return true
}

func (c *Call) addCredit(pieces uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.credit = min(c.credit+int(min(pieces, maxCredit)), maxCredit)
	c.signalCredit()
}

func (c *Call) signalCredit() {
	select {
	case c.credited <- struct{}{}:
	default:
	}
}

// Body returns the next piece of the request's list, and io.EOF after the last one and where there is none.
func (c *Call) Body(ctx context.Context) (*wire.Body, error) {
	var piece *wire.Body
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case next, more := <-c.body:
		if !more {
			return nil, io.EOF
		}
		piece = next
	}
	if piece.Last {
		return piece, nil
	}
	c.mu.Lock()
	c.granted++
	c.mu.Unlock()
	credit := &wire.Credit{Id: c.request.Id, Pieces: 1}
	return piece, c.conn.out.send(ctx, c.session.message(&wire.FromGuest_Credit{Credit: credit}))
}

// addBody never waits: a sidecar that sends more than it may ends its request.
func (c *Call) addBody(piece *wire.Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.granted == 0 {
		c.ended = true
		c.cancel(Refuse(wire.Reason_REASON_INVALID, "BodyTooFast", "more pieces of its list came than were asked for"))
		return
	}
	c.granted--
	c.body <- piece // has room for what is granted
	if piece.Last {
		c.ended = true
		close(c.body)
	}
}

// Progress tells how far it is. It never waits; what was not sent yet is replaced.
func (c *Call) Progress(progress *wire.Progress) {
	progress.Id = c.request.Id
	c.conn.out.putProgress(c, progress)
}
