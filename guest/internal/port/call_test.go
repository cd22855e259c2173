package port

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenARequestThatCannotBeTakenThenItIsRefusedByReason(t *testing.T) {
	for name, one := range map[string]struct {
		request *wire.Request
		session uint64
		reason  wire.Reason
	}{
		"older term":      {&wire.Request{Id: 2, Term: 4}, 1, wire.Reason_REASON_OLDER_TERM},
		"newer term":      {&wire.Request{Id: 2, Term: 6}, 1, wire.Reason_REASON_NOT_IN_SESSION},
		"other session":   {&wire.Request{Id: 2}, 9, wire.Reason_REASON_NOT_IN_SESSION},
		"used id":         {&wire.Request{Id: 1}, 1, wire.Reason_REASON_INVALID},
		"endless":         {&wire.Request{Id: 2, DeadlineMillis: 1 << 31}, 1, wire.Reason_REASON_INVALID},
		"nothing to send": {&wire.Request{Id: 2, Credit: 1}, 1, wire.Reason_REASON_FAILED},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, Options{}, func(_ context.Context, call *Call) (*wire.Answer, error) {
					if call.Request().Id == 1 {
						return nil, nil
					}
					return nil, errors.New("reading the memory of /srv: input/output error")
				})
				defer h.close()
				p := h.dial().attach(1, 5)
				p.ask(&wire.Request{Id: 1})
				p.answered(1)
				p.session = one.session
				p.ask(one.request)
				p.refused(one.request.Id, one.reason)
			})
		})
	}
}

func TestGivenNoDeadlineOrNoCreditThenTheRequestIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, answerAtOnce)
		defer h.close()
		p := h.dial().attach(1, 1)
		p.send(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: &wire.Request{Id: 1, Term: 1, Credit: 1}}})
		p.refused(1, wire.Reason_REASON_INVALID)
		p.send(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: &wire.Request{Id: 2, Term: 1, DeadlineMillis: 5}}})
		p.refused(2, wire.Reason_REASON_INVALID)
	})
}

func TestGivenADeadlineThatPassesThenItIsRefusedOnceNothingOfItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(ctx context.Context, _ *Call) (*wire.Answer, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil, errors.New("hashing a file: " + ctx.Err().Error())
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		began := time.Now()
		p.ask(&wire.Request{Id: 1, DeadlineMillis: 1500})
		p.refused(1, wire.Reason_REASON_EXPIRED)
		if after := time.Since(began); after != 2500*time.Millisecond {
			t.Fatal(after)
		}
	})
}

func TestGivenAFloodOfRequestsThenOnlySoManyRunAndTheOthersAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		h := newHouse(t, Options{}, func(ctx context.Context, _ *Call) (*wire.Answer, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		go func() { // while the answers are read
			for id := range uint64(200) {
				p.ask(&wire.Request{Id: id + 1})
			}
		}()
		for range 200 - MaxRequests {
			if refusal := p.next().GetRefusal(); refusal.GetReason() != wire.Reason_REASON_TOO_MANY {
				t.Fatal(refusal)
			}
		}
		synctest.Wait()
		if most.Load() != MaxRequests {
			t.Fatal(most.Load())
		}
		p.cancel(1)
		p.refused(1, wire.Reason_REASON_CANCELLED)
		p.ask(&wire.Request{Id: 201})
		p.silent() // there is room for it again
	})
}

func TestGivenAnAnswerInPiecesThenEachWaitsForCreditAndTheLastForNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
			for look := range uint64(4) {
				if err := call.Send(ctx, &wire.Answer{Piece: &wire.Answer_Rows{Rows: &wire.RowList{Look: look}}}); err != nil {
					return nil, err
				}
			}
			return &wire.Answer{}, nil
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1, Credit: 2})
		for look := range uint64(4) {
			if look == 2 {
				p.silent()
				p.credit(1, 2)
			}
			if answer := p.next().GetAnswer(); answer.GetRows().GetLook() != look || answer.GetLast() {
				t.Fatal(answer)
			}
		}
		p.answered(1)
	})
}

func TestGivenAPieceLargerThanAFrameThenTheRequestIsRefusedAndTheSessionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(_ context.Context, call *Call) (*wire.Answer, error) {
			output := &wire.Output{Out: make([]byte, MaxPayload)}
			return &wire.Answer{Piece: &wire.Answer_Output{Output: output}}, nil
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		for id := range uint64(2) {
			p.ask(&wire.Request{Id: id + 1})
			p.refused(id+1, wire.Reason_REASON_FAILED)
		}
	})
}

