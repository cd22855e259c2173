package sync

import (
	"bytes"
	"context"
	"math/rand"
	"testing"
)

// collected is what came of a delta: how many bytes crossed, and the content.
type collected struct {
	old     []byte
	size    int64
	literal int
	content []byte
}

func (c *collected) data(b []byte) error {
	c.literal += len(b)
	c.content = append(c.content, b...)
	return nil
}

func (c *collected) copied(first, count int64) error {
	end := min(int64(len(c.old)), (first+count)*c.size)
	c.content = append(c.content, c.old[first*c.size:end]...)
	return nil
}

func deltaOf(t *testing.T, old, now []byte, size int64) *collected {
	t.Helper()
	blocks := (int64(len(old)) + size - 1) / size
	s := newSignature(get{blocks: blocks, blockSize: size, oldSize: int64(len(old))})
	for i := range blocks {
		block := old[i*size : min(int64(len(old)), (i+1)*size)]
		if err := s.add(appendBlockHash(nil, block)); err != nil {
			t.Fatal(err)
		}
	}
	s.index()
	c := &collected{old: old, size: size}
	if err := s.delta(context.Background(), bytes.NewReader(now), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func randomBytes(seed int64, n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

func TestADeltaMakesTheNewContentOfTheOldOneWithFewBytes(t *testing.T) {
	const size = 4096
	old := randomBytes(1, 100*size+777)
	insert := append(append(append([]byte{}, old[:12345]...), "inserted"...), old[12345:]...)
	changed := bytes.Clone(old)
	changed[200_000] ^= 1
	moved := append(bytes.Clone(old[50*size:]), old[:50*size]...)
	for _, c := range []struct {
		name string
		now  []byte
		most int
	}{
		{"the same", old, 0},
		{"one byte changed", changed, size},
		{"some bytes inserted", insert, size + 8},
		{"some bytes removed at the beginning", old[5:], size},
		{"bytes appended", append(bytes.Clone(old), "more"...), 777 + 4},
		{"cut", old[:60*size+5], 5},
		{"halves exchanged", moved, 777 + size},
		{"another", randomBytes(2, 70*size), 70 * size},
		{"empty", nil, 0},
		{"shorter than a block", old[:100], 100},
		{"equal blocks", make([]byte, 300*size), 300 * size},
	} {
		got := deltaOf(t, old, c.now, size)
		if !bytes.Equal(got.content, c.now) {
			t.Errorf("%s: another content came", c.name)
		}
		if got.literal > c.most {
			t.Errorf("%s: %d bytes crossed, not at most %d", c.name, got.literal, c.most)
		}
	}
}

func FuzzADeltaIsAlwaysTheNewContent(f *testing.F) {
	f.Add([]byte("an old version of a text"), []byte("a new version of a text"), byte(3))
	f.Fuzz(func(t *testing.T, old, now []byte, size byte) {
		if len(old) == 0 || size == 0 {
			return
		}
		if got := deltaOf(t, old, now, int64(size)); !bytes.Equal(got.content, now) {
			t.Errorf("another content came")
		}
	})
}
