package service

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"

	"virtquorum.io/guest/internal/barrier"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/wire"
)

// mostHeld bounds how many remembered looks are known: a commit is of one of the newest.
const mostHeld = 200

// Reasons of a standing for which nothing is committed ever; others pass.
const (
	reasonAlone   = "Alone"
	reasonObserve = "Observe"
)

// standings know what the record says of this member, and which looks it remembered where.
type standings struct {
	mu      sync.Mutex
	said    *wire.Standing // nil: nothing yet
	session uint64         // that said it
	held    []held         // the newest last
	repairs uint64         // that may have replaced what somebody wrote
	asks    uint64         // what is asked with; 0: nobody asked yet
	next    uint64         // what is asked with once that was answered; 0: nobody waits for that
	news    chan struct{}  // closed when anything here is another
}

// held is a look that was remembered: all that it saw is the state at a position.
type held struct {
	of   *member
	at   memory.State
	look uint64
}

func (k *standings) changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.news
}

// tell has whoever waits look again. The lock is held.
func (k *standings) tell() {
	close(k.news)
	k.news = make(chan struct{})
}

// stir has whoever waits look again at what is known of the trees.
func (k *standings) stir() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tell()
}

// hold says that a look of a member was remembered.
func (k *standings) hold(of *member, at memory.State, look uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.held); n > 0 && k.held[n-1].of != of {
		k.held = nil // another configuration numbers its looks in another way
	} else if n == mostHeld {
		k.held = append(k.held[:0], k.held[n/2:]...)
	}
	k.held = append(k.held, held{of, at, look})
	k.tell()
}

// repair says that rows are replaced by another member's.
func (k *standings) repair() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.repairs++
	k.tell()
}

// ask gives a number that a standing repeats which says what the record said after this: whoever was cut off hears none. One is asked
// with at a time, so callers who ask meanwhile share the next. Numbers of another life of the program must not look like one of this.
func (k *standings) ask() (number uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next == 0 {
		k.next = rand.Uint64() | 1
	}
	number = k.next
	k.askNext()
	return number
}

// askNext asks with the next number, if the one before was answered. The lock is held.
func (k *standings) askNext() {
	if k.next != 0 && (k.asks == 0 || k.said != nil && k.said.Confirmed == k.asks) {
		k.asks, k.next = k.next, 0
	}
}

// asking is what is asked with now.
func (k *standings) asking() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asks
}

func (k *standings) repaired() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.repairs
}

// of a session, as it was said in it; nil: not yet.
func (k *standings) of(session uint64) *wire.Standing {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session != session {
		return nil
	}
	return k.said
}

// forget what an earlier session said: it may not be so any more.
func (k *standings) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = nil
	k.tell()
}

// isHeld is true if what is committed is a remembered look that saw all that a sight did.
func (k *standings) isHeld(committed *wire.Memory, by *sight) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.held {
		if one.of == by.of && one.look >= by.number && is(committed, one.at) {
			return true
		}
	}
	return false
}

// is true if that is what was remembered: a position alone may have been given twice where its first prover was not heard.
func is(committed *wire.Memory, state memory.State) bool {
	return committed.GetPosition().GetTenure() == state.Position.Tenure && committed.GetPosition().GetSequence() == state.Position.Sequence &&
		bytes.Equal(committed.GetRoot(), state.Root[:])
}

// stand takes in what the record says.
func (s *Service) stand(_ context.Context, of *member, call Call) (*wire.Answer, error) {
	standing := call.Request().GetStanding()
	if standing.Committed != nil && (len(standing.Committed.Root) != len(fingerprint.Digest{}) || standing.Committed.Position == nil) {
		return nil, invalid("Root", "what is committed has a root of %d bytes, or no position", len(standing.Committed.Root))
	}
	s.standings.stand(standing, call.Session())
	s.publish(of) // what is asked with next
	return &wire.Answer{Piece: &wire.Answer_Stood{Stood: &wire.Stood{}}}, nil
}

func (k *standings) stand(standing *wire.Standing, session uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said, k.session = standing, session
	k.askNext()
	k.tell()
}

// refusal is why nothing that is written here is committed as long as the member stands like this; nil: it may be.
func refusal(standing *wire.Standing) *barrier.Outcome {
	switch {
	case standing.Reason == reasonObserve:
		return outcome(barrier.Observed, "%s", standing.Sentence)
	case standing.Reason == reasonAlone:
		return outcome(barrier.Alone, "%s", standing.Sentence)
	case !standing.Primary:
		return outcome(barrier.NotPrimary, "This member is not the primary: what is written here is no part of the state.")
	}
	return nil
}

func outcome(code barrier.Code, format string, arguments ...any) *barrier.Outcome {
	said := barrier.Say(code, format, arguments...)
	return &said
}
