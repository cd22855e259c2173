package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	gosync "sync"
	"time"
)

// transfer is one connection. Three goroutines: the reader takes what comes and writes it to the stages, until the donor has heard that
// it was all and ends it; the asker sends questions; the copier looks for contents that are there already. None waits for another but where a queue is empty: all
// queues hold a whole window, so that a full connection in one direction never stops the other.
type transfer struct {
	*fetch
	connection *tls.Conn
	stages     []*stage
	report     *Report
	out        *frameWriter
	in         *frameReader

	gets   chan *item // to the asker
	copies chan *item // to the copier
	places chan struct{}
	twins  twins

	next uint64   // number of the next row that is asked for; the asker's
	now  *arrival // the content that is coming; the reader's

	mu       gosync.Mutex
	asked    []*item // for headers, in the order of the questions
	contents []*item // for contents
	rows     int     // that must come
	left     int     // that are not done with
	done     chan struct{}
	err      error
	end      context.CancelFunc
}

// item is a row on its way.
type item struct {
	stage  *stage
	at     int // in the stage's tree's rows
	id     uint64
	header *header
	basis  *basis // the old version that blocks are compared with
	drop   bool   // the content is not needed
	whole  bool   // the blocks lied: the content comes whole
	again  bool   // and the row must be asked for once more
}

func (f *fetch) transfer(ctx context.Context, stages []*stage, report *Report) error {
	connection, err := f.connect(ctx)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	closing := context.AfterFunc(ctx, func() { _ = connection.NetConn().Close() })
	defer closing()
	t := &transfer{
		fetch: f, connection: connection, stages: stages, report: report, out: newFrameWriter(connection), in: newFrameReader(connection),
		gets: make(chan *item, 2*window), copies: make(chan *item, window), places: make(chan struct{}, window),
		done: make(chan struct{}), end: end,
	}
	t.twins.here(stages)
	for _, s := range stages {
		t.rows += s.missing()
	}
	t.left = t.rows
	defer t.close()
	var running gosync.WaitGroup
	running.Go(func() { t.fail(t.ask(ctx)) })
	running.Go(func() { t.fail(t.copy(ctx)) })
	running.Go(func() { t.fail(t.read(ctx)) })
	running.Wait()
	return t.err
}

// close lets go of the files that an end in the middle left open.
func (t *transfer) close() {
	t.now.close()
	for _, i := range t.contents {
		i.basis.close()
	}
}

// fail keeps the first error and ends the others.
func (t *transfer) fail(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	if t.err == nil && t.left > 0 {
		t.err = err
	}
	t.mu.Unlock()
	t.end()
}

// finished gives a row's place to the next.
func (t *transfer) finished() {
	t.mu.Lock()
	t.left--
	left := t.left
	t.mu.Unlock()
	<-t.places
	if t.order.Progress != nil {
		t.order.Progress(t.rows-left, t.sent.Load()+t.received.Load())
	}
	if left == 0 {
		close(t.done)
		time.AfterFunc(goodbyePatience, t.end) // whoever still waits for the donor then waits for nothing
	}
}

func (t *transfer) moved(i *item, why string) {
	t.mu.Lock()
	t.report.MovedTotal++
	if len(t.report.Moved) < mostMoved {
		t.report.Moved = append(t.report.Moved, Moved{i.stage.tree.Name, i.path(), why})
	}
	t.mu.Unlock()
}

func (i *item) wanted() *Wanted { return &i.stage.tree.Rows[i.at] }
func (i *item) path() string    { return i.wanted().Path }

const (
	batchRows  = 256
	batchBytes = 64 << 10
	pingEvery  = 3 * time.Second
)

