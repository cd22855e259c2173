package evidence

import (
	"bytes"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The facts that are known.
const (
	Timezone = "timezone"
	System   = "os"
	Kernel   = "kernel"
)

// Fact says what the guest is: the name of its time zone, of its operating system, the release of its kernel. Empty if it is
// not known, or there is no fact of this name.
func (g Guest) Fact(name string) string {
	switch name {
	case Timezone:
		return g.timezone()
	case System:
		file, err := g.read("/etc/os-release", 64<<10)
		if err != nil {
			return ""
		}
		return prettyName(file)
	case Kernel:
		var said unix.Utsname
		if unix.Uname(&said) != nil {
			return ""
		}
		return unix.ByteSliceToString(said.Release[:])
	}
	return ""
}

func (g Guest) timezone() string {
	const directory = "/zoneinfo/"
	if zone := g.resolve("/etc/localtime"); strings.Contains(zone, directory) {
		_, name, _ := strings.Cut(zone, directory)
		return name
	}
	if file, err := g.read("/etc/timezone", 4096); err == nil {
		first, _, _ := bytes.Cut(file, []byte("\n"))
		if zone := strings.Trim(string(first), " \t"); zone != "" {
			return zone
		}
	}
	if file, err := g.read("/etc/localtime", 1<<20); err == nil {
		if zone, err := time.LoadLocationFromTZData("", file); err == nil {
			name, _ := time.Now().In(zone).Zone()
			return name
		}
	}
	return "UTC"
}

// Follows all links of a path within the guest. Its last part need not be there; "" if it leads nowhere.
func (g Guest) resolve(name string) string {
	const mostLinks = 40
	at, rest := "/", name
	for links := 0; ; {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return at
		}
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, part)
		target, err := os.Readlink(g.path(next))
		if err != nil {
			at = next
			continue
		}
		if links++; links > mostLinks {
			return ""
		}
		if path.IsAbs(target) {
			at = "/"
		}
		rest = target + "/" + rest
	}
}

// The PRETTY_NAME of an os-release, without quotation marks around it.
func prettyName(file []byte) string {
	name := ""
	for line := range strings.Lines(string(file)) {
		line = strings.TrimRight(line, "\n")
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimLeft(key, " \t") == "PRETTY_NAME" {
			name = strings.TrimRight(value, " \t")
		}
	}
	if name != "" && strings.ContainsRune(`"'`, rune(name[0])) {
		name = name[1:]
	}
	if end := len(name) - 1; end >= 0 && strings.ContainsRune(`"'`, rune(name[end])) {
		name = name[:end]
	}
	return name
}
