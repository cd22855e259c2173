package port

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"virtquorum.io/guest/internal/wire"
)

// Refused is an error that tells the sidecar more than that something failed.
type Refused struct {
	Reason wire.Reason
	Detail string // a stable CamelCase word, or empty
	Err    error  // says the sentence
}

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }

// Refuse returns a *Refused whose sentence is made as fmt.Errorf makes it.
func Refuse(reason wire.Reason, detail, format string, arguments ...any) error {
	return &Refused{Reason: reason, Detail: detail, Err: fmt.Errorf(format, arguments...)}
}

// Why the context of a call may end, other than by its deadline.
var (
	errCancelled = Refuse(wire.Reason_REASON_CANCELLED, "", "the sidecar cancelled it")
	errSession   = Refuse(wire.Reason_REASON_CANCELLED, "", "its session ended")
	errHungUp    = errors.New("the other side of the port hung up")
	errLease     = errors.New("nothing was heard from the sidecar for as long as its lease allows")
)

// maxSentence bounds what an error may say, in bytes.
const maxSentence = 1000

// refusalOf is what the sidecar is told of an error. A context that ended is why, unless the error knows better.
func refusalOf(id uint64, ctx context.Context, err error) *wire.Refusal {
	refusal := &wire.Refusal{Id: id, Reason: wire.Reason_REASON_FAILED}
	var refused *Refused
	if !errors.As(err, &refused) && ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.As(cause, &refused) && errors.Is(cause, context.DeadlineExceeded) {
			refused = &Refused{Reason: wire.Reason_REASON_EXPIRED}
		}
	}
	if refused != nil {
		refusal.Reason, refusal.Detail = refused.Reason, refused.Detail
	}
	refusal.Sentence = sentence(err)
	return refusal
}

// sentence is the error's text as one that can be shown anywhere.
func sentence(err error) string {
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	if len(text) > maxSentence {
		text = strings.ToValidUTF8(text[:maxSentence], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
