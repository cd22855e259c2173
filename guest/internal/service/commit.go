package service

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"virtquorum.io/guest/internal/barrier"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/wire"
)

// caller is who waits for a commit, and what must not become another thing meanwhile.
type caller struct {
	paths   []string
	tenure  uint64 // in which it asks; 0: not known yet
	repairs uint64 // before it asked
	seen    *sight // that saw all that was written before it asked; nil: none yet
	asked   uint64 // with, once it found that nothing differs from what is committed; 0: not yet
}

var repaired = outcome(barrier.Unknown, "A repair replaced files here meanwhile, perhaps what was written before: look what is there, and ask again.")

// Commit waits until all that was written below the trees before it is committed, if each of the paths is part of the state. It returns
// when that is certain or cannot be any more, and at the end of the context. Safe for many goroutines, which share looks and commits.
func (s *Service) Commit(ctx context.Context, paths []string) barrier.Outcome {
	c := &caller{paths: paths, repairs: s.standings.repaired()}
	if standing := s.standing(); standing != nil {
		if refused := refusal(standing); refused != nil {
			return *refused
		}
		c.tenure = standing.Tenure
	}
	for {
		news := s.standings.changed() // before what it may be news of
		if decided := s.decide(ctx, c); decided != nil {
			return *decided
		}
		select {
		case <-ctx.Done():
			return s.undecided(c)
		case <-news:
		}
	}
}

// decide says how a call ends; nil: that is still open.
func (s *Service) decide(ctx context.Context, c *caller) *barrier.Outcome {
	of := s.configuredMember()
	if of == nil {
		return nil
	}
	if c.seen == nil || c.seen.of != of { // what another configuration saw is numbered in another way
		c.seen = s.sights.share(of)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-c.seen.done:
	}
	if errors.Is(c.seen.err, errReconfigured) {
		c.seen = nil
		return s.decide(ctx, c)
	}
	if c.seen.err != nil && of != s.configuredMember() {
		c.seen = nil // the next one is told of
		return nil
	}
	if c.seen.err != nil {
		return outcome(barrier.Unreadable, "What is to be committed cannot be looked at: %v.", c.seen.err)
	}
	for _, one := range c.paths {
		if why := of.leavesOut(one); why != "" {
			return outcome(barrier.Outside, "%q is no part of the state: %s.", one, why)
		}
	}
	standing := s.standing()
	if standing == nil {
		return nil
	}
	if s.standings.repaired() != c.repairs {
		return repaired
	}
	refused := refusal(standing)
	if c.tenure != 0 && (standing.Tenure != c.tenure || refused != nil && refused.Code == barrier.NotPrimary) {
		return outcome(barrier.Unknown, "This member lost its tenure %d meanwhile: ask the primary what it has.", c.tenure)
	}
	if c.tenure = standing.Tenure; refused != nil {
		return refused
	}
	if standing.Reason != "" || standing.Committed == nil {
		return nil
	}
	if s.standings.isHeld(standing.Committed, c.seen) || of.holds(standing.Committed) && s.isStillSo(of, c, standing) {
		if s.standings.repaired() != c.repairs { // what is compared may be what a repair just made of it
			return repaired
		}
		at := standing.Committed.Position
		return outcome(barrier.Committed, "All that was written before is committed: epoch %d, tenure %d, sequence %d.", standing.Epoch, at.Tenure, at.Sequence)
	}
	return nil
}

// isStillSo is true if the record said that after the caller's look: who is cut off hears nothing of another primary, whose users may have
// written since. It asks once.
func (s *Service) isStillSo(of *member, c *caller, standing *wire.Standing) bool {
	if c.asked == 0 {
		c.asked = s.standings.ask()
		s.publish(of)
	}
	return standing.Confirmed == c.asked
}

// undecided is the outcome when the time is over.
func (s *Service) undecided(c *caller) barrier.Outcome {
	standing := s.standing()
	switch {
	case standing == nil && c.tenure == 0:
		return barrier.Say(barrier.NoSidecar, "Nobody told this guest how it stands: its sidecar is not connected, or has no adjudicator yet.")
	case standing == nil:
		return barrier.Say(barrier.Unknown, "The time is over, and the sidecar is not connected any more: it may be committed or not.")
	case standing.Reason != "":
		return barrier.Say(barrier.Held, "%s", standing.Sentence)
	case c.seen == nil || !c.seen.isOver():
		return barrier.Say(barrier.Unknown, "The time is over, and what was written is not written out and looked at yet: give it longer.")
	}
	return barrier.Say(barrier.Unknown, "The time is over, and nobody said that it is committed: it may be or not, now or later.")
}

// standing is what was said in the session that configured this program; nil: nothing was.
func (s *Service) standing() *wire.Standing {
	s.mu.Lock()
	of := s.member
	var session uint64
	if of != nil {
		session = of.session
	}
	s.mu.Unlock()
	if of == nil {
		return nil
	}
	return s.standings.of(session)
}

func (s *Service) configuredMember() *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member
}

// holds is true if nothing differs, by what is known now, from what is committed.
func (of *member) holds(committed *wire.Memory) bool {
	for i, t := range of.trees {
		if _, err := t.use(); err != nil {
			return false
		}
		_, total, remembers := t.sinceMemory(i)
		at, known := t.remembers()
		if !remembers || total > 0 || !known || !is(committed, at) {
			return false
		}
	}
	return len(of.trees) > 0
}

func (t *tree) remembers() (at memory.State, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past == nil || t.past.memory == nil || t.past.trouble != nil {
		return memory.State{}, false
	}
	return t.past.memory.State, true
}

// leavesOut says why a path is no part of the state, or "". It follows no link: what is behind one may be anywhere.
func (of *member) leavesOut(wanted string) string {
	why := "it is below none of the trees"
	for _, t := range of.trees {
		below, within := strings.CutPrefix(wanted, strings.TrimSuffix(path.Clean(string(t.spec.Path)), "/"))
		if !within || below != "" && below[0] != '/' {
			continue
		}
		if why = t.leavesOut(strings.TrimPrefix(below, "/")); why == "" {
			return ""
		}
	}
	return why
}

func (t *tree) leavesOut(below string) string {
	held, err := t.use()
	if err != nil {
		return err.Error()
	}
	if held.Rows.Excluded(below) {
		return "it is excluded"
	}
	if row, known := held.Rows.Row(below); known {
		if row.Trouble != "" {
			return row.Trouble
		}
		return t.isElsewhere(held, below)
	}
	// Something that was removed: its directory tells.
	name := orRoot(below)
	if _, err := held.Rows.Root().Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return "it is of a kind that is left out, or behind a link or a mount"
	}
	if _, known := held.Rows.Row(parentOf(below)); !known {
		return "nothing is there, nor is its directory part of the state"
	}
	return t.isElsewhere(held, parentOf(below))
}

// isElsewhere says what keeps the things behind a row from being part of the state.
func (t *tree) isElsewhere(held *Held, below string) string {
	st, err := held.Rows.Root().Stat(orRoot(below))
	switch {
	case errors.Is(err, fs.ErrNotExist): // removed a moment ago
	case err != nil:
		return err.Error()
	case st.Type == 'l':
		return "it is a symbolic link: name what it leads to"
	case held.Rows.Root().Elsewhere(st):
		return "something else is mounted there"
	}
	return ""
}

func parentOf(below string) string { return below[:max(0, strings.LastIndexByte(below, '/'))] }

func orRoot(below string) string {
	if below == "" {
		return "."
	}
	return below
}
