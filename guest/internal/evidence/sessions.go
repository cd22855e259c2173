package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	userProcess   = 7 // utmp(5)
	mostLogins    = 1024
	mostUtmp      = 4 << 20
	mostTerminals = 4096
)

// One login.
type login struct {
	pid      int32
	terminal string // without /dev/
	user     string
	host     string
	at       int64 // seconds since 1970; 0 if unknown
}

func (l login) String() string {
	text := l.user + " " + l.terminal
	if l.at != 0 {
		text += " " + time.Unix(l.at, 0).UTC().Format("2006-01-02 15:04")
	}
	if l.host != "" {
		text += " (" + l.host + ")"
	}
	return text
}

// The size of a record and where its time is: glibc keeps the records of 32-bit programs on amd64, not on arm64.
func utmpLayout(architecture string) (size, seconds int, wide bool) {
	if architecture == "arm64" {
		return 400, 344, true
	}
	return 384, 340, false
}

// The logins of users in /run/utmp, as who(1) shows them but for those whose process is gone, which the caller knows.
func parseUtmp(file []byte, architecture string) []login {
	size, seconds, wide := utmpLayout(architecture)
	var found []login
	for ; len(file) >= size && len(found) < mostLogins; file = file[size:] {
		if binary.NativeEndian.Uint16(file) != userProcess {
			continue
		}
		at := int64(int32(binary.NativeEndian.Uint32(file[seconds:])))
		if wide {
			at = int64(binary.NativeEndian.Uint64(file[seconds:]))
		}
		if at < 0 || at > 1<<40 {
			at = 0
		}
		l := login{
			pid:      int32(binary.NativeEndian.Uint32(file[4:])),
			terminal: clean(cString(file[8:40])), user: clean(cString(file[44:76])), host: clean(cString(file[76:332])), at: at,
		}
		if l.user != "" && l.terminal != "" {
			found = append(found, l)
		}
	}
	return found
}

// A session that logind keeps in /run/systemd/sessions. Newer systems have no utmp. False for what is no user's at a terminal.
func parseSession(file []byte) (login, bool) {
	values := map[string]string{}
	for line := range bytes.Lines(file) {
		if key, value, ok := strings.Cut(string(bytes.TrimSpace(line)), "="); ok && len(values) < 64 {
			values[key] = clean(value)
		}
	}
	if values["CLASS"] != "user" || values["STATE"] == "closing" || values["TTY"] == "" || values["USER"] == "" {
		return login{}, false
	}
	microseconds, _ := strconv.ParseInt(values["REALTIME"], 10, 64)
	leader, _ := strconv.ParseInt(values["LEADER"], 10, 32)
	return login{pid: int32(leader), terminal: values["TTY"], user: values["USER"], host: values["REMOTE_HOST"], at: microseconds / 1e6}, true
}

func cString(field []byte) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	return string(text)
}

// Text of a user for people: a guest may say anything.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "?")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text))
}

// terminals are looked at again and again. For one goroutine.
type terminals struct {
	guest    Guest
	utmp     remembered[[]login]
	sessions remembered[[]login]
	consoles remembered[[]string]
	input    int64 // the newest at a console that is not looked at each time
}

// look gives a line for people for each terminal in use, and when a terminal last had input, in seconds since 1970.
func (t *terminals) look() (who []string, lastInput int64) {
	byTerminal := map[string]string{}
	for _, l := range t.logins() {
		byTerminal[l.terminal] = l.String()
	}
	lastInput = t.consoleInput()
	for _, number := range numbered(t.guest.path("/dev/pts"), "") {
		at, there := inputAt(t.guest.path("/dev/pts/" + number))
		if !there {
			continue
		}
		name := "pts/" + number
		if _, known := byTerminal[name]; !known {
			byTerminal[name] = "terminal " + name
		}
		lastInput = max(lastInput, at)
	}
	for _, line := range byTerminal {
		who = append(who, line)
	}
	slices.Sort(who)
	return who, lastInput
}

// inputAt is when a terminal had input, 0 if never: it is made, and given to a user, with both times equal; only input parts them.
func inputAt(path string) (seconds int64, there bool) {
	var stat unix.Stat_t
	if unix.Lstat(path, &stat) != nil {
		return 0, false
	}
	if stat.Atim.Sec > stat.Ctim.Sec {
		return stat.Atim.Sec, true
	}
	return 0, true
}

// numbered are the names in a directory that are a word and then begin with a digit; without the word.
func numbered(directory, word string) (numbers []string) {
	fd, err := unix.Open(directory, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	buffer := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return numbers
		}
		_, _, names := unix.ParseDirent(buffer[:n], -1, nil)
		for _, name := range names {
			number, has := strings.CutPrefix(name, word)
			if has && number != "" && number[0] >= '0' && number[0] <= '9' && len(numbers) < mostTerminals {
				numbers = append(numbers, number)
			}
		}
	}
}

// consoleInput is when a console last had input. Only those that the kernel has made are looked at each time (it makes /dev/vcs1 with
// the first opening of /dev/tty1, and takes it away again); the others whenever a device came or went.
func (t *terminals) consoleInput() (newest int64) {
	looked, _ := t.consoles.of(t.guest.path("/dev"), func() []string {
		numbers, made := numbered(t.guest.path("/dev"), "tty"), numbered(t.guest.path("/dev"), "vcs")
		var used []string
		t.input = 0
		for _, number := range numbers {
			path := t.guest.path("/dev/tty" + number)
			at, _ := inputAt(path)
			t.input = max(t.input, at)
			if len(made) == 0 || number == "0" || slices.Contains(made, number) {
				used = append(used, path)
			}
		}
		for _, name := range []string{"console", "ttyS0", "ttyAMA0", "hvc0"} {
			if _, there := inputAt(t.guest.path("/dev/" + name)); there {
				used = append(used, t.guest.path("/dev/"+name))
			}
		}
		return used
	})
	newest = t.input
	for _, path := range looked {
		at, _ := inputAt(path)
		newest = max(newest, at)
	}
	return newest
}

// logins are both records together: which of them a system keeps differs. What cannot be read says nothing.
func (t *terminals) logins() []login {
	var found []login
	for _, name := range []string{"/run/utmp", "/var/run/utmp"} {
		if _, err := stampOf(t.guest.path(name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		records, _ := t.utmp.of(t.guest.path(name), func() []login {
			file, _ := t.guest.read(name, mostUtmp)
			return parseUtmp(file, runtime.GOARCH)
		})
		found = append(found, records...)
		break
	}
	// Each is a file that takes the place of the one before it, so that the directory tells.
	sessions, _ := t.sessions.of(t.guest.path("/run/systemd/sessions"), t.guest.sessions)
	found = append(found, sessions...)
	return slices.DeleteFunc(found, func(l login) bool {
		if l.pid <= 0 {
			return false
		}
		var stat unix.Stat_t
		return errors.Is(unix.Lstat(t.guest.path("/proc/"+strconv.Itoa(int(l.pid))), &stat), unix.ENOENT)
	})
}

func (g Guest) sessions() (found []login) {
	sessions, _ := filepath.Glob(g.path("/run/systemd/sessions/*"))
	for _, path := range sessions[:min(len(sessions), mostLogins)] {
		if strings.HasSuffix(path, ".ref") {
			continue // a pipe
		}
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		file, err := g.read(strings.TrimPrefix(path, g.Root), 64<<10)
		if l, ok := parseSession(file); err == nil && ok {
			found = append(found, l)
		}
	}
	return found
}