// ask sends what is to be asked: contents first, so that places come free.
func (t *transfer) ask(ctx context.Context) error {
	next, stop := t.questions()
	defer stop()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	more := true
	for {
		var places chan struct{}
		if more {
			places = t.places
		}
		select {
		case i := <-t.gets:
			if err := t.get(ctx, i); err != nil {
				return err
			}
		case places <- struct{}{}:
			var err error
			if more, err = t.batch(next); err != nil {
				return err
			}
		case <-ping.C:
			if err := t.out.write(kindPing, nil); err != nil {
				return t.lost("", err)
			}
		case <-t.done:
			return goodbye(t.connection, t.out)
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(t.gets) == 0 {
			if err := t.out.flush(); err != nil {
				return t.lost("", err)
			}
		}
	}
}

// questions yields the rows that must come.
func (t *transfer) questions() (func() (*item, bool), func()) {
	return iter.Pull(func(yield func(*item) bool) {
		for _, s := range t.stages {
			for at := range s.tree.Rows {
				if !s.present[at] && !yield(&item{stage: s, at: at}) {
					return
				}
			}
		}
	})
}

// batch asks for some rows of one tree; the caller has taken a place for the first. It tells whether there may be more.
func (t *transfer) batch(next func() (*item, bool)) (bool, error) {
	first, ok := next()
	if !ok {
		<-t.places
		return false, nil
	}
	w := want{tree: first.stage.tree.Name}
	bytes := 0
	more := true
	var batch []*item
	for i := first; ; {
		w.rows = append(w.rows, wantedRow{i.path(), i.wanted().Digest})
		bytes += len(i.path()) + 40
		batch = append(batch, i)
		if len(batch) == batchRows || bytes >= batchBytes || !t.place() {
			break
		}
		if i, more = next(); !more {
			<-t.places
			break
		}
		if i.stage != first.stage || bytes+len(i.path())+40 > maxFrame-maxPath {
			if err := t.want(w, batch); err != nil {
				return more, err
			}
			first, bytes, batch = i, 0, nil
			w = want{tree: i.stage.tree.Name}
		}
	}
	return more, t.want(w, batch)
}

func (t *transfer) place() bool {
	select {
	case t.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t *transfer) want(w want, batch []*item) error {
	for _, i := range batch {
		i.id = t.next
		t.next++
	}
	t.mu.Lock()
	t.asked = append(t.asked, batch...)
	t.mu.Unlock()
	if err := t.out.message(kindWant, w); err != nil {
		return t.lost("", err)
	}
	return nil
}

// get asks for a content, or says that it is not needed.
func (t *transfer) get(ctx context.Context, i *item) error {
	if i.drop {
		if err := t.out.message(kindDrop, drop{i.id}); err != nil {
			return t.lost(i.path(), err)
		}
		t.finished()
		return nil
	}
	if i.again {
		i.again = false
		return t.want(want{i.stage.tree.Name, []wantedRow{{i.path(), i.wanted().Digest}}}, []*item{i})
	}
	m := get{id: i.id}
	if !i.whole {
		i.basis = i.stage.basis(i)
	}
	if i.basis != nil {
		m.blocks, m.blockSize = blocksOf(i.basis.size)
		m.oldSize = i.basis.size
	}
	t.mu.Lock()
	t.contents = append(t.contents, i)
	t.mu.Unlock()
	if err := t.out.message(kindGet, m); err != nil {
		return t.lost(i.path(), err)
	}
	if i.basis == nil {
		return nil
	}
	return t.blocks(ctx, i, m)
}

// blocks sends the hashes of the old version's blocks. If it changes meanwhile the content will not fit, and comes whole.
func (t *transfer) blocks(ctx context.Context, i *item, m get) error {
	block := make([]byte, m.blockSize)
	var hashes []byte
	last := time.Now()
	for n := range m.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		length := min(m.blockSize, m.oldSize-n*m.blockSize)
		if _, err := i.basis.file.ReadAt(block[:length], n*m.blockSize); err != nil && !errors.Is(err, io.EOF) {
			return local(fmt.Sprintf("reading %q", i.path()), err)
		}
		hashes = appendBlockHash(hashes, block[:length])
		slow := time.Since(last) > pingEvery // the donor must not take it for silence
		if len(hashes) >= maxData || n == m.blocks-1 || slow {
			err := t.out.write(kindBlocks, hashes)
			if slow && err == nil {
				err = t.out.flush()
			}
			if err != nil {
				return t.lost(i.path(), err)
			}
			hashes, last = hashes[:0], time.Now()
		}
	}
	return nil
}

// copy takes contents that are there already.
func (t *transfer) copy(ctx context.Context) error {
	for {
		select {
		case i := <-t.copies:
			if err := t.copyOne(ctx, i); err != nil {
				return err
			}
		case <-t.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// copyOne takes one content from here, or has it fetched unless the same is on its way.
func (t *transfer) copyOne(ctx context.Context, i *item) error {
	same, err := t.copyHeld(ctx, i, t.twins.staged(i))
	if err != nil {
		return err
	}
	if same {
		t.mu.Lock()
		t.report.Copied += i.header.size
		t.mu.Unlock()
		i.drop = true
	} else if t.twins.waits(i) {
		return nil
	}
	t.gets <- i
	return nil
}
