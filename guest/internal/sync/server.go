package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// DefaultPort is where a donor serves unless it is ordered otherwise.
const DefaultPort = 7899

// Listed is what a donor was ordered to serve of a path.
type Listed struct {
	Digest fingerprint.Digest
	LinkTo string // another path of the same file, or ""
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
	// Connections bounds how many joiners are served at a time; 0 means 8.
	Connections int
	// BytesPerSecond bounds what is sent to all together; 0 does not.
	BytesPerSecond int64
	// Patience is how long one read or write may take; 0 means 20 s.
	Patience time.Duration
	// Accepted is called for each connection that is taken; may be nil.
	Accepted func()
}

const (
	defaultConnections = 8
	defaultPatience    = 20 * time.Second
	handshakePatience  = 5 * time.Second
)

// Server serves until its context ends or it is closed.
type Server struct {
	order    ServeOrder
	listener net.Listener
	limit    *limiter
	pins     []Pin
	sent     atomic.Int64

	stop context.CancelFunc
	done chan struct{}
}

// Serve begins to serve; it listens when it returns. The context's end is the order's: everything is closed then.
func Serve(ctx context.Context, order ServeOrder) (*Server, error) {
	if !order.Address.IsValid() || order.Address.IsUnspecified() {
		return nil, errors.New("serving needs the address of the sync NIC")
	}
	if order.Identity == nil || len(order.Joiners) == 0 {
		return nil, errors.New("serving needs a key and somebody to serve")
	}
	if order.Connections <= 0 {
		order.Connections = defaultConnections
	}
	if order.Patience <= 0 {
		order.Patience = defaultPatience
	}
	config := net.ListenConfig{Control: order.control}
	listener, err := config.Listen(ctx, "tcp", netip.AddrPortFrom(order.Address, uint16(order.Port)).String())
	if err != nil {
		return nil, fmt.Errorf("serving the other members on %s port %d: %w", order.Address, order.Port, err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{
		order: order, listener: listener, limit: newLimiter(order.BytesPerSecond),
		stop: stop, done: make(chan struct{}),
	}
	for _, joiner := range order.Joiners {
		s.pins = append(s.pins, joiner.Pin)
	}
	go s.accept(ctx)
	return s, nil
}

// control ties the socket to the sync NIC.
func (o *ServeOrder) control(_, _ string, raw syscall.RawConn) error {
	if o.Interface == "" {
		return nil
	}
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, o.Interface)
	})
	return errors.Join(err, failed)
}

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort {
	return s.listener.Addr().(*net.TCPAddr).AddrPort()
}

// Sent is how many bytes were sent so far, TLS included.
func (s *Server) Sent() int64 { return s.sent.Load() }

// Close ends all connections and returns when nothing runs any more.
func (s *Server) Close() {
	s.stop()
	<-s.done
}

func (s *Server) accept(ctx context.Context) {
	var connections gosync.WaitGroup
	defer close(s.done)
	defer connections.Wait()
	defer s.stop()
	closing := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	defer closing()
	// Who has not said who they are holds no place of those who may come.
	strangers := make(chan struct{}, 2*s.order.Connections)
	places := make(chan struct{}, s.order.Connections)
	for {
		raw, err := s.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = raw.Close()
			}
			return
		}
		if err != nil {
			if pause(ctx, 50*time.Millisecond) != nil { // too many open files, or a connection that is gone
				return
			}
			continue
		}
		if s.order.Accepted != nil {
			s.order.Accepted()
		}
		select {
		case strangers <- struct{}{}:
		default:
			_ = raw.Close()
			continue
		}
		connections.Go(func() {
			s.connection(ctx, raw, func() { <-strangers }, places)
		})
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connection serves one joiner; what ends it is told to the joiner where that is possible.
func (s *Server) connection(ctx context.Context, raw net.Conn, known func(), places chan struct{}) {
	defer raw.Close()
	ending := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer ending()
	wire := &patientConn{Conn: raw, patience: s.order.Patience, limit: s.limit, ctx: ctx, sent: &s.sent}
	connection := tls.Server(wire, s.order.Identity.config(s.pins))
	hands, cancel := context.WithTimeout(ctx, handshakePatience)
	err := connection.HandshakeContext(hands)
	cancel()
	known()
	if err != nil {
		return
	}
	answers := newFrameWriter(connection)
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		refuse(answers, "as many members as may be are served already")
		return
	}
	if s.order.Output != nil {
		_, _ = connection.Write(s.order.Output)
		_ = connection.Close() // says that this was all
		return
	}
	session := session{
		order: &s.order, in: newFrameReader(connection), out: answers, pending: map[uint64]*pending{},
	}
	if err := session.run(ctx); err != nil {
		refuse(answers, err.Error())
	}
	_ = connection.Close()
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
