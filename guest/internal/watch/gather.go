package watch

import (
	"context"
	"sync"
)

// Holds what changed until somebody takes it: each path once, and no more than its bounds. Safe for many goroutines.
type gatherer struct {
	options Options
	ready   chan struct{}
	asked   chan struct{} // somebody asked for a drain

	mutex    sync.Mutex
	named    map[string]Event
	nameless map[uint64]Event
	bytes    int
	full     bool
	why      string
	drains   []chan struct{} // asked for, the oldest first
	drained  []chan struct{} // that the next batch ends
	closed   bool
}

func newGatherer(options Options) *gatherer {
	return &gatherer{options: options, ready: make(chan struct{}, 1), asked: make(chan struct{}, 1)}
}

// Adds an event to what the next flush makes known.
func (g *gatherer) add(event Event) {
	if !event.Nameless && event.Path != "" && g.options.Skip(event.Path) {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.full {
		return
	}
	if g.named == nil {
		g.named, g.nameless = map[string]Event{}, map[uint64]Event{}
	}
	if event.Nameless {
		event.Foreign = event.Foreign || g.nameless[event.Ino].Foreign
		g.nameless[event.Ino] = event
	} else {
		before, known := g.named[event.Path]
		if !known {
			g.bytes += len(event.Path)
		}
		event.Foreign = event.Foreign || before.Foreign
		event.Subtree = event.Subtree || before.Subtree
		if event.Ino == 0 {
			event.Ino = before.Ino
		} else if before.Ino != 0 && before.Ino != event.Ino {
			// The path was two files: the names of both may have changed.
			g.nameless[before.Ino] = Event{Nameless: true, Ino: before.Ino, Foreign: before.Foreign}
		}
		g.named[event.Path] = event
	}
	if len(g.named)+len(g.nameless) > g.options.MostPaths || g.bytes > g.options.MostBytes {
		g.drop("more paths changed at once than are kept")
	}
}

// Says that anything may have changed.
func (g *gatherer) overflow(why string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.drop(why)
}

func (g *gatherer) drop(why string) {
	g.named, g.nameless, g.bytes = nil, nil, 0
	if !g.full {
		g.full, g.why = true, why
	}
}

// True if single paths are of no use until somebody takes the overflow.
func (g *gatherer) overflown() bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.full
}

// Asks for a drain: the channel is closed when what happened before was looked at, or the watcher ends.
func (g *gatherer) drain() <-chan struct{} {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	done := make(chan struct{})
	if g.closed {
		close(done)
		return done
	}
	g.drains = append(g.drains, done)
	select {
	case g.asked <- struct{}{}:
	default:
	}
	return done
}

// How many drains are asked for. All that the source gathers from now on until it has nothing more is theirs.
func (g *gatherer) waiting() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return len(g.drains)
}

// Says that what the first drains asked for is gathered.
func (g *gatherer) reached(drains int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if !g.closed {
		g.drained = append(g.drained, g.drains[:drains]...)
		g.drains = g.drains[drains:]
	}
}

// Lets everybody go who waits for a drain.
func (g *gatherer) close() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	Batch{drained: g.drains}.Looked()
	Batch{drained: g.drained}.Looked()
	g.drains, g.drained, g.closed = nil, nil, true
}

// Makes known what was gathered.
func (g *gatherer) flush() {
	g.mutex.Lock()
	some := g.full || len(g.named)+len(g.nameless)+len(g.drained) > 0
	g.mutex.Unlock()
	if some {
		select {
		case g.ready <- struct{}{}:
		default:
		}
	}
}

func (g *gatherer) take() (Batch, bool) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	batch := Batch{Overflow: g.full, Why: g.why, drained: g.drained}
	for _, event := range g.named {
		batch.Events = append(batch.Events, event)
	}
	for _, event := range g.nameless {
		batch.Events = append(batch.Events, event)
	}
	g.named, g.nameless, g.bytes, g.full, g.why, g.drained = nil, nil, 0, false, "", nil
	return batch, batch.Overflow || len(batch.Events)+len(batch.drained) > 0
}

func (g *gatherer) deliver(ctx context.Context, to chan<- Batch) {
	defer g.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.ready:
		}
		// What comes while this batch waits to be taken is gathered for the next.
		batch, some := g.take()
		if !some {
			continue
		}
		select {
		case <-ctx.Done():
			batch.Looked()
			return
		case to <- batch:
		}
	}
}
