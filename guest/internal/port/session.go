package port

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

// session is what one Hello began. The server's lock guards what changes.
type session struct {
	id     uint64
	term   uint64
	conn   *connection
	lease  time.Duration
	expiry *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc

	ended   bool
	cause   error // why it ended
	since   time.Time
	calls   map[uint64]*Call
	lastID  uint64
	running int           // calls that have not returned
	idle    chan struct{} // closed once it ended and nothing of it runs
}

// message is one of the session: any of the oneof of FromGuest.
func (s *session) message(kind any) *wire.FromGuest {
	return fromGuest(s.id, kind)
}

func fromGuest(session uint64, kind any) *wire.FromGuest {
	message := &wire.FromGuest{Session: session}
	switch kind := kind.(type) {
	case *wire.FromGuest_Welcome:
		message.Message = kind
	case *wire.FromGuest_Answer:
		message.Message = kind
	case *wire.FromGuest_Refusal:
		message.Message = kind
	case *wire.FromGuest_Progress:
		message.Message = kind
	case *wire.FromGuest_Credit:
		message.Message = kind
	case *wire.FromGuest_Pong:
		message.Message = kind
	case *wire.FromGuest_Push:
		message.Message = kind
	case *wire.FromGuest_Busy:
		message.Message = kind
	}
	return message
}

// beginSession makes the session of a Hello the current one. The lock is held, and nothing of the one before runs.
func (s *Server) beginSession(c *connection, id uint64, hello *wire.Hello) *session {
	lease := millis(hello.LeaseMillis)
	if lease == 0 {
		lease = defaultLease
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(c.ctx)) // it ends by end alone, which knows what runs
	next := &session{
		id: id, term: hello.Term, conn: c, lease: lease, ctx: ctx, cancel: cancel,
		calls: map[uint64]*Call{}, idle: make(chan struct{}),
	}
	next.expiry = time.AfterFunc(lease, func() { s.endSession(next, errLease) })
	s.current = next
	c.out.begin(next, hello.PushCredit)
	return next
}

// endSession cancels what the session runs; session.idle is closed when that has reached its safe point.
func (s *Server) endSession(old *session, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(old, cause)
}

func (s *Server) endLocked(old *session, cause error) {
	if old == nil || old.ended {
		return
	}
	old.ended, old.cause, old.since = true, cause, time.Now()
	old.expiry.Stop()
	old.cancel(errSession)
	s.options.Log.Info("session ended", "why", cause, "running", old.running)
	if old.running == 0 {
		close(old.idle)
	}
}

// start runs a call in a goroutine of its own, unless its session ended meanwhile: then nothing of it is ever done.
func (s *Server) start(call *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call.session.ended {
		delete(call.session.calls, call.request.Id)
		return
	}
	call.session.running++
	go s.run(call)
}

func (s *Server) run(call *Call) {
	var answer *wire.Answer
	err := context.Cause(call.ctx) // it may have been cancelled before it began
	if err == nil {
		answer, err = s.options.Handler.Handle(call.ctx, call)
	}
	if err == nil && answer == nil {
		answer = &wire.Answer{}
	}
	if err == nil {
		err = call.checkSize(answer)
	}
	session, id := call.session, call.request.Id
	var last *wire.FromGuest
	if err != nil {
		last = session.message(&wire.FromGuest_Refusal{Refusal: refusalOf(id, call.ctx, err)})
	} else {
		answer.Id, answer.Last = id, true
		last = session.message(&wire.FromGuest_Answer{Answer: answer})
	}
	call.conn.out.forgetProgress(call)
	call.release()
	call.cancel(nil)

	s.mu.Lock()
	delete(session.calls, id)
	s.mu.Unlock()
	_ = call.conn.out.send(session.ctx, last) // an error: nobody waits for it any more
	s.mu.Lock()
	defer s.mu.Unlock()
	session.running--
	if session.ended && session.running == 0 {
		close(session.idle)
	}
}

// runningOperations names what an ended session still runs.
func (s *Server) runningOperations(of *session) *wire.Busy {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := &wire.Busy{Millis: uint64(time.Since(of.since).Milliseconds())}
	for _, call := range of.calls {
		busy.Operations = append(busy.Operations, Operation(call.request))
	}
	slices.Sort(busy.Operations)
	return busy
}

func (s *Server) runningIDs(of *session) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]uint64, 0, len(of.calls))
	for id := range of.calls {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Operation is the name of what a request asks for: that of its field in the protocol, or "nothing".
func Operation(request *wire.Request) string {
	reflected := request.ProtoReflect()
	field := reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName("operation"))
	if field == nil {
		return "nothing"
	}
	return string(field.Name())
}

func millis[N ~uint32 | ~uint64](n N) time.Duration { return time.Duration(n) * time.Millisecond }

// Fits tells whether a message fits into one frame with what is around it.
func Fits(message proto.Message) bool { return proto.Size(message) <= MaxPayload-64 }
