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
)

const (
	mostServings      = 16
	mostConnections   = 8 // that are served at a time on one address and port
	handshakePatience = 5 * time.Second
)

// ErrTooMany means that as many orders as may be are served already.
var ErrTooMany = fmt.Errorf("%d orders are being served already, and no more are served at a time; end one of them, or wait until one ends", mostServings)

// Listeners lets several orders be served on one address and port, each with its own identity, joiners and limits: a joiner names by
// its donor's pin which of them it is for. An address is listened on for as long as anything is served there. Safe for many
// goroutines; the zero value is ready.
type Listeners struct {
	mu       gosync.Mutex
	open     map[place]*listener
	servings int
}

// place is where one listens.
type place struct {
	address netip.AddrPort
	device  string
}

// listener is one address and port that is listened on.
type listener struct {
	at        place
	tcp       net.Listener
	strangers chan struct{} // who has not said who they are holds no place of those who may come
	places    chan struct{}
	nobody    *tls.Config // for who names no order that is served
	ctx       context.Context
	stop      context.CancelFunc
	done      chan struct{}

	mu       gosync.Mutex
	servings map[string]*Server // by the name of the donor's pin
}

// Serve begins to serve; it listens when it returns. The context's end is the order's: everything of it is closed then.
func (l *Listeners) Serve(ctx context.Context, order ServeOrder) (*Server, error) {
	if !order.Address.IsValid() || order.Address.IsUnspecified() {
		return nil, errors.New("serving needs the address of the sync NIC")
	}
	if order.Identity == nil || len(order.Joiners) == 0 {
		return nil, errors.New("serving needs a key and somebody to serve")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.servings == mostServings {
		return nil, ErrTooMany
	}
	at := place{netip.AddrPortFrom(order.Address, uint16(order.Port)), order.Interface}
	on := l.open[at]
	if on == nil {
		var err error
		if on, err = listen(ctx, at); err != nil {
			return nil, fmt.Errorf("serving the other members on %s port %d: %w", order.Address, order.Port, err)
		}
		if l.open == nil {
			l.open = map[place]*listener{}
		}
		l.open[on.at] = on
		go on.accept()
	}
	s := newServer(ctx, order, on)
	on.mu.Lock()
	on.servings[order.Identity.Pin().name()] = s
	on.mu.Unlock()
	l.servings++
	go func() {
		<-s.ctx.Done()
		l.leave(s)
		s.connections.Wait()
		if on.ctx.Err() != nil {
			<-on.done // so that who waits for the end can listen there again
		}
		close(s.done)
	}()
	return s, nil
}

// leave takes a serving off its listener, and ends that after the last.
func (l *Listeners) leave(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servings--
	on := s.on
	on.mu.Lock()
	defer on.mu.Unlock()
	delete(on.servings, s.order.Identity.Pin().name())
	if len(on.servings) == 0 {
		delete(l.open, on.at)
		on.stop()
		_ = on.tcp.Close()
	}
}

func listen(ctx context.Context, at place) (*listener, error) {
	config := net.ListenConfig{Control: at.control}
	tcp, err := config.Listen(ctx, "tcp", at.address.String())
	if err != nil {
		return nil, err
	}
	l := &listener{
		at: place{tcp.Addr().(*net.TCPAddr).AddrPort(), at.device}, tcp: tcp, servings: map[string]*Server{},
		strangers: make(chan struct{}, 2*mostConnections), places: make(chan struct{}, mostConnections), done: make(chan struct{}),
		// Without a certificate TLS says "unrecognized name", which a joiner makes a sentence of.
		nobody: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}},
	}
	l.ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx)) // it is not the first order's alone
	return l, nil
}

// control ties the socket to the sync NIC.
func (p place) control(_, _ string, raw syscall.RawConn) error {
	if p.device == "" {
		return nil
	}
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, p.device)
	})
	return errors.Join(err, failed)
}

func (l *listener) accept() {
	var connections gosync.WaitGroup
	defer close(l.done)
	defer connections.Wait()
	for {
		raw, err := l.tcp.Accept()
		if l.ctx.Err() != nil {
			if err == nil {
				_ = raw.Close()
			}
			return
		}
		if err != nil {
			if pause(l.ctx, 50*time.Millisecond) != nil { // too many open files, or a connection that is gone
				return
			}
			continue
		}
		l.accepted()
		select {
		case l.strangers <- struct{}{}:
		default:
			_ = raw.Close()
			continue
		}
		connections.Go(func() { l.connection(raw, func() { <-l.strangers }) })
	}
}

// accepted tells one of the orders that a connection was taken, before it is known whose it is.
func (l *listener) accepted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.servings {
		if s.order.Accepted != nil {
			s.order.Accepted()
			return
		}
	}
}

// join finds the order that somebody names, which does not end before its connections do; nil if there is none.
func (l *listener) join(name string) *Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.servings[name]
	if s != nil {
		s.connections.Add(1)
	}
	return s
}

// connection finds out which order somebody is for, and who they are.
func (l *listener) connection(raw net.Conn, known func()) {
	defer raw.Close()
	shut := func() { _ = raw.Close() }
	ending := context.AfterFunc(l.ctx, shut)
	defer ending()
	wire := &patientConn{Conn: raw, patience: handshakePatience, ctx: l.ctx, sent: new(atomic.Int64)}
	var s *Server
	connection := tls.Server(wire, &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if s = l.join(hello.ServerName); s == nil {
				return l.nobody, nil
			}
			wire.patience, wire.limit, wire.ctx, wire.sent = s.order.Patience, s.limit, s.ctx, &s.sent
			return s.order.Identity.config(s.pins), nil
		},
	})
	hands, cancel := context.WithTimeout(l.ctx, handshakePatience)
	err := connection.HandshakeContext(hands)
	cancel()
	known()
	if s == nil {
		return
	}
	defer s.connections.Done()
	if err != nil {
		return
	}
	closing := context.AfterFunc(s.ctx, shut)
	defer closing()
	s.connection(connection, l.places)
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
