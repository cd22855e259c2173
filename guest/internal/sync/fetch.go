package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
)

// Donor is who serves, as the order says.
type Donor struct {
	Name    string // for people
	Address netip.AddrPort
	Pin     Pin
}

// Wanted is a row that must come.
type Wanted struct {
	Path   string // of any bytes; "" is the root
	Digest fingerprint.Digest
	Size   int64 // bytes; of files only. More never comes. AnySize: what the row's description says, which the digest binds
}

// AnySize is the size of a row of which only the digest is known.
const AnySize = -1

// Held is a row that the joiner has, perhaps with a content that is wanted elsewhere.
type Held struct {
	Path   string
	Digest fingerprint.Digest
	Size   int64
	LinkTo string
}

// FetchTree is a tree of which rows are fetched.
type FetchTree struct {
	Name  string
	Live  *beneath.Dir // the tree; only read
	Stage *beneath.Dir // on the tree's file system, nobody else's: what comes is put here, and nowhere else
	Hashing
	Rows []Wanted
	// Held yields the joiner's files of a size, those with the digest first (a file that was only moved has it), to copy a content that is
	// there already instead of fetching it; nil for none. Called by one goroutine, several times for a size.
	Held func(size int64, digest fingerprint.Digest) iter.Seq[Held]
}

// FetchOrder is what a joiner was ordered to do.
type FetchOrder struct {
	Donor    Donor
	Identity *Identity
	From     netip.Addr // the address of the joiner's sync NIC; invalid for any
	Trees    []FetchTree
	// Patience is how long the donor may be silent; 0 means 20 s.
	Patience time.Duration
	// Progress is told after each row, if it is set: rows done, and bytes that crossed in both directions so far.
	Progress func(rows int, bytes int64)
}

// Staged is a row that is in the stage, durable, and was read back there with the wanted digest.
type Staged struct {
	Path   string
	Name   string // in the stage
	Digest fingerprint.Digest
	Type   byte   // find's %y
	LinkTo string // another path of the same file, or ""
	Mtime  int64  // ns since 1970
	Size   int64  // bytes; of files only
}

// Moved is a row that the donor does not, or no longer, hold as it was ordered.
type Moved struct {
	Tree, Path, Why string
}

// Report is how a fetch went. Where Moved is empty, everything wanted is staged.
type Report struct {
	Staged         [][]Staged // for each tree, in the order of its rows
	Moved          []Moved    // at most 100
	MovedTotal     int
	Sent, Received int64 // bytes that crossed, TLS included
	Kept           int   // rows that an earlier fetch had staged
	Copied         int64 // bytes of contents that were there and were copied
}

var (
	// ErrFull means that the joiner's disk has no room for what must come. Nothing was replaced.
	ErrFull = errors.New("the guest's disk is full")
	// ErrUnreachable means that the donor cannot be reached, or is silent.
	ErrUnreachable = errors.New("cannot be reached over the sync network")
	// ErrRefused means that the donor does not serve this joiner, or is not the one of the order.
	ErrRefused = errors.New("refused")
	// ErrMisbehaved means that a donor sent what was not ordered. Nothing outside the stage was touched.
	ErrMisbehaved = errors.New("sent what was not ordered")
)

const mostMoved = 100

// Fetch brings all wanted rows into the stages of their trees. What an earlier fetch left there and still fits is kept, all else in
// the stages is removed first. The context's end ends everything at once. After an error the stages hold what came so far. Not
// to be called twice at a time for a stage.
func Fetch(ctx context.Context, order FetchOrder) (Report, error) {
	if order.Patience <= 0 {
		order.Patience = defaultPatience
	}
	f := &fetch{order: &order}
	report, err := f.run(ctx)
	report.Sent, report.Received = f.sent.Load(), f.received.Load()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("fetching from %s: %w", order.Donor.Name, cause)
	}
	return report, err
}

type fetch struct {
	order          *FetchOrder
	sent, received atomic.Int64
}

