package sync

import (
	"crypto/sha256"
	gosync "sync"
)

// mostTwins bounds how many contents are remembered.
const mostTwins = 1 << 16

// twins keeps a content from crossing twice: who wants one that is on its way waits for it, and copies it from the stage. The zero value
// knows nothing. Safe for many goroutines.
type twins struct {
	mu gosync.Mutex
	by map[[sha256.Size]byte]*twin
}

// twin is a content that is on its way, or staged.
type twin struct {
	first   *item
	staged  bool
	waiting []*item
}

// here remembers what earlier fetches staged.
func (t *twins) here(stages []*stage) {
	t.by = map[[sha256.Size]byte]*twin{}
	for _, s := range stages {
		for at, h := range s.headers {
			if h != nil && h.kind == 'f' && h.size >= heldFrom && len(t.by) < mostTwins {
				t.by[h.content] = &twin{first: &item{stage: s, at: at, header: h}, staged: true}
			}
		}
	}
}

// staged is a row in the stage that has the same content; nil if none has.
func (t *twins) staged(i *item) *item {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.by[i.header.content]; one != nil && one.staged {
		return one.first
	}
	return nil
}

// waits is true if the content is on its way for another row, after which this one is looked at again. Otherwise it is now on its way for
// this one.
func (t *twins) waits(i *item) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[i.header.content]
	switch {
	case one == nil && len(t.by) < mostTwins:
		t.by[i.header.content] = &twin{first: i}
	case one != nil && !one.staged && one.first != i:
		one.waiting = append(one.waiting, i)
		return true
	}
	return false
}

// came says that a content is staged: who waits for it is looked at again. The queue has a place for every row on its way.
func (t *twins) came(i *item, queue chan<- *item) { t.end(i, true, queue) }

// went says that it will not come.
func (t *twins) went(i *item, queue chan<- *item) { t.end(i, false, queue) }

func (t *twins) end(i *item, staged bool, queue chan<- *item) {
	if i.header == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[i.header.content]
	if one == nil || one.first != i {
		return
	}
	for _, waiting := range one.waiting {
		queue <- waiting
	}
	one.waiting, one.staged = nil, staged
	if !staged {
		delete(t.by, i.header.content)
	}
}