func TestGivenARequestWithAListThenItsPiecesComeAsTheyAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
			rows := uint64(0)
			for {
				piece, err := call.Body(ctx)
				if errors.Is(err, io.EOF) {
					return &wire.Answer{Piece: &wire.Answer_Applied{Applied: &wire.Applied{Rows: rows}}}, nil
				}
				if err != nil {
					return nil, err
				}
				rows += uint64(len(piece.Targets))
			}
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1, BodyFollows: true})
		for piece := range 6 {
			if piece >= 2 {
				if credit := p.next().GetCredit(); credit.GetId() != 1 || credit.GetPieces() != 1 {
					t.Fatal(credit)
				}
			}
			p.body(&wire.Body{Id: 1, Last: piece == 5, Targets: make([]*wire.Target, 1)})
		}
		if message := p.next(); message.GetCredit() == nil {
			t.Fatal(message)
		} else if rows := p.answered(1).GetApplied().GetRows(); rows != 6 {
			t.Fatal(rows)
		}
		p.ask(&wire.Request{Id: 2})
		if rows := p.answered(2).GetApplied().GetRows(); rows != 0 {
			t.Fatal(rows)
		}
	})
}

func TestGivenMorePiecesOfAListThanWereAskedForThenTheRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, untilCancelled)
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1, BodyFollows: true})
		for range bodyWindow + 1 {
			p.body(&wire.Body{Id: 1})
		}
		p.refused(1, wire.Reason_REASON_INVALID)
	})
}

func TestGivenProgressAndPushesThenOnlyTheNewestIsSentAndPushesNeedCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
			for done := range uint64(100) {
				call.Progress(&wire.Progress{Done: done})
			}
			return untilCancelled(ctx, call)
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1})
		synctest.Wait()
		for last := uint64(0); last != 99; {
			progress := p.next().GetProgress()
			if progress.GetId() != 1 || progress.GetDone() < last {
				t.Fatal(progress)
			}
			last = progress.GetDone()
		}
		push := func(number uint64) {
			if err := h.server.Push(&wire.Push{Kind: &wire.Push_Look{Look: &wire.Seen{Number: number}}}); err != nil {
				t.Error(err)
			}
		}
		push(1)
		if number := p.next().GetPush().GetLook().GetNumber(); number != 1 {
			t.Fatal(number)
		}
		push(2)
		push(3)
		p.silent()
		p.credit(0, 1)
		if number := p.next().GetPush().GetLook().GetNumber(); number != 3 {
			t.Fatal(number)
		}
		if err := h.server.Push(&wire.Push{Kind: &wire.Push_Health{Health: &wire.Health{
			SilentPeers: []string{strings.Repeat("x", MaxPayload)},
		}}}); err == nil {
			t.Fatal("it was pushed")
		}
	})
}

func TestGivenCancelsAtAnyMomentThenEachRequestEndsExactlyOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
		for range call.Request().Id % 4 {
			call.Progress(&wire.Progress{})
			if err := call.Send(ctx, &wire.Answer{}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	p := h.dial().attach(1, 1)
	const requests = 2000
	ended := make(chan uint64, MaxRequests)
	go func() {
		defer close(ended)
		for range requests {
			for {
				message := p.next()
				if answer := message.GetAnswer(); answer.GetLast() {
					ended <- answer.Id
					break
				}
				if refusal := message.GetRefusal(); refusal != nil {
					if refusal.Reason != wire.Reason_REASON_CANCELLED {
						t.Errorf("%v", refusal)
					}
					ended <- refusal.Id
					break
				}
			}
		}
	}()
	flight := map[uint64]bool{}
	for id := uint64(1); id <= requests || len(flight) > 0; {
		if id <= requests && len(flight) < MaxRequests-1 {
			flight[id] = true
			p.ask(&wire.Request{Id: id, Credit: 4})
			if random.IntN(2) == 0 {
				p.cancel(id - uint64(random.IntN(3)))
			}
			id++
			continue
		}
		one, more := <-ended
		if !more || !flight[one] {
			t.Fatalf("request %d ended twice or was none", one)
		}
		delete(flight, one)
	}
	h.close()
}
