// Package service answers the sidecar's requests with what the other packages can do. It decides nothing; it keeps apart what must
// not be done at the same time, and refuses what nobody here can do.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	gosync "sync"
	"sync/atomic"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

// Call is a request that is carried out; *port.Call is one.
type Call interface {
	Request() *wire.Request
	Session() uint64
	Term() uint64
	Send(ctx context.Context, answer *wire.Answer) error
	Body(ctx context.Context) (*wire.Body, error)
	Progress(progress *wire.Progress)
}

// Options of a service. What is nil is refused as unsupported.
type Options struct {
	Version string // of the program
	BootID  string
	Kernel  string
	Log     *slog.Logger

	Facts     FactReader
	Addresses Addresser
	Commands  Commander
	Units     UnitFreezer // nil: none can be frozen
	Users     func(*wire.Configure) (UserLooker, error)
	Trees     TreeOpener
	Places    PlaceChecker // nil: trees are always where they should be
	Writers   WriterFinder // nil: nobody has anything open
	Updates   Updater
	Push      func(*wire.Push) error // to the session; never waits
}

// Service carries out requests. Safe for many goroutines.
type Service struct {
	options    Options
	operations map[string]operation
	quiets     quiets
	alone      chan struct{} // holds one token while something changes the guest
	listeners  sync.Listeners
	frozen     atomic.Uint64 // number of the newest that was frozen

	repairing gosync.Mutex // held by what uses the archives: a tree may be opened again meanwhile, and ends what was interrupted

	standings standings
	sights    sights
	endSights context.CancelFunc

	mu      gosync.Mutex
	member  *member        // as configured last; nil: never
	running map[string]int // requests that have not ended, by their operation
}

// New returns a service that is not configured.
func New(options Options) *Service {
	s := &Service{options: options, quiets: quiets{commands: options.Commands, units: options.Units, log: options.Log}, alone: make(chan struct{}, 1)}
	s.operations = s.table()
	s.running = map[string]int{}
	s.standings.news = make(chan struct{})
	s.sights.ctx, s.endSights = context.WithCancel(context.Background())
	return s
}

// Welcome says what this program is and can do.
func (s *Service) Welcome() *wire.Welcome {
	welcome := &wire.Welcome{
		Version: s.options.Version, BootId: s.options.BootID, Kernel: s.options.Kernel, Architecture: runtime.GOARCH,
		Features: beneath.Features(),
	}
	for name, operation := range s.operations {
		if operation.run != nil {
			welcome.Operations = append(welcome.Operations, name)
		}
	}
	slices.Sort(welcome.Operations)
	if s.options.Updates != nil {
		welcome.Update = s.options.Updates.Mark()
	}
	return welcome
}

// Handle carries out one request of the port.
func (s *Service) Handle(ctx context.Context, call *port.Call) (*wire.Answer, error) {
	return s.do(ctx, call)
}

func (s *Service) do(ctx context.Context, call Call) (*wire.Answer, error) {
	name := port.Operation(call.Request())
	operation := s.operations[name]
	if operation.run == nil {
		return nil, port.Refuse(wire.Reason_REASON_UNSUPPORTED, "", "this version of the guest program does not know what it is asked for (%s)", name)
	}
	defer s.begin(name)()
	var of *member
	if operation.configured {
		var err error
		if of, err = s.memberOf(call.Session()); err != nil {
			return nil, err
		}
		if operation.changes && of.configure.ReadOnly {
			return nil, port.Refuse(wire.Reason_REASON_READ_ONLY, "", "%s changes the guest, which is only to be observed", name)
		}
	}
	if operation.alone {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for what else changes the guest: %w", context.Cause(ctx))
		case s.alone <- struct{}{}:
			defer func() { <-s.alone }()
		}
	}
	answer, err := operation.run(ctx, of, call)
	var told *port.Refused
	switch {
	case errors.As(err, &told) && told.Detail != "": // its sentence is for people
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return answer, nil
}

// begin counts a request until the function that it returns is called.
func (s *Service) begin(name string) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running[name]--; s.running[name] == 0 {
			delete(s.running, name)
		}
	}
}

// memberOf is what was configured in this session: what an earlier one was told may not hold any more.
func (s *Service) memberOf(session uint64) (*member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member == nil || s.member.session != session {
		return nil, port.Refuse(wire.Reason_REASON_NOT_CONFIGURED, "", "nothing was configured in this session yet")
	}
	return s.member, nil
}

// Close ends what was configured and waits for it. Nothing may be handled any more, nor wait for a commit.
func (s *Service) Close() {
	s.quiets.close()
	s.endSights()
	s.sights.makings.Wait()
	s.mu.Lock()
	old := s.member
	s.member = nil
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
}
