package port

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenAHelloThenItIsWelcomedAlsoWhenItIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, untilCancelled)
		defer h.close()
		p := h.dial().attach(7, 3)
		p.ask(&wire.Request{Id: 1})
		p.hello(7, 3)
		welcome := p.next()
		if w := welcome.GetWelcome(); welcome.Session != 7 || w.GetTerm() != 3 || w.GetBootId() != "boot" || w.GetRequests() != MaxRequests {
			t.Fatal(welcome)
		}
		p.cancel(1) // it still runs
		p.refused(1, wire.Reason_REASON_CANCELLED)
	})
}

func TestGivenAnOlderTermOrNoCommonProtocolThenTheHelloIsRefusedAndTheSessionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{Term: 5}, answerAtOnce)
		defer h.close()
		p := h.dial()
		p.hello(1, 4)
		if refusal := p.refused(0, wire.Reason_REASON_OLDER_TERM); refusal.Term != 5 {
			t.Fatal(refusal)
		}
		p.attach(2, 5)
		p.send(&wire.ToGuest{Session: 3, Message: helloOf(&wire.Hello{Term: 6}).Message})
		p.refused(0, wire.Reason_REASON_PROTOCOL)
		p.send(&wire.ToGuest{Session: 3, Message: helloOf(&wire.Hello{Term: 4, Protocol: 1}).Message})
		p.refused(0, wire.Reason_REASON_OLDER_TERM)
		p.ask(&wire.Request{Id: 1})
		p.answered(1)
	})
}

func TestGivenATermThatCannotBeKeptThenNoSessionBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		kept := uint64(0)
		h := newHouse(t, Options{KeepTerm: func(term uint64) error {
			if fails {
				return errors.New("no space left")
			}
			kept = term
			return nil
		}}, answerAtOnce)
		defer h.close()
		p := h.dial()
		p.hello(1, 4)
		p.refused(0, wire.Reason_REASON_FAILED)
		fails = false
		p.attach(1, 4)
		if kept != 4 {
			t.Fatal(kept)
		}
	})
}

func TestGivenWorkThatRunsThenTheNextSessionBeginsOnlyAfterItsSafePoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inWork atomic.Bool
		h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
			if call.Session() == 1 {
				inWork.Store(true)
				<-ctx.Done()
				time.Sleep(2500 * time.Millisecond) // to the end of a large file
				inWork.Store(false)
				return nil, ctx.Err()
			}
			return &wire.Answer{}, nil
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1})
		synctest.Wait()
		p.hello(2, 2)
		p.hello(3, 2) // the newest one counts
		for range 2 {
			if busy := p.next(); busy.Session != 3 || busy.GetBusy() == nil || busy.GetBusy().Operations[0] != "look" {
				t.Fatal(busy)
			}
		}
		p.ask(&wire.Request{Id: 9})
		p.refused(9, wire.Reason_REASON_NOT_IN_SESSION)
		if welcome := p.next(); welcome.GetWelcome() == nil || welcome.Session != 3 || inWork.Load() {
			t.Fatal(welcome, inWork.Load())
		}
		p.ask(&wire.Request{Id: 1})
		p.answered(1)
	})
}

func TestGivenARequestThatLayInThePortWithAHelloBehindItThenItIsNeverCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, func(context.Context, *Call) (*wire.Answer, error) {
			t.Error("it was carried out")
			return nil, nil
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		request := &wire.Request{Id: 1, DeadlineMillis: 1000, Term: 1, Credit: 1}
		stream := p.frame(&wire.ToGuest{Session: 1, Message: &wire.ToGuest_Request{Request: request}})
		stream = append(stream, p.frame(&wire.ToGuest{Session: 2, Message: helloOf(&wire.Hello{Term: 2, Protocol: 1}).Message})...)
		if _, err := p.conn.Write(stream); err != nil {
			t.Fatal(err)
		}
		if welcome := p.next(); welcome.Session != 2 || welcome.GetWelcome() == nil {
			t.Fatal(welcome)
		}
		p.session = 1
		p.ask(&wire.Request{Id: 2, Term: 1})
		p.refused(2, wire.Reason_REASON_NOT_IN_SESSION)
	})
}

