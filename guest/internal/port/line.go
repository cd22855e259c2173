package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Line opens the way to the sidecar, again and again. For one goroutine.
type Line interface {
	// Open waits until somebody is on the other side. The error says why that cannot be known now; trying again later may help.
	Open(ctx context.Context) (Conn, error)
	// Close ends the line; what Open returned before is closed too.
	Close() error
}

// Conn is a line with somebody on the other side. Read, Write and Close may be called from different goroutines. Read answers
// io.EOF when the other side hangs up.
type Conn interface {
	io.ReadWriteCloser
	// SetWriteDeadline ends the writes that have not ended by then; the zero time is never.
	SetWriteDeadline(t time.Time) error
}

// NewLine returns the line at an address: "unix:PATH" is a socket that it makes and listens on, as QEMU does on the other side of a
// port; anything else is the path of a virtio port. Nothing is opened yet.
func NewLine(address string) Line {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return &socketLine{path: path}
	}
	return &deviceLine{path: address}
}

// deviceLine keeps the device open while nobody is on the other side, so that nothing that came meanwhile is lost with it.
type deviceLine struct {
	path  string
	file  *os.File
	looks int // at whether somebody is there
}

// hangUpCheck is how often a device that tells nothing is asked whether somebody is there.
const hangUpCheck = time.Second

func (l *deviceLine) Open(ctx context.Context) (Conn, error) {
	if l.file == nil {
		file, err := os.OpenFile(l.path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("opening the port %s: another program has it open, perhaps the agent of an earlier version: %w", l.path, err)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("opening the port %s: there is none; does this virtual machine belong to an HACluster: %w", l.path, err)
		}
		if err != nil {
			return nil, fmt.Errorf("opening the port: %w", err)
		}
		if info, err := file.Stat(); err != nil || info.Mode().IsRegular() {
			file.Close()
			return nil, fmt.Errorf("opening the port %s: it is no device", l.path)
		}
		l.file = file
	}
	if err := l.awaitPeer(ctx); err != nil {
		if ctx.Err() == nil {
			l.Close() // unplugged: the path may be another device soon
		}
		return nil, fmt.Errorf("waiting for the other side of %s: %w", l.path, err)
	}
	if err := l.file.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("preparing the port %s: %w", l.path, err)
	}
	return &deviceConn{file: l.file}, nil
}

// awaitPeer sleeps while the device says that nobody is there. A port whose other side hung up is always ready to be read, so
// reading it would spin; the runtime's poller is woken by changes only, and what it may miss is asked for once in a while.
func (l *deviceLine) awaitPeer(ctx context.Context) error {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	if err := l.file.SetDeadline(time.Time{}); err != nil {
		return err
	}
	file := l.file
	stop := context.AfterFunc(ctx, func() { file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		if err := l.file.SetReadDeadline(time.Now().Add(hangUpCheck)); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		err := raw.Read(func(fd uintptr) bool {
			l.looks++
			return pollEvents(int(fd), unix.POLLIN)&(unix.POLLHUP|unix.POLLNVAL) == 0
		})
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return ctx.Err()
}

func (l *deviceLine) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// deviceConn ends without closing the device.
type deviceConn struct {
	file   *os.File
	mu     sync.Mutex
	closed bool // no deadline may be set after the one that ends everything
}

func (c *deviceConn) Read(b []byte) (int, error)  { return c.file.Read(b) }
func (c *deviceConn) Write(b []byte) (int, error) { return c.file.Write(b) }
func (c *deviceConn) waiting() bool               { return fileWaiting(c.file) }

func (c *deviceConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return os.ErrClosed
	}
	return c.file.SetWriteDeadline(t)
}

func (c *deviceConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.file.SetDeadline(time.Unix(1, 0))
}

// socketLine has one peer at a time; the next one waits until it hangs up.
type socketLine struct {
	path     string
	listener *net.UnixListener
}

func (l *socketLine) Open(ctx context.Context) (Conn, error) {
	if l.listener == nil {
		if err := removeSocket(l.path); err != nil {
			return nil, err
		}
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: l.path, Net: "unix"})
		if err != nil {
			return nil, fmt.Errorf("listening on %s: %w", l.path, err)
		}
		if err := os.Chmod(l.path, 0o600); err != nil {
			listener.Close()
			return nil, fmt.Errorf("keeping others off %s: %w", l.path, err)
		}
		l.listener = listener
	}
	listener := l.listener
	if err := listener.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", l.path, err)
	}
	stop := context.AfterFunc(ctx, func() { listener.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := listener.AcceptUnix()
	if ctx.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for somebody at %s: %w", l.path, err)
	}
	return &socketConn{conn}, nil
}

func (l *socketLine) Close() error {
	if l.listener == nil {
		return nil
	}
	err := l.listener.Close()
	l.listener = nil
	return err
}

func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listening on %s: there is something else", path)
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("removing the socket of an earlier run: %w", err)
	}
	return nil
}

type socketConn struct{ *net.UnixConn }

func (c *socketConn) waiting() bool { return fileWaiting(c.UnixConn) }

// fileWaiting tells whether a read would not have to wait.
func fileWaiting(conn syscall.Conn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var events int16
	if err := raw.Control(func(fd uintptr) { events = pollEvents(int(fd), unix.POLLIN) }); err != nil {
		return false
	}
	return events != 0
}

// pollEvents says what is the case with a descriptor right now.
func pollEvents(fd int, interest int16) int16 {
	fds := []unix.PollFd{{Fd: int32(fd), Events: interest}}
	for {
		if _, err := unix.Poll(fds, 0); err != unix.EINTR {
			return fds[0].Revents
		}
	}
}