func (f *fetch) run(ctx context.Context) (Report, error) {
	var report Report
	stages := make([]*stage, len(f.order.Trees))
	missing := 0
	for i := range f.order.Trees {
		var err error
		if stages[i], err = openStage(ctx, &f.order.Trees[i]); err != nil {
			return report, err
		}
		report.Kept += stages[i].kept
		missing += stages[i].missing()
	}
	if missing > 0 {
		if err := f.transfer(ctx, stages, &report); err != nil {
			return report, err
		}
	} else {
		f.needsNothing(ctx)
	}
	for _, stage := range stages {
		if report.MovedTotal > 0 {
			break // void: what came is kept for the next attempt
		}
		if err := stage.finish(ctx); err != nil {
			return report, err
		}
		report.Staged = append(report.Staged, stage.staged())
	}
	return report, nil
}

// peerError says what the donor did wrong, and at which row.
func (f *fetch) peerError(path string, kind error, format string, args ...any) error {
	row := ""
	if path != "" {
		row = " at " + strconv.Quote(path)
	}
	return fmt.Errorf("the donor %s (%s) %w%s: %s", f.order.Donor.Name, f.order.Donor.Address, kind, row, fmt.Sprintf(format, args...))
}

// connect dials the donor and proves both ends.
func (f *fetch) connect(ctx context.Context) (*tls.Conn, error) {
	dialer := net.Dialer{Timeout: f.order.Patience}
	if f.order.From.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(f.order.From, 0))
	}
	raw, err := dialer.DialContext(ctx, "tcp", f.order.Donor.Address.String())
	if err != nil {
		return nil, f.peerError("", ErrUnreachable, "%v", err)
	}
	wire := &patientConn{Conn: raw, patience: f.order.Patience, ctx: ctx, sent: &f.sent, received: &f.received}
	connection := tls.Client(wire, f.order.Identity.toward(f.order.Donor.Pin))
	if err := connection.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		if errors.Is(err, errPeerUnknown) {
			return nil, f.peerError("", ErrRefused, "%v", err)
		}
		if isAlert(err) {
			return nil, f.peerError("", ErrRefused, "it serves nothing under the key that the order names, or not any more (%v)", err)
		}
		return nil, f.peerError("", ErrUnreachable, "%v", err)
	}
	return connection, nil
}

// lost makes a sentence of a connection's error.
func (f *fetch) lost(path string, err error) error {
	switch {
	case errors.Is(err, errFrame):
		return f.peerError(path, ErrMisbehaved, "%v", err)
	case isAlert(err):
		return f.peerError(path, ErrRefused, "it does not know this member's key for this order (%v)", err)
	}
	return f.peerError(path, ErrUnreachable, "%v", err)
}

// goodbyePatience is how long the end of a connection may take from which nothing more must come.
const goodbyePatience = time.Second

// goodbye says that all came that is wanted, so that the donor need not wait for this joiner any more.
func goodbye(connection *tls.Conn, out *frameWriter) error {
	return errors.Join(out.write(kindDone, nil), out.flush(), connection.CloseWrite())
}

// needsNothing tells the donor, if it is there, that everything was staged by an earlier fetch.
func (f *fetch) needsNothing(ctx context.Context) {
	ctx, end := context.WithTimeout(ctx, goodbyePatience)
	defer end()
	connection, err := f.connect(ctx)
	if err != nil {
		return // it need not be there
	}
	defer connection.Close()
	closing := context.AfterFunc(ctx, func() { _ = connection.NetConn().Close() })
	defer closing()
	if goodbye(connection, newFrameWriter(connection)) == nil {
		_, _ = io.Copy(io.Discard, connection)
	}
}

// isAlert is true if the other end said by TLS that it does not go on.
func isAlert(err error) bool {
	var alert tls.AlertError
	var op *net.OpError
	return errors.As(err, &alert) || errors.As(err, &op) && op.Op == "remote error"
}

// local makes ErrFull of what means it.
func local(doing string, err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", doing, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
