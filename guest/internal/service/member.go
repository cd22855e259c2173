package service

import (
	"bytes"
	"context"
	"fmt"
	"os"
	gosync "sync"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostTrees    = 64
	mostPatterns = 1000
)

// member is what one session configured.
type member struct {
	session   uint64
	configure *wire.Configure
	users     UserLooker
	trees     []*tree

	cancel     context.CancelFunc
	goroutines gosync.WaitGroup
	agreeing   gosync.Mutex
	newSession chan struct{}       // another session took it over, which knows nothing yet
	answered   chan evidence.Users // who the sidecar was told of last, as it asked

	mu        gosync.Mutex
	number    uint64                   // of the newest look that saw something new
	versions  []version                // of the trees' rows at that look
	earlier   []numbered               // looks, the newest last
	published *wire.Seen               // number, states and what was asked with, as they were pushed last
	staged    []map[string]sync.Staged // of each tree by path, by the newest fetch
	frozen    []*frozenSet             // that are kept, the oldest first
}

// configure takes the place of what was configured before. Trees that stay as they are told go on being looked at.
func (s *Service) configure(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	configure := call.Request().GetConfigure()
	if err := check(configure); err != nil {
		return nil, err
	}
	s.mu.Lock()
	old := s.member
	s.mu.Unlock()
	if old != nil && same(old.configure, configure) {
		s.mu.Lock()
		another := old.session != call.Session()
		old.session = call.Session()
		s.mu.Unlock()
		s.standings.forget()
		select {
		case old.newSession <- struct{}{}:
		default:
		}
		old.mu.Lock()
		old.published = nil
		old.mu.Unlock()
		if another {
			old.thaw() // this session knows of nothing
		}
		s.publish(old)
		return configured(old), nil
	}
	next := &member{session: call.Session(), configure: configure, newSession: make(chan struct{}, 1), answered: make(chan evidence.Users, 1)}
	if s.options.Users != nil {
		users, err := s.options.Users(configure)
		if err != nil {
			return nil, err
		}
		next.users = users
	}
	s.mu.Lock()
	s.member = nil
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the request, and ends with the member
	next.cancel = cancel
	if s.options.Trees != nil {
		s.openTrees(ctx, running, next)
	}
	s.mu.Lock()
	s.member = next
	s.mu.Unlock()
	s.standings.forget()
	if next.users != nil && s.options.Push != nil {
		next.goroutines.Go(func() { s.watchUsers(running, next) })
	}
	return configured(next), nil
}

func configured(of *member) *wire.Answer {
	return &wire.Answer{Piece: &wire.Answer_Configured{Configured: &wire.Configured{Trees: of.states()}}}
}

func same(a, b *wire.Configure) bool { return proto.Equal(a, b) }

func check(configure *wire.Configure) error {
	if n := len(configure.GetKey()); n < 16 || n > 64 {
		return invalid("Key", "a key of %d bytes is not one of 16 to 64", n)
	}
	if configure.Member == "" || configure.Cluster == "" {
		return invalid("Member", "the member or its cluster has no name")
	}
	if len(configure.Trees) > mostTrees {
		return invalid("Trees", "%d trees are more than %d", len(configure.Trees), mostTrees)
	}
	for _, tree := range configure.Trees {
		if len(tree.Exclude) > mostPatterns {
			return invalid("Trees", "%s excludes more than %d patterns", tree.Name, mostPatterns)
		}
	}
	return nil
}

func (of *member) states() []*wire.TreeState {
	states := make([]*wire.TreeState, 0, len(of.trees))
	for _, tree := range of.trees {
		states = append(states, tree.state())
	}
	return states
}

// close ends the looking and lets go of the trees.
func (of *member) close() {
	of.cancel()
	of.goroutines.Wait()
	of.thaw()
}

// residentBytes is the memory that this program has; 0 where that is not known.
func residentBytes() uint64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident uint64
	if _, err := fmt.Fscan(bytes.NewReader(statm), &size, &resident); err != nil {
		return 0
	}
	return resident * uint64(os.Getpagesize())
}

// void says that what was asked about is not the case any more.
func void(format string, arguments ...any) error {
	return port.Refuse(wire.Reason_REASON_VOID, "", format, arguments...)
}
