package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

// Held is what is open of a tree. Closing it closes all.
type Held struct {
	Rows    *fingerprint.Scanner
	Watcher watch.Watcher
	Store   *memory.Store // nil: nothing may be remembered here, and Why says why
	Why     error
}

func (h *Held) close() {
	h.Watcher.Close()
	if h.Store != nil {
		h.Store.Close()
	}
	h.Rows.Close()
}

// TreeOpener opens the trees of a configuration.
type TreeOpener interface {
	OpenTree(ctx context.Context, configure *wire.Configure, spec *wire.Tree) (*Held, error)
}

const (
	walkShare  = 400 // a walk rests for so many times the processor time it took, so that all walks take a quarter of a percent of a core
	defaultGap = 2 * time.Second
)

// tree is one that is looked at all the time.
type tree struct {
	spec          *wire.Tree
	configuration fingerprint.Digest // of all trees
	open          func(ctx context.Context) (*Held, error)
	changed       func()                    // called when anything about the rows may be another
	agree         func(ctx context.Context) // called when it was opened
	unread        chan struct{}             // there may be something to read
	away          chan struct{}             // something else may be in the tree's place
	tried         chan struct{}             // closed once it was opened or cannot be
	gap           time.Duration             // between two walks, at least
	place         place
	small         chan struct{} // holds one token while small files are read
	large         large
	writers       WriterFinder // may be nil
	stale         stale

	mu        sync.Mutex
	held      *Held              // nil: it is not open
	past      *past              // what is remembered of it; nil: it is not open
	opened    uint64             // how often it was
	result    fingerprint.Result // of the newest look
	walked    time.Time          // when the newest walk that saw everything began
	took      time.Duration      // that walk
	cost      time.Duration      // of a processor, that walk
	audited   time.Time          // when the newest audit that ended began
	problem   error              // that keeps it from being looked at
	misplaced error              // what is wrong with its place, by the newest check
	unended   error              // why a repair of it was interrupted and not ended: it is opened again, which tries to
	device    uint64             // where it was when something was remembered of it; 0: not known
}

// version is another one whenever anything about the rows is.
type version struct{ opened, rows uint64 }

// openTrees begins to look at the trees, for as long as running lasts, and waits for the first look at their places.
func (s *Service) openTrees(ctx, running context.Context, of *member) {
	for _, spec := range of.configure.Trees {
		t := &tree{spec: spec, configuration: configurationOf(of.configure), unread: make(chan struct{}, 1), small: make(chan struct{}, 1), away: make(chan struct{}, 1), tried: make(chan struct{}), gap: defaultGap}
		t.place.checker, t.place.asked, t.writers = s.options.Places, make(chan struct{}, 1), s.options.Writers
		if quick := of.configure.GetTiming().GetQuickMillis(); quick > 0 {
			t.gap = time.Duration(quick) * time.Millisecond
		}
		t.changed = func() {
			s.publish(of)
			s.standings.stir()
		}
		t.agree = func(ctx context.Context) { s.agree(ctx, of) }
		t.open = func(ctx context.Context) (*Held, error) {
			held, err := s.options.Trees.OpenTree(ctx, of.configure, spec)
			if err == nil {
				if err = s.finishRepair(ctx, of, held, t); err != nil {
					held.close()
					held = nil
				}
			}
			return held, err
		}
		of.trees = append(of.trees, t)
	}
	of.versions = make([]version, len(of.trees))
	for _, t := range of.trees {
		of.goroutines.Go(func() {
			t.checkPlace(running)
			of.goroutines.Go(func() { t.checkPlaceAgain(running) })
			t.keep(running)
		})
	}
	for _, t := range of.trees {
		select {
		case <-t.tried:
		case <-ctx.Done():
			return
		}
	}
}

