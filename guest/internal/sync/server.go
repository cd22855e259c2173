package sync

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	gosync "sync"
	"sync/atomic"
	"time"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// DefaultPort is where a donor serves unless it is ordered otherwise.
const DefaultPort = 7899

// Listed is what a donor was ordered to serve of a path.
type Listed struct {
	Digest fingerprint.Digest
	LinkTo string  // another path of the same file, or ""
	Frozen *Frozen // what is served instead of what is there; nil: what is there
}

// Frozen is a row as it was at a moment. Immutable.
type Frozen struct {
	fingerprint.Entry                   // what it was, but for the content
	Content           [sha256.Size]byte // of files
	Allocated         int64             // bytes of the copy on the disk
	In                *beneath.Dir      // where the copy of a file's content is
	Name              string            // of the copy
}

// Served is a tree of which rows are served.
type Served struct {
	Name string
	Dir  *beneath.Dir
	Hashing
	// Row says what was listed for a path ("" is the root). Nothing else is ever served. Called by many goroutines.
	Row func(path string) (Listed, bool)
}

// Joiner may fetch.
type Joiner struct {
	Name string
	Pin  Pin
}

// ServeOrder is what a donor was ordered to do.
type ServeOrder struct {
	Address   netip.Addr // of the sync NIC; it listens on no other
	Interface string     // the sync NIC's name, if packets must come over no other; "" for any
	Port      int        // 0 for any, as tests want it
	Identity  *Identity
	Joiners   []Joiner
	Trees     []Served
	// Output is served to whoever may fetch, instead of rows, where it is not nil: see FetchOutput.
	Output []byte
	// Connections bounds how many joiners are served at a time; 0 means 8, which is also what one address and port serves of all orders.
	Connections int
	// BytesPerSecond bounds what is sent to all together; 0 does not.
	BytesPerSecond int64
	// Patience is how long one read or write may take; 0 means 20 s.
	Patience time.Duration
	// Accepted is called for each connection that is taken; may be nil.
	Accepted func()
}

const defaultPatience = 20 * time.Second

// Server serves one order until its context ends or it is closed.
type Server struct {
	order       ServeOrder
	on          *listener
	limit       *limiter
	pins        []Pin
	sent        atomic.Int64
	places      chan struct{}
	connections gosync.WaitGroup // joined under the listener's lock

	ctx  context.Context // of the order, for what the listener takes for it
	stop context.CancelFunc
	done chan struct{}

	mu      gosync.Mutex
	waiting map[Pin]bool // joiners that did not fetch all yet
	fetched chan struct{}
}

// Serve serves on a listener of its own. See Listeners.Serve.
func Serve(ctx context.Context, order ServeOrder) (*Server, error) {
	return new(Listeners).Serve(ctx, order)
}

func newServer(ctx context.Context, order ServeOrder, on *listener) *Server {
	if order.Connections <= 0 {
		order.Connections = mostConnections
	}
	if order.Patience <= 0 {
		order.Patience = defaultPatience
	}
	s := &Server{
		order: order, on: on, limit: newLimiter(order.BytesPerSecond), places: make(chan struct{}, order.Connections),
		waiting: map[Pin]bool{}, fetched: make(chan struct{}), done: make(chan struct{}),
	}
	s.ctx, s.stop = context.WithCancel(ctx)
	for _, joiner := range order.Joiners {
		s.pins = append(s.pins, joiner.Pin)
		s.waiting[joiner.Pin] = true
	}
	return s
}

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort { return s.on.at.address }

// Sent is how many bytes were sent so far, TLS included.
func (s *Server) Sent() int64 { return s.sent.Load() }

// Fetched is closed once each joiner has fetched all that it asked for, and said so. It still serves then.
func (s *Server) Fetched() <-chan struct{} { return s.fetched }

// Close ends all connections and returns when nothing runs any more.
func (s *Server) Close() {
	s.stop()
	<-s.done
}

// hasAll says that a joiner has all that it wants.
func (s *Server) hasAll(joiner Pin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting[joiner] {
		return
	}
	delete(s.waiting, joiner)
	if len(s.waiting) == 0 {
		close(s.fetched)
	}
}

// connection serves one joiner; what ends it is told to the joiner where that is possible.
func (s *Server) connection(connection *tls.Conn, all chan struct{}) {
	answers := newFrameWriter(connection)
	for _, places := range []chan struct{}{s.places, all} {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			refuse(answers, "as many members as may be are served already")
			return
		}
	}
	at, err := index(connection.ConnectionState(), s.pins)
	if err != nil {
		return // the handshake made sure of it
	}
	in := newFrameReader(connection)
	has := false
	if s.order.Output != nil {
		has = s.output(connection, in)
	} else {
		session := session{order: &s.order, in: in, out: answers, pending: map[uint64]*pending{}}
		if err := session.run(s.ctx); err != nil {
			refuse(answers, err.Error())
		}
		has = session.complete
	}
	_ = connection.Close()
	if has {
		s.hasAll(s.pins[at])
	}
}

// output says what a command said, and then that this was all. It tells whether the joiner has it.
func (s *Server) output(connection *tls.Conn, in *frameReader) bool {
	if _, err := connection.Write(s.order.Output); err != nil {
		return false
	}
	if err := connection.CloseWrite(); err != nil {
		return false
	}
	k, _, err := in.next()
	return err == nil && k == kindDone
}

func refuse(to *frameWriter, sentence string) {
	_ = errors.Join(to.message(kindRefuse, note{text: sentence}), to.flush())
}

// patientConn gives every read and write an end, and counts and slows what is written.
type patientConn struct {
	net.Conn
	patience       time.Duration
	limit          *limiter
	ctx            context.Context // of the connection, as net.Conn's methods take none
	sent, received *atomic.Int64
}

func (c *patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if c.received != nil {
		c.received.Add(int64(n))
	}
	return n, err
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.limit.wait(c.ctx, len(p)); err != nil {
		return 0, err
	}
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}
