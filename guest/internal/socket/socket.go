// Package socket has what the program's unix sockets share: how one is made, how callers are taken, and who a caller is. What is said at
// one is its package's matter.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Listen makes a socket in a directory that is ours alone, in the place of one that an earlier life left. what is the word for a call there,
// and mode says who may call.
func Listen(directory, name, what string, mode fs.FileMode) (*net.UnixListener, error) {
	at, err := os.OpenFile(directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the directory of the socket for %ss: %w", what, err)
	}
	defer at.Close()
	// By the fd: a path of more than 107 bytes is none for a socket.
	path := fmt.Sprintf("/proc/self/fd/%d/%s", at.Fd(), name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the earlier socket for %ss: %w", what, err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making the socket for %ss: %w", what, err)
	}
	listener.SetUnlinkOnClose(false) // the next life's may be there by then
	if err := os.Chmod(path, mode); err != nil {
		listener.Close()
		return nil, fmt.Errorf("setting who may call the socket for %ss: %w", what, err)
	}
	return listener, nil
}

// Accept takes callers until the context ends, which closes the listener. Taking one must not wait for it.
func Accept(ctx context.Context, listener *net.UnixListener, log *slog.Logger, what string, take func(*net.UnixConn)) {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for ctx.Err() == nil {
		conn, err := listener.AcceptUnix()
		if err == nil {
			take(conn)
		} else if ctx.Err() == nil {
			log.Warn("taking a call for a "+what, "why", err)
			Pause(ctx, time.Second) // as when there are no fds left
		}
	}
}

// Pause waits, or until the context ends.
func Pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// UserOf is who called.
func UserOf(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var caller *unix.Ucred
	failed := raw.Control(func(fd uintptr) { caller, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(failed, err); err != nil {
		return 0, fmt.Errorf("asking who calls: %w", err)
	}
	return caller.Uid, nil
}
