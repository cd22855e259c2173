package service

import (
	"context"

	"virtquorum.io/guest/internal/memory"
)

// agree has the trees remember the same again where a crash came while they took a new state together, one after the other: trees
// that remember different states remember nothing. What each of them has prepared at least is the newest that all agree on.
func (s *Service) agree(ctx context.Context, of *member) {
	of.agreeing.Lock()
	defer of.agreeing.Unlock()
	held := make([]*Held, len(of.trees))
	states := make([]memory.State, len(of.trees)) // the zero value: it remembers nothing
	for i, t := range of.trees {
		t.mu.Lock()
		held[i] = t.held
		if t.past != nil && t.past.memory != nil {
			states[i] = t.past.memory.State
		}
		t.mu.Unlock()
		if held[i] == nil || held[i].Store == nil {
			return // once all are there
		}
	}
	prepared := make([]memory.State, len(of.trees))
	agreed, differ := memory.State{}, false
	for i := range states {
		differ = differ || states[i] != states[0]
		if state, err := held[i].Store.Prepared(ctx); err == nil {
			prepared[i] = state
		}
		if states[i].Position.IsAfter(agreed.Position) {
			agreed = states[i]
		}
	}
	if !differ {
		return
	}
	for i := range states {
		if states[i] != agreed && prepared[i] != agreed {
			return
		}
	}
	for i, t := range of.trees {
		if states[i] == agreed {
			continue
		}
		if err := t.commit(ctx, held[i], agreed.Configuration, 0, false); err != nil {
			s.options.Log.Warn("remembering what the other trees do", "tree", t.spec.Name, "why", err)
			return
		}
	}
}