func TestGivenASessionLostDuringAnyRequestThenItsWorkEndsBeforeTheNextBegins(t *testing.T) {
	operations := (&wire.Request{}).ProtoReflect().Descriptor().Oneofs().ByName("operation").Fields()
	for i := range operations.Len() {
		field := operations.Get(i)
		t.Run(string(field.Name()), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				running := atomic.Int32{}
				h := newHouse(t, Options{}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
					if running.Add(1) != 1 {
						t.Error("two at a time")
					}
					defer running.Add(-1)
					if call.Session() > 1 {
						return &wire.Answer{}, nil
					}
					<-ctx.Done()
					time.Sleep(300 * time.Millisecond)
					return nil, ctx.Err()
				})
				defer h.close()
				p := h.dial().attach(1, 1)
				request := &wire.Request{Id: 1}
				message := request.ProtoReflect()
				message.Set(field, message.NewField(field))
				p.ask(request)
				synctest.Wait()
				if _, err := p.conn.Write([]byte{0, 'V', 'Q'}); err != nil { // and half a frame
					t.Fatal(err)
				}
				p.conn.Close()
				p = h.dial().attach(2, 1)
				p.ask(&wire.Request{Id: 1})
				p.answered(1)
			})
		})
	}
}

func TestGivenASidecarThatSaysNothingForItsLeaseThenItsWorkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		h := newHouse(t, Options{}, func(ctx context.Context, _ *Call) (*wire.Answer, error) {
			<-ctx.Done()
			ended <- time.Now()
			return nil, ctx.Err()
		})
		defer h.close()
		p := h.dial()
		p.session, p.term = 1, 1
		p.send(helloOf(&wire.Hello{Term: 1, Protocol: 1, LeaseMillis: 2000}))
		p.next()
		p.ask(&wire.Request{Id: 1})
		for number := range uint64(3) {
			time.Sleep(1900 * time.Millisecond)
			p.send(&wire.ToGuest{Message: &wire.ToGuest_Ping{Ping: &wire.Ping{Number: number}}})
			if pong := p.next().GetPong(); pong.GetNumber() != number || len(pong.GetRunning()) != 1 {
				t.Fatal(pong)
			}
		}
		last := time.Now()
		if after := (<-ended).Sub(last); after != 2*time.Second {
			t.Fatal(after)
		}
		p.ask(&wire.Request{Id: 2})
		p.refused(2, wire.Reason_REASON_NOT_IN_SESSION)
	})
}

func TestGivenGarbageBeforeBetweenAndWithinFramesThenTheSessionIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, answerAtOnce)
		defer h.close()
		p := h.dial()
		p.session, p.term = 1, 1
		hello := p.frame(&wire.ToGuest{Session: 1, Message: helloOf(&wire.Hello{Term: 1, Protocol: 1}).Message})
		noProto := frameOf(t, bytes.Repeat([]byte{0xff}, 40))
		for _, garbage := range [][]byte{randomBytes(1, 600_000), hello[:len(hello)/2], noProto, nil} {
			if _, err := p.conn.Write(append(garbage, hello...)); err != nil {
				t.Fatal(err)
			}
			if p.next().GetWelcome() == nil {
				t.Fatal("no Welcome")
			}
		}
		p.ask(&wire.Request{Id: 1})
		p.answered(1)
	})
}

func TestGivenAPeerThatNeverReadsThenTheSessionEndsAndTheNextPeerIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		h := newHouse(t, Options{Patience: 3 * time.Second}, func(ctx context.Context, call *Call) (*wire.Answer, error) {
			if call.Session() == 2 {
				return nil, nil
			}
			for {
				if err := call.Send(ctx, &wire.Answer{}); err != nil {
					ended <- err
					return nil, err
				}
			}
		})
		defer h.close()
		p := h.dial().attach(1, 1)
		p.ask(&wire.Request{Id: 1, Credit: 1000})
		if err := <-ended; err == nil {
			t.Fatal("no error")
		}
		p = h.dial().attach(2, 1)
		p.ask(&wire.Request{Id: 1})
		p.answered(1)
	})
}

func TestGivenTheEndOfTheProgramThenItWaitsForTheSafePointOfItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inWork atomic.Bool
		h := newHouse(t, Options{}, func(ctx context.Context, _ *Call) (*wire.Answer, error) {
			inWork.Store(true)
			<-ctx.Done()
			time.Sleep(time.Second)
			inWork.Store(false)
			return nil, ctx.Err()
		})
		h.dial().attach(1, 1).ask(&wire.Request{Id: 1})
		synctest.Wait()
		h.close()
		if inWork.Load() {
			t.Fatal("something runs on")
		}
	})
}

func TestGivenASessionThatIsNoMoreThenASignOfLifeInItIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{}, answerAtOnce)
		defer h.close()
		p := h.dial()
		p.session = 7 // of the guest's boot before
		p.send(&wire.ToGuest{Message: &wire.ToGuest_Ping{Ping: &wire.Ping{Number: 3}}})
		p.refused(0, wire.Reason_REASON_NOT_IN_SESSION)
		p.send(&wire.ToGuest{Message: &wire.ToGuest_Credit{Credit: &wire.Credit{}}}) // is of no consequence
		p.attach(1, 1)
	})
}
