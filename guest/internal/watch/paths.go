package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where an open directory is now, as an absolute path of any bytes. ENAMETOOLONG if it has 4,096 bytes or more.
func pathOf(fd int) (string, error) {
	link := "/proc/self/fd/" + strconv.Itoa(fd)
	buffer := make([]byte, unix.PathMax+1)
	n, err := unix.Readlink(link, buffer)
	if err != nil {
		return "", err
	}
	path := string(buffer[:n])
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("it is not within what this process can reach")
	}
	return path, nil
}

// Whether a path is another or beneath it.
func beneathOf(path, other string) bool {
	rest, has := strings.CutPrefix(path, other)
	return has && (rest == "" || rest[0] == '/' || other == "/")
}

func joined(directory, name string) string {
	if directory == "" || directory == "/" {
		return directory + name
	}
	return directory + "/" + name
}

// Whether a process is this one, or a descendant of it that lives, or one that known says.
func isOwn(pid int, known func(int) bool) bool {
	self := os.Getpid()
	for generation := 0; pid > 1 && generation < 64; generation++ {
		if pid == self || known(pid) {
			return true
		}
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return false
		}
		pid = parentIn(stat)
	}
	return false
}

// The parent in /proc/PID/stat, whose second field is a name of any bytes in parentheses; 0 if there is none.
func parentIn(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return parent
}

func control(file *os.File, do func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := raw.Control(func(fd uintptr) { done = do(int(fd)) }); err != nil {
		return err
	}
	return done
}

// Reads events in rounds: waits for one, lets others gather for a while, takes what is there, makes it known. So a thousand
// writes wake the program once. Who asks for a drain is waited for by nobody.
func rounds(ctx context.Context, events *os.File, options Options, into *gatherer, buffer []byte, take func([]byte) error, end func()) error {
	raw, err := events.SyscallConn()
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	for {
		asked := into.waiting()
		wait := asked == 0
		for reads := 0; reads < mostReads; reads++ {
			var n int
			var readErr error
			err := raw.Read(func(fd uintptr) bool {
				n, readErr = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), buffer) })
				return !wait || !errors.Is(readErr, unix.EAGAIN)
			})
			switch {
			case err != nil && ctx.Err() != nil:
				return nil // closed
			case errors.Is(err, os.ErrDeadlineExceeded): // somebody asked
				if err := events.SetReadDeadline(time.Time{}); err != nil {
					return fmt.Errorf("waiting for events: %w", err)
				}
				wait, asked = false, into.waiting()
				continue
			case err != nil:
				return fmt.Errorf("waiting for events: %w", err)
			case errors.Is(readErr, unix.EAGAIN):
				n = 0
			case readErr != nil:
				return fmt.Errorf("reading events: %w", readErr)
			}
			if n == 0 {
				break
			}
			if err := take(buffer[:n]); err != nil {
				return err
			}
			if wait {
				wait = false
				select {
				case <-ctx.Done():
					return nil
				case <-options.After(options.Gather):
				case <-into.asked:
				}
				asked = into.waiting()
			}
		}
		end()
		into.reached(asked)
		into.flush()
	}
}

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
