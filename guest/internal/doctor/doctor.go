// Package doctor says whether a guest has what the guest program needs, and what to do where something is missing. It changes
// nothing.
package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/watch"
)

// State is how bad a finding is; also the exit code that it leads to.
type State int

// The states, best first.
const (
	OK   State = 0
	Warn State = 1 // it works, but slower, later or only for now
	Fail State = 2 // it does not work
)

func (s State) String() string {
	return [...]string{"ok", "warn", "FAIL"}[s]
}

// MarshalText gives the state in small letters, for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(strings.ToLower(s.String())), nil }

// Finding is what one check found.
type Finding struct {
	Check    string `json:"check"` // a word that stays the same from version to version
	State    State  `json:"state"`
	Sentence string `json:"sentence"` // what is, and what to do about it
}

// Kernel is what can only be found out by trying it. The zero value tries the kernel that this program runs on.
type Kernel struct {
	// Openat2 says why directories cannot be opened by openat2; nil if they can.
	Openat2 func() error
	// Watch says how a tree can be watched, and why not better.
	Watch func(ctx context.Context, tree string) (kind, why string, err error)
}

// Options of an examination.
type Options struct {
	// Root is put before every path: "" in a guest, a directory in a test.
	Root string
	// Trees are the absolute paths of the file trees of the HACluster, where they are known; at most 64 are looked at.
	Trees []string
	// Kernel is tried.
	Kernel Kernel
}

const mostTrees = 64

type doctor struct {
	Options
	guest    evidence.Guest
	findings []Finding
}

// Examine makes all checks. A check that cannot be made is a finding too. It takes as long as the slowest disk of a tree, up to
// the deadline of the context.
func Examine(ctx context.Context, options Options) []Finding {
	if options.Kernel.Openat2 == nil {
		options.Kernel.Openat2 = tryOpenat2
	}
	if options.Kernel.Watch == nil {
		options.Kernel.Watch = tryWatch
	}
	d := &doctor{Options: options, guest: evidence.Guest{Root: options.Root}}
	d.kernel()
	d.port()
	d.service()
	d.oldAgent()
	d.syncNic()
	d.firewall()
	d.directory()
	d.trees(ctx)
	d.selinux()
	return d.findings
}

// ExitCode is that of the worst finding: 0, 1 or 2.
func ExitCode(findings []Finding) int {
	worst := OK
	for _, finding := range findings {
		worst = max(worst, finding.State)
	}
	return int(worst)
}

// WriteText writes a line for each finding.
func WriteText(to io.Writer, findings []Finding) error {
	buffer := bufio.NewWriter(to)
	for _, finding := range findings {
		fmt.Fprintf(buffer, "%-4s  %s\n", finding.State, finding.Sentence)
	}
	return buffer.Flush()
}

// WriteJSON writes an object with the worst state and the findings.
func WriteJSON(to io.Writer, findings []Finding) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		State  State     `json:"state"`
		Checks []Finding `json:"checks"`
	}{State(ExitCode(findings)), findings})
}

func (d *doctor) say(check string, state State, format string, arguments ...any) {
	d.findings = append(d.findings, Finding{check, state, fmt.Sprintf(format, arguments...)})
}

func (d *doctor) path(name string) string { return filepath.Join(d.Root+"/", name) }

// The content of a small file without space around it; "" if it cannot be read.
func (d *doctor) read(name string) string {
	file, err := os.Open(d.path(name))
	if err != nil {
		return ""
	}
	defer file.Close()
	const most = 1 << 20
	content, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func (d *doctor) exists(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

// The names of what matches, as the guest knows them.
func (d *doctor) glob(pattern string) []string {
	found, _ := filepath.Glob(d.path(pattern))
	for n, name := range found {
		found[n] = "/" + strings.TrimLeft(strings.TrimPrefix(name, d.Root), "/")
	}
	return found
}

// A process of the guest.
type process struct {
	id      int
	name    string
	command string // with spaces between the arguments
}

func (p process) String() string { return fmt.Sprintf("process %d (%s)", p.id, p.name) }

func (d *doctor) processes(wanted func(process) bool) []process {
	var found []process
	for _, directory := range d.glob("/proc/[0-9]*") {
		id, err := strconv.Atoi(filepath.Base(directory))
		if err != nil {
			continue
		}
		command := strings.TrimRight(strings.ReplaceAll(d.read(directory+"/cmdline"), "\x00", " "), " ")
		if p := (process{id, d.read(directory + "/comm"), command}); wanted(p) {
			found = append(found, p)
		}
	}
	return found
}

func tryWatch(ctx context.Context, tree string) (kind, why string, err error) {
	// Inotify would list all directories only to say that it can.
	watcher, err := watch.Open(ctx, tree, watch.Options{Kinds: []string{watch.Fanotify}})
	if err != nil {
		return "", "", err
	}
	return watcher.Kind(), watcher.Why(), watcher.Close()
}
