package port

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A fifo hangs up and is ready to be read while nobody is at its other end, as a virtio port is.
func newFifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "port")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fifoLine reads the fifo only: whoever opens it for writing too never sees it hang up.
func fifoLine(t *testing.T, path string) *deviceLine {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	line := &deviceLine{path: path, file: file}
	t.Cleanup(func() { line.Close() })
	return line
}

func openWriter(t *testing.T, path string) *os.File {
	t.Helper()
	writer, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return writer
}

func TestGivenADeviceWhoseOtherSideHangsUpThenTheNextOneIsAwaitedWithoutSpinning(t *testing.T) {
	path := newFifo(t)
	line := fifoLine(t, path)
	for _, words := range []string{"first", "second"} {
		opened := make(chan Conn)
		go func() {
			conn, err := line.Open(t.Context())
			if err != nil {
				t.Error(err)
			}
			opened <- conn
		}()
		writer := openWriter(t, path)
		if _, err := writer.WriteString(words); err != nil {
			t.Fatal(err)
		}
		conn := <-opened
		got := make([]byte, len(words))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != words {
			t.Fatalf("%q, %v", got, err)
		}
		writer.Close()
		if _, err := conn.Read(got); !errors.Is(err, io.EOF) {
			t.Fatalf("after the hang-up: %v", err)
		}
		conn.Close()
	}
	before := line.looks
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := line.Open(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with nobody there: %v", err)
	}
	if looks := line.looks - before; looks > 5 {
		t.Fatalf("looked %d times in vain", looks)
	}
}

func TestGivenAPortThatIsNotThereOrNoDeviceThenASentenceSaysSo(t *testing.T) {
	if _, err := NewLine(filepath.Join(t.TempDir(), "none")).Open(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLine(file).Open(t.Context()); err == nil {
		t.Fatal("a file was opened as a port")
	}
	if _, err := NewLine("unix:" + file).Open(t.Context()); err == nil {
		t.Fatal("a file was replaced by a socket")
	}
}

func TestGivenASocketThenOnePeerAfterTheOtherIsServedAndWaitingEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for range 2 { // the second finds the socket of the first
		line := NewLine("unix:" + path)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			conn, err := line.Open(ctx)
			if err == nil {
				_, err = io.Copy(conn, conn)
				conn.Close()
			}
			ended <- err
		}()
		var peer net.Conn
		for {
			var err error
			if peer, err = net.Dial("unix", path); err == nil {
				break
			}
		}
		if _, err := peer.Write([]byte("echo")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(peer, got); err != nil || string(got) != "echo" {
			t.Fatalf("%q, %v", got, err)
		}
		peer.Close()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := line.Open(ctx)
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// As after a kill, the socket stays behind.
		line.(*socketLine).listener.SetUnlinkOnClose(false)
		line.Close()
	}
}
