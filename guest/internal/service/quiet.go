package service

import (
	"context"
	"fmt"
	"log/slog"
	gosync "sync"
	"time"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

const (
	quietCommand = 30 * time.Second // one may take so long
	firstRetry   = time.Second
	lastRetry    = time.Minute
	mostStill    = 24 * time.Hour
	mostUnits    = 16
)

// UnitFreezer has units of systemd stand still. evidence.Units is one.
type UnitFreezer interface {
	Freeze(ctx context.Context, units []string) error
	Thaw(units []string) error
}

// quiets keep the writers of trees still by the trees' own commands. They outlive sessions and configurations: writers go on when the
// time is over, whatever becomes of the sidecar.
type quiets struct {
	commands Commander
	units    UnitFreezer
	log      *slog.Logger

	mu    gosync.Mutex
	trees map[string]*quiet
}

// quiet is that of one tree.
type quiet struct {
	of   *quiets
	name string
	busy chan struct{} // holds a token while a command of it runs: never two at a time

	// Who holds the token may use these.
	kept   *wire.Quiet // what keeps still; nil: nothing does
	frozen bool        // its units are
	since  time.Time   // when it began to
	lasted time.Duration
	timer  *time.Timer
	pause  time.Duration
}

func (q *quiets) tree(name string) *quiet {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.trees == nil {
		q.trees = map[string]*quiet{}
	}
	if q.trees[name] == nil {
		q.trees[name] = &quiet{of: q, name: name, busy: make(chan struct{}, 1)}
	}
	return q.trees[name]
}

func (s *Service) quiesce(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetQuiesce()
	still := min(time.Duration(request.StillMillis)*time.Millisecond, mostStill)
	for _, one := range request.Quiet {
		if of.index(one.Tree) == uint32(len(of.trees)) || len(one.Argv)+len(one.Units) == 0 || len(one.Units) > mostUnits {
			return nil, invalid("Quiet", "%q is no tree, or has no command and no unit, or more than %d", one.Tree, mostUnits)
		}
		if len(one.Units) > 0 && s.quiets.units == nil {
			return nil, invalid("Quiet", "this program freezes no units")
		}
	}
	var held time.Duration
	var failure error
	for i, one := range request.Quiet {
		var err error
		if still > 0 {
			err = s.quiets.tree(one.Tree).begin(ctx, one, still)
		} else {
			var lasted time.Duration
			lasted, err = s.quiets.tree(one.Tree).end(ctx)
			held = max(held, lasted)
		}
		if err != nil && failure == nil {
			failure = err
		}
		if err != nil && still > 0 {
			for _, begun := range request.Quiet[:i] {
				_, _ = s.quiets.tree(begun.Tree).end(context.WithoutCancel(ctx)) // one that fails is tried again
			}
			break
		}
	}
	if failure != nil {
		return nil, failed(failure)
	}
	return &wire.Answer{Piece: &wire.Answer_Quiesced{Quiesced: &wire.Quiesced{HeldMillis: uint64(held.Milliseconds())}}}, nil
}

func (q *quiet) take(ctx context.Context) (release func(), err error) {
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the quiesce command of %s: %w", q.name, context.Cause(ctx))
	case q.busy <- struct{}{}:
		return func() { <-q.busy }, nil
	}
}

// begin has the writers keep still. Where that fails they are let go on, for it may have kept them still all the same.
func (q *quiet) begin(ctx context.Context, what *wire.Quiet, still time.Duration) error {
	release, err := q.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	q.stop()
	if q.frozen && proto.Equal(q.kept, what) { // a command must not wait for what is frozen
		q.after(still)
		return nil
	}
	if q.frozen {
		if err := q.letGo(ctx); err != nil {
			return err
		}
	}
	if q.kept == nil {
		q.since = time.Now()
	}
	q.kept = what
	if err := q.keep(ctx); err != nil {
		if q.release(context.WithoutCancel(ctx)) == nil {
			q.kept = nil
		} else {
			q.after(firstRetry)
		}
		return err
	}
	q.pause = firstRetry
	q.after(still)
	return nil
}

// end lets them go on, if they keep still; where that fails it is tried again by itself.
func (q *quiet) end(ctx context.Context) (lasted time.Duration, err error) {
	release, err := q.take(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	err = q.letGo(ctx)
	lasted, q.lasted = q.lasted, 0
	return lasted, err
}

// keep runs the command before the units are frozen: it may have something to say to them.
func (q *quiet) keep(ctx context.Context) error {
	if err := q.run(ctx, "begin"); err != nil || len(q.kept.Units) == 0 {
		return err
	}
	if err := q.of.units.Freeze(ctx, q.kept.Units); err != nil {
		return &evidence.Trouble{Reason: evidence.CommandFailed, Text: fmt.Sprintf("the writers of %s cannot be kept still: %v", q.name, err)}
	}
	q.frozen = true
	return nil
}

func (q *quiet) release(ctx context.Context) error {
	if q.frozen {
		if err := q.of.units.Thaw(q.kept.Units); err != nil {
			return &evidence.Trouble{Reason: evidence.CommandFailed, Text: fmt.Sprintf("the writers of %s are kept still: %v", q.name, err)}
		}
		q.frozen = false
	}
	return q.run(ctx, "end")
}

func (q *quiet) letGo(ctx context.Context) error {
	if q.kept == nil {
		return nil
	}
	q.stop()
	if err := q.release(ctx); err != nil {
		q.pause = min(max(2*q.pause, firstRetry), lastRetry)
		q.after(q.pause)
		return err
	}
	q.kept, q.lasted = nil, time.Since(q.since)
	return nil
}

func (q *quiet) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

func (q *quiet) after(d time.Duration) {
	var timer *time.Timer
	set := make(chan struct{})
	timer = time.AfterFunc(d, func() {
		<-set
		q.busy <- struct{}{}
		defer func() { <-q.busy }()
		if q.timer != timer { // others were quicker
			return
		}
		if err := q.letGo(context.Background()); err != nil {
			q.of.log.Warn("writers that kept still do not go on; trying again", "tree", q.name, "why", err)
		}
	})
	q.timer = timer
	close(set)
}

// run runs the command with its word. The error says how it ended.
func (q *quiet) run(ctx context.Context, word string) error {
	if len(q.kept.Argv) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, quietCommand)
	defer cancel()
	argv := append(append([]string{}, q.kept.Argv...), word)
	result, err := q.of.commands.Run(ctx, evidence.Command{Argv: argv})
	if err == nil {
		err = result.Failure()
	}
	if err != nil {
		return &evidence.Trouble{Reason: evidence.CommandFailed, Text: fmt.Sprintf("the quiesce command of %s (%s): %v", q.name, word, err)}
	}
	return nil
}

// still names the trees whose writers may keep still.
func (q *quiets) still() (names []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, one := range q.trees {
		select {
		case one.busy <- struct{}{}:
			if one.kept != nil {
				names = append(names, name)
			}
			<-one.busy
		default: // its command runs
			names = append(names, name)
		}
	}
	return names
}

// close lets all writers go on.
func (q *quiets) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range q.trees {
		_, _ = one.end(context.Background())
		one.stop()
	}
}