// use is the open tree; the error says why it is not open.
func (t *tree) use() (*Held, error) {
	if err := t.elsewhere(); err != nil {
		return nil, fmt.Errorf("the tree %s cannot be looked at: %w", t.spec.Name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		return nil, fmt.Errorf("the tree %s cannot be looked at: %w", t.spec.Name, t.problem)
	}
	if t.unended != nil {
		return nil, fmt.Errorf("the tree %s cannot be looked at: %w", t.spec.Name, t.unended)
	}
	return t.held, nil
}

// openAgain keeps the tree from being looked at until it was opened anew.
func (t *tree) openAgain(why error) {
	t.mu.Lock()
	t.unended = why
	t.mu.Unlock()
	select {
	case t.away <- struct{}{}:
	default:
	}
	t.changed()
}

func (t *tree) isUnended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unended != nil
}

func (t *tree) version() version {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		return version{}
	}
	return version{t.opened, t.held.Rows.Version()}
}

// keep opens the tree, also when another directory came to its place, and looks at it until the context ends.
func (t *tree) keep(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			t.checkPlace(ctx)
		}
		var held *Held
		var remembered *past
		err := t.elsewhere()
		if err == nil {
			if held, err = t.open(ctx); err == nil {
				remembered = recall(ctx, held, t.configuration)
				if err = t.settle(held, remembered); err != nil {
					remembered.close()
					held.close()
					held, remembered = nil, nil
				}
			}
		}
		t.mu.Lock()
		t.held, t.past, t.problem, t.unended = held, remembered, err, nil
		t.opened++
		t.mu.Unlock()
		t.agree(ctx)
		if first {
			close(t.tried)
		} else {
			t.changed()
		}
		if err == nil {
			t.lookOn(ctx, held.Rows, held.Watcher)
			t.mu.Lock()
			remembered = t.past // perhaps another one by now
			t.held, t.past = nil, nil
			if t.problem == nil {
				t.problem = errors.New("it is not open")
			}
			t.mu.Unlock()
			remembered.close()
			held.close()
			t.stale.forget()
		}
		select {
		case <-ctx.Done():
		case <-time.After(t.gap):
		}
	}
}

// lookOn looks at what events name, and at everything now and then, until another directory is in the tree's place.
func (t *tree) lookOn(ctx context.Context, rows *fingerprint.Scanner, watcher watch.Watcher) {
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	reader.Go(func() { t.read(ctx, rows) })
	defer reader.Wait()
	defer cancel()
	events, err := watcher.Changes(ctx)
	if err != nil {
		t.found(fingerprint.Result{}, fmt.Errorf("watching: %w", err))
		return
	}
	next, due := time.NewTimer(0), time.Now()
	defer next.Stop()
	wanted := time.Now()   // only a walk that began after this counts
	var owed []watch.Batch // that a walk looks at
	defer func() { looked(owed) }()
	after := func(d time.Duration) {
		due = time.Now().Add(d)
		next.Reset(d)
	}
	atOnce := func() {
		wanted = time.Now()
		after(0)
	}
	for ctx.Err() == nil && t.elsewhere() == nil && !t.isUnended() {
		select {
		case <-ctx.Done():
			return
		case <-t.away:
		case <-next.C:
			if left := t.rests(wanted); left > 0 { // the sidecar had one made meanwhile
				after(left)
				owed = looked(owed)
				continue
			}
			cost, err := t.walk(ctx, rows)
			if errors.Is(err, fingerprint.ErrReplaced) {
				return
			}
			if err == nil {
				owed = looked(owed)
			}
			after(t.pause(cost))
		case batch, more := <-events:
			switch {
			case !more:
				events = nil
			case batch.Overflow:
				owed = append(owed, batch)
				atOnce()
			default:
				if nameless(batch) && time.Until(due) > t.gap {
					wanted = time.Now()
					after(t.gap)
				}
				t.noteForeign(batch)
				result, err := rows.Look(ctx, pathsOf(batch))
				if err != nil {
					owed = append(owed, batch)
					atOnce() // a walk may tell why
					continue
				}
				batch.Looked()
				t.found(result, nil)
			}
		}
	}
}

