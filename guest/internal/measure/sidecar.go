package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/wire"
)

const (
	walkAfter = 30 * time.Second // a sidecar asks for a walk that is so much later than the program itself would make it
	pingEvery = 3 * time.Second
	patience  = 15 * time.Minute
)

// sidecar asks as that of Java does.
type sidecar struct {
	conn   net.Conn
	peer   *port.Peer
	id     uint64
	number uint64 // of the newest look whose rows are known
	walk   bool
	pinged time.Time
}

func connect(ctx context.Context, socket string) (*sidecar, error) {
	for end := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			return &sidecar{conn: conn, peer: port.NewPeer(conn)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond): // it listens soon
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("connecting to the program: %w", err)
		}
	}
}

// say sends a message and waits for its last answer; what comes for the list of rows is counted.
func (s *sidecar) say(message *wire.ToGuest) (*wire.FromGuest, error) {
	message.Session = 1
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if err := s.peer.Send(message); err != nil {
		return nil, err
	}
	for {
		answer, err := s.peer.Next()
		if err != nil {
			return nil, err
		}
		switch {
		case answer.GetRefusal() != nil:
			return nil, errors.New(answer.GetRefusal().Sentence)
		case answer.GetPush() != nil:
			credit := &wire.ToGuest{Session: 1, Message: &wire.ToGuest_Credit{Credit: &wire.Credit{Pieces: 1}}}
			if err := s.peer.Send(credit); err != nil {
				return nil, err
			}
		case answer.GetAnswer() != nil && !answer.GetAnswer().Last:
			credit := &wire.ToGuest{Session: 1, Message: &wire.ToGuest_Credit{Credit: &wire.Credit{Id: answer.GetAnswer().Id, Pieces: 1}}}
			if err := s.peer.Send(credit); err != nil {
				return nil, err
			}
		case answer.GetAnswer() != nil, answer.GetWelcome() != nil, answer.GetPong() != nil:
			return answer, nil
		}
	}
}

func (s *sidecar) ask(request *wire.Request) (*wire.Answer, error) {
	s.id++
	request.Id, request.Term, request.Credit, request.DeadlineMillis = s.id, 1, 2, uint32(patience.Milliseconds())
	answer, err := s.say(&wire.ToGuest{Message: &wire.ToGuest_Request{Request: request}})
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", port.Operation(request), err)
	}
	return answer.GetAnswer(), nil
}

// begin configures the program for a tree and has it remember what it holds.
func (s *sidecar) begin(tree string) error {
	hello := &wire.Hello{Term: 1, Protocol: 1, PushCredit: 2, LeaseMillis: uint32((20 * time.Minute).Milliseconds())}
	if _, err := s.say(&wire.ToGuest{Message: &wire.ToGuest_Hello{Hello: hello}}); err != nil {
		return err
	}
	_, err := s.ask(&wire.Request{Operation: &wire.Request_Configure{Configure: &wire.Configure{
		Key: make([]byte, 32), Cluster: "measured", Member: "web-0", AccessPorts: []uint32{80}, Probes: []string{"10.0.2.1"},
		Bandwidth: &wire.Bandwidth{Audit: 50_000_000},
		Trees:     []*wire.Tree{{Name: "site", Path: []byte(tree)}},
	}}})
	if err != nil {
		return err
	}
	s.walk = true
	for {
		if err := s.look(); err != nil {
			return err
		}
		remember := &wire.Remember{Position: &wire.Position{Tenure: 1, Sequence: 1}, Root: make([]byte, len(fingerprint.Digest{})), Look: s.number}
		_, err := s.ask(&wire.Request{Operation: &wire.Request_Remember{Remember: remember}})
		if err == nil {
			return nil
		}
		fmt.Println("remembering once more:", err)
	}
}

// look looks at users and at the trees.
func (s *sidecar) look() error {
	if _, err := s.ask(&wire.Request{Operation: &wire.Request_Users{Users: &wire.Users{}}}); err != nil {
		return err
	}
	answer, err := s.ask(&wire.Request{Operation: &wire.Request_Look{Look: &wire.Look{Walk: s.walk}}})
	if err != nil {
		return err
	}
	seen := answer.GetLook()
	for _, tree := range seen.Trees {
		if tree.Reason != "" {
			return errors.New(tree.Sentence)
		}
	}
	s.walk = time.Duration(seen.WalkAgeMillis-min(seen.WalkAgeMillis, seen.WalkRestMillis))*time.Millisecond > walkAfter
	if seen.Number != s.number {
		if _, err := s.ask(&wire.Request{Operation: &wire.Request_Rows{Rows: &wire.Rows{Since: s.number}}}); err != nil {
			return err
		}
		s.number = seen.Number
	}
	return nil
}

// idle asks for so long.
func (s *sidecar) idle(ctx context.Context, lasts time.Duration) error {
	next := time.NewTicker(beat)
	defer next.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		if err := s.look(); err != nil {
			return err
		}
		if time.Since(s.pinged) >= pingEvery {
			s.pinged = time.Now()
			if _, err := s.say(&wire.ToGuest{Message: &wire.ToGuest_Ping{Ping: &wire.Ping{Number: 1}}}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
		}
	}
	return nil
}
