package port

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

// outbox is what is to be written to one connection. Messages wait in a short queue, and who sends waits with them; of progress and
// pushes only the newest of each kind is kept.
type outbox struct {
	queue chan *wire.FromGuest
	wake  chan struct{} // there may be something in the slots
	over  <-chan struct{}

	mu         sync.Mutex
	progress   map[*Call]*wire.Progress
	pushes     map[pushKind]*wire.Push
	pushCredit int
	session    *session // that pushes go to
}

type pushKind string

func newOutbox(over <-chan struct{}) *outbox {
	return &outbox{
		queue: make(chan *wire.FromGuest, 4), wake: make(chan struct{}, 1), over: over,
		progress: map[*Call]*wire.Progress{}, pushes: map[pushKind]*wire.Push{},
	}
}

// send waits until the message is in the queue. The error is the context's, or that of the connection.
func (o *outbox) send(ctx context.Context, message *wire.FromGuest) error {
	if ctx.Err() != nil { // also where there is room: nothing of an ended session is sent
		return context.Cause(ctx)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-o.over:
		return errHungUp
	case o.queue <- message:
		return nil
	}
}

// begin forgets what another session has left.
func (o *outbox) begin(s *session, pushCredit uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.progress)
	clear(o.pushes)
	o.session, o.pushCredit = s, int(min(pushCredit, maxCredit))
}

func (o *outbox) putProgress(call *Call, progress *wire.Progress) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if call.session == o.session {
		o.progress[call] = progress
		o.signal()
	}
}

func (o *outbox) forgetProgress(call *Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.progress, call)
}

func (o *outbox) push(push *wire.Push) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.session != nil {
		o.pushes[pushKind(fmt.Sprintf("%T", push.Kind))] = push
		o.signal()
	}
}

func (o *outbox) addPushCredit(pieces uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pushCredit = min(o.pushCredit+int(min(pieces, maxCredit)), maxCredit)
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// fromSlots takes one message out of the slots; nil: there is none that may be sent.
func (o *outbox) fromSlots() *wire.FromGuest {
	o.mu.Lock()
	defer o.mu.Unlock()
	for call, progress := range o.progress {
		delete(o.progress, call)
		o.signal() // perhaps there is more
		return call.session.message(&wire.FromGuest_Progress{Progress: progress})
	}
	for kind, push := range o.pushes {
		if o.pushCredit == 0 {
			break
		}
		o.pushCredit--
		delete(o.pushes, kind)
		o.signal()
		return o.session.message(&wire.FromGuest_Push{Push: push})
	}
	return nil
}

// write writes until the connection is over or a write takes longer than the patience.
func (o *outbox) write(conn Conn, patience time.Duration) error {
	var raw, frame []byte
	for {
		var message *wire.FromGuest
		select {
		case <-o.over:
			return errHungUp
		case message = <-o.queue:
		case <-o.wake:
			if message = o.fromSlots(); message == nil {
				continue
			}
		}
		var err error
		if raw, err = (proto.MarshalOptions{}).MarshalAppend(beginFrame(raw), message); err != nil {
			return fmt.Errorf("packing an answer: %w", err)
		}
		if frame, err = appendFrame(frame[:0], raw); err != nil {
			return err
		}
		if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return fmt.Errorf("writing to the port: %w", err)
		}
		if _, err := conn.Write(frame); err != nil {
			return fmt.Errorf("writing to the port, whose other side may not read: %w", err)
		}
	}
}
