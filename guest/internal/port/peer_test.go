package port

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

// handlerFunc is a Handler.
type handlerFunc func(ctx context.Context, call *Call) (*wire.Answer, error)

func (f handlerFunc) Welcome() *wire.Welcome { return &wire.Welcome{BootId: "boot"} }
func (f handlerFunc) Handle(ctx context.Context, call *Call) (*wire.Answer, error) {
	return f(ctx, call)
}

// pipeLine opens what is put into it.
type pipeLine chan Conn

func (l pipeLine) Open(ctx context.Context) (Conn, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case conn := <-l:
		return conn, nil
	}
}
func (l pipeLine) Close() error { return nil }

// house is a server that runs, and the way to its peers.
type house struct {
	t      *testing.T
	line   pipeLine
	server *Server
	stop   context.CancelFunc
	ended  chan error
}

func newHouse(t *testing.T, options Options, handle handlerFunc) *house {
	t.Helper()
	options.Handler, options.Log = handle, slog.New(slog.NewTextHandler(io.Discard, nil))
	line := make(pipeLine)
	ctx, stop := context.WithCancel(t.Context())
	h := &house{t: t, line: line, server: NewServer(line, options), stop: stop, ended: make(chan error, 1)}
	go func() { h.ended <- h.server.Serve(ctx) }()
	return h
}

// close ends the server and waits for everything that it runs.
func (h *house) close() {
	h.t.Helper()
	h.stop()
	if err := <-h.ended; err != nil {
		h.t.Error(err)
	}
}

// peer is a sidecar on the other side of a pipe.
type peer struct {
	t       *testing.T
	conn    net.Conn
	wire    *Peer
	session uint64
	term    uint64
}

func (h *house) dial() *peer {
	h.t.Helper()
	mine, theirs := net.Pipe()
	h.line <- theirs
	return &peer{t: h.t, conn: mine, wire: NewPeer(mine)}
}

func (p *peer) frame(message *wire.ToGuest) []byte {
	p.t.Helper()
	payload, err := proto.Marshal(message)
	if err != nil {
		p.t.Fatal(err)
	}
	return frameOf(p.t, payload)
}

func (p *peer) send(message *wire.ToGuest) {
	p.t.Helper()
	if message.Session == 0 {
		message.Session = p.session
	}
	if err := p.wire.Send(message); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) hello(session, term uint64) {
	p.t.Helper()
	p.session, p.term = session, term
	p.send(helloOf(&wire.Hello{Term: term, Protocol: 1, PushCredit: 1}))
}

func helloOf(hello *wire.Hello) *wire.ToGuest {
	return &wire.ToGuest{Message: &wire.ToGuest_Hello{Hello: hello}}
}

// attach begins a session and takes its Welcome.
func (p *peer) attach(session, term uint64) *peer {
	p.t.Helper()
	p.hello(session, term)
	if welcome := p.next().GetWelcome(); welcome == nil {
		p.t.Fatal("no Welcome")
	}
	return p
}

// ask sends a request, of Look and with a minute where nothing else is said.
func (p *peer) ask(request *wire.Request) {
	p.t.Helper()
	if request.DeadlineMillis == 0 {
		request.DeadlineMillis = 60_000
	}
	if request.Credit == 0 {
		request.Credit = 1
	}
	if request.Term == 0 {
		request.Term = p.term
	}
	if request.Operation == nil {
		request.Operation = &wire.Request_Look{Look: &wire.Look{}}
	}
	p.send(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: request}})
}

func (p *peer) cancel(id uint64) {
	p.t.Helper()
	p.send(&wire.ToGuest{Message: &wire.ToGuest_Cancel{Cancel: &wire.Cancel{Id: id}}})
}

func (p *peer) credit(id uint64, pieces uint32) {
	p.t.Helper()
	p.send(&wire.ToGuest{Message: &wire.ToGuest_Credit{Credit: &wire.Credit{Id: id, Pieces: pieces}}})
}

func (p *peer) body(body *wire.Body) {
	p.t.Helper()
	p.send(&wire.ToGuest{Message: &wire.ToGuest_Body{Body: body}})
}

// next waits for the next message.
func (p *peer) next() *wire.FromGuest {
	p.t.Helper()
	message, err := p.wire.Next()
	if err != nil {
		p.t.Fatal(err)
	}
	return message
}

// refused waits for a refusal.
func (p *peer) refused(id uint64, reason wire.Reason) *wire.Refusal {
	p.t.Helper()
	message := p.next()
	refusal := message.GetRefusal()
	if refusal == nil || refusal.Id != id || refusal.Reason != reason || refusal.Sentence == "" {
		p.t.Fatalf("instead of %v for %d came %v", reason, id, message)
	}
	return refusal
}

// answered waits for the last piece of an answer.
func (p *peer) answered(id uint64) *wire.Answer {
	p.t.Helper()
	message := p.next()
	answer := message.GetAnswer()
	if answer == nil || answer.Id != id || !answer.Last {
		p.t.Fatalf("instead of the answer to %d came %v", id, message)
	}
	return answer
}

// silent checks that nothing comes for a second of the bubble's time.
func (p *peer) silent() {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(time.Second))
	defer p.conn.SetReadDeadline(time.Time{})
	if _, err := p.wire.Next(); err == nil {
		p.t.Fatal("something came")
	}
}

func answerAtOnce(context.Context, *Call) (*wire.Answer, error) { return &wire.Answer{}, nil }

func untilCancelled(ctx context.Context, _ *Call) (*wire.Answer, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
