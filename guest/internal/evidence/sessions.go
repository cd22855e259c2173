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

// A line for people for each terminal in use, and when a terminal last had input, in seconds since 1970.
func (g Guest) terminals() (who []string, lastInput int64) {
	byTerminal := map[string]string{}
	for _, l := range g.logins() {
		byTerminal[l.terminal] = l.String()
	}
	pseudo, _ := filepath.Glob(g.path("/dev/pts/[0-9]*"))
	consoles, _ := filepath.Glob(g.path("/dev/tty[0-9]*"))
	for _, name := range []string{"console", "ttyS0", "ttyAMA0", "hvc0"} {
		consoles = append(consoles, g.path("/dev/"+name))
	}
	for n, path := range append(pseudo, consoles...) {
		var stat unix.Stat_t
		if n >= mostTerminals || unix.Lstat(path, &stat) != nil {
			continue
		}
		if n < len(pseudo) {
			name := "pts/" + filepath.Base(path)
			if _, known := byTerminal[name]; !known {
				byTerminal[name] = "terminal " + name
			}
		}
		// A terminal is made, and given to a user, with both times equal; only input parts them.
		access, change := stat.Atim.Sec, stat.Ctim.Sec
		if access > change {
			lastInput = max(lastInput, access)
		}
	}
	for _, line := range byTerminal {
		who = append(who, line)
	}
	slices.Sort(who)
	return who, lastInput
}

// Both records together: which of them a system keeps differs. What cannot be read says nothing.
func (g Guest) logins() []login {
	var found []login
	for _, name := range []string{"/run/utmp", "/var/run/utmp"} {
		file, err := g.read(name, mostUtmp)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found = parseUtmp(file, runtime.GOARCH)
		break
	}
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
	return slices.DeleteFunc(found, func(l login) bool {
		if l.pid <= 0 {
			return false
		}
		_, err := os.Lstat(g.path("/proc/" + strconv.Itoa(int(l.pid))))
		return errors.Is(err, fs.ErrNotExist)
	})
}