// drain waits until what events tell of what happened in the tree before was looked at.
func (t *tree) drain(ctx context.Context, held *Held) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting for what happened in the tree %s: %w", t.spec.Name, context.Cause(ctx))
	case <-held.Watcher.Drain():
		return nil
	}
}

// looked says so of all, and owes none.
func looked(batches []watch.Batch) []watch.Batch {
	for _, batch := range batches {
		batch.Looked()
	}
	return nil
}

func nameless(batch watch.Batch) bool {
	return slices.ContainsFunc(batch.Events, func(event watch.Event) bool { return event.Nameless })
}

// pathsOf names what a batch may have changed; what has no name is found by a walk.
func pathsOf(batch watch.Batch) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, event := range batch.Events {
			if !event.Nameless && !yield(event.Path) {
				return
			}
		}
	}
}

// walk looks at everything and says what that cost of a processor.
func (t *tree) walk(ctx context.Context, rows *fingerprint.Scanner) (cost time.Duration, err error) {
	began := time.Now()
	var result fingerprint.Result
	cost = processorTime(func() { result, err = rows.Walk(ctx) })
	if err == nil {
		t.mu.Lock()
		t.walked, t.took, t.cost = began, time.Since(began), cost
		t.mu.Unlock()
	}
	if ctx.Err() == nil {
		t.found(result, err)
	}
	return cost, err
}

// processorTime is what something costs that does all of its work in the goroutine that it is called in.
func processorTime(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Timespec
	known := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before) == nil
	began := time.Now()
	do()
	if known && unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after) == nil {
		return time.Duration(after.Nano() - before.Nano())
	}
	return time.Since(began)
}

// pause is how long nothing is walked after a walk of a cost.
func (t *tree) pause(cost time.Duration) time.Duration { return max(t.gap, cost*walkShare) }

// rest is how long the program's own next walk begins after the newest.
func (t *tree) rest() time.Duration { return t.took + t.pause(t.cost) }

// rests is how long it need not be walked, if a walk began after a moment.
func (t *tree) rests(since time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.walked.Before(since) {
		return 0
	}
	return time.Until(t.walked.Add(t.rest()))
}

func (t *tree) found(result fingerprint.Result, err error) {
	t.mu.Lock()
	t.problem = err
	if err == nil {
		t.result = result
	}
	t.mu.Unlock()
	if err == nil && result.Unread > 0 {
		t.toRead()
		return // what is to be read is told once it was
	}
	t.changed()
}

// failed remembers what keeps the tree from being looked at, until a look ends well.
func (t *tree) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem = err
}

// state is what the sidecar is told of it.
func (t *tree) state() *wire.TreeState {
	elsewhere := t.elsewhere() != nil
	t.mu.Lock()
	defer t.mu.Unlock()
	state := &wire.TreeState{Name: t.spec.Name}
	if t.held != nil {
		state.Watcher = map[string]wire.Watcher{
			watch.Fanotify: wire.Watcher_WATCHER_FANOTIFY, watch.Inotify: wire.Watcher_WATCHER_INOTIFY, watch.Walk: wire.Watcher_WATCHER_WALK,
		}[t.held.Watcher.Kind()]
	}
	for _, problem := range []error{t.problem, t.misplaced, t.unended} {
		if problem != nil {
			state.Reason, state.Sentence = reasonOf(problem), sentenceOf(t.spec.Name, problem)
		}
	}
	if t.past != nil && !elsewhere {
		t.past.tell(state)
	}
	return state
}

// noteForeign keeps which paths another process wrote, until they are remembered.
func (t *tree) noteForeign(batch watch.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, event := range batch.Events {
		if event.Foreign && t.past != nil {
			t.past.note(event.Path, t.held.Rows.Version())
		}
	}
}
