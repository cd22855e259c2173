package service

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/update"
	"virtquorum.io/guest/internal/wire"
)

// Updater has a newer program take this one's place. *update.Updater is one.
type Updater interface {
	Mark() *wire.UpdateMark
	Receive(ctx context.Context, order update.Order, next func(context.Context) ([]byte, error), progress func(uint64)) error
	Confirm(version string) (ends bool, err error)
	Answered()
}

const heardTime = 2 * time.Second // for a sidecar to hear an answer after which the session ends

// update takes a newer program. It is tried when this request has ended, which ends all others: so there must be none, and nothing
// that is begun and goes on by itself.
func (s *Service) update(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	if busy := s.busy(); busy != "" {
		return nil, port.Refuse(wire.Reason_REASON_VOID, "Busy", "the program cannot be exchanged now: %s goes on", busy)
	}
	request := call.Request().GetUpdate()
	if request.Size > update.MostBytes {
		return nil, invalid("Size", "a program has at most %d bytes, not %d", update.MostBytes, request.Size)
	}
	order := update.Order{
		Version: request.Version, Architecture: request.Architecture, Digest: request.Digest, Size: int64(request.Size),
		Packaged: request.Packaged, Trial: time.Duration(request.TrialMillis) * time.Millisecond,
	}
	next := func(ctx context.Context) ([]byte, error) {
		piece, err := call.Body(ctx)
		return piece.GetContent(), err
	}
	progress := func(came uint64) {
		call.Progress(&wire.Progress{What: "taking a newer program", BytesDone: came, BytesTotal: request.Size})
	}
	if err := s.options.Updates.Receive(ctx, order, next, progress); err != nil {
		return nil, err
	}
	return s.last(ctx, call, &wire.Answer{Piece: &wire.Answer_Updating{Updating: &wire.Updating{}}})
}

func (s *Service) confirmUpdate(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	ends, err := s.options.Updates.Confirm(call.Request().GetConfirmUpdate().GetVersion())
	if err != nil {
		return nil, err
	}
	answer := &wire.Answer{Piece: &wire.Answer_UpdateConfirmed{UpdateConfirmed: &wire.UpdateConfirmed{Ends: ends}}}
	if !ends {
		return answer, nil
	}
	return s.last(ctx, call, answer)
}

// last sends an answer after which the session may end: that waits until the sidecar has closed the request, for then it has heard.
func (s *Service) last(ctx context.Context, call Call, answer *wire.Answer) (*wire.Answer, error) {
	defer s.options.Updates.Answered()
	ctx, cancel := context.WithTimeout(ctx, heardTime)
	defer cancel()
	if err := call.Send(ctx, answer); err != nil {
		return nil, err
	}
	<-ctx.Done()
	return answer, nil
}

// busy names what goes on beside an update; empty: nothing.
func (s *Service) busy() string {
	s.mu.Lock()
	others := slices.Sorted(maps.Keys(s.running))
	s.mu.Unlock()
	others = slices.DeleteFunc(others, func(name string) bool { return name == "update" })
	for _, tree := range s.quiets.still() {
		others = append(others, "the quiet of "+tree)
	}
	return strings.Join(others, ", ")
}
