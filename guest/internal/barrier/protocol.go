// Package barrier lets any program of the guest ask whether what it wrote is committed, over a unix socket with one line there and one
// line back. It knows the words and bounds who asks; package service knows the answers. docs/durability.md has the protocol.
package barrier

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	// SocketName is that of the socket in the directory for what lasts until the next boot.
	SocketName = "commit.sock"
	// Longest is how long a call may take.
	Longest = time.Hour
	// MostPaths may be named in a call.
	MostPaths = 100

	mostLine = 64 << 10 // bytes, in either direction
	verb     = "commit"
)

// Code is how a call ended: the number that its answer begins with, and the exit code of the command. Only Committed is success.
type Code int

// The codes are for programs: none ever changes its meaning.
const (
	Committed  Code = 0  // all that was written before the call is
	Unknown    Code = 1  // it may be or not, now or later
	Invalid    Code = 2  // the call is not as it must be
	Outside    Code = 3  // a path is not part of the state
	NotPrimary Code = 4  // another member leads: what is written here is no part of the state
	Alone      Code = 5  // the cluster has one member
	Observed   Code = 6  // mode Observe commits nothing
	Held       Code = 7  // a hold kept anything from being committed until the time was over
	NoSidecar  Code = 8  // nobody told this guest how it stands until the time was over
	Unreadable Code = 9  // the state cannot be looked at
	Busy       Code = 10 // too many callers
	NotRunning Code = 11 // the guest program does not run here; only the command says so
)

var words = map[Code]string{
	Committed: "committed", Unknown: "unknown", Invalid: "invalid", Outside: "outside", NotPrimary: "not-primary", Alone: "alone",
	Observed: "observed", Held: "held", NoSidecar: "no-sidecar", Unreadable: "unreadable", Busy: "busy", NotRunning: "not-running",
}

// Outcome is the answer to a call.
type Outcome struct {
	Code     Code
	Sentence string // for a person
}

// Say makes an outcome of a sentence.
func Say(code Code, format string, arguments ...any) Outcome {
	return Outcome{code, fmt.Sprintf(format, arguments...)}
}

// Request asks that all that was written before it be committed.
type Request struct {
	Timeout time.Duration
	Paths   []string // absolute and clean; each must be part of the state
}

// Committer answers calls; the service is one. The context ends when the call's time is over.
type Committer interface {
	Commit(ctx context.Context, paths []string) Outcome
}

// line is the request as it is sent, without its end.
func (r Request) line() string {
	words := []string{verb, r.Timeout.String()}
	for _, one := range r.Paths {
		words = append(words, (&url.URL{Path: one}).EscapedPath())
	}
	return strings.Join(words, " ")
}

// parseRequest reads a line. The error is a sentence.
func parseRequest(line string) (Request, error) {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != verb {
		return Request{}, fmt.Errorf("a call is a line of %q, for how long, and perhaps paths: commit 10s /srv/www/index.html", verb)
	}
	timeout, err := time.ParseDuration(words[1])
	if err != nil || timeout <= 0 || timeout > Longest {
		return Request{}, fmt.Errorf("%.40q is no time of more than nothing and at most an hour, such as 10s or 500ms", words[1])
	}
	request := Request{Timeout: timeout}
	if len(words)-2 > MostPaths {
		return Request{}, fmt.Errorf("%d paths are more than %d: name a directory above them, or none", len(words)-2, MostPaths)
	}
	for _, word := range words[2:] {
		one, err := url.PathUnescape(word)
		if err != nil || !path.IsAbs(one) || strings.ContainsRune(one, 0) {
			return Request{}, fmt.Errorf("%.200q is no absolute path, in which a space is %%20 and a %% is %%25", word)
		}
		request.Paths = append(request.Paths, path.Clean(one))
	}
	return request, nil
}

// line is the answer as it is sent, without its end.
func (o Outcome) line() string {
	sentence := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, o.Sentence)
	line := fmt.Sprintf("%d %s %s", o.Code, words[o.Code], sentence)
	return line[:min(len(line), mostLine-1)]
}

// parseOutcome reads an answer. Of what a later version may say, all that is not known here is no success.
func parseOutcome(line string) (Outcome, error) {
	number, rest, _ := strings.Cut(line, " ")
	word, sentence, _ := strings.Cut(rest, " ")
	code, err := strconv.Atoi(number)
	if err != nil || code < 0 || code > 125 || (Code(code) == Committed) != (word == words[Committed]) {
		return Outcome{}, fmt.Errorf("%.100q is no answer", line)
	}
	return Outcome{Code(code), sentence}, nil
}
