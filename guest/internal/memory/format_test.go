package memory

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
)

func FuzzMemory(f *testing.F) {
	state, rows := some(f, 1)
	var whole bytes.Buffer
	must(f, write(f.Context(), &whole, testKey(f).Mac(), me, []byte("disk"), state, slices.Values(rows)))
	f.Add(whole.Bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, file []byte) {
		p := newParser(bytes.NewReader(file))
		_, err := p.header()
		last := ""
		for n := 0; err == nil; n++ {
			var row Row
			if row, err = p.row(); err == nil {
				if n > 0 && row.Path <= last || len(file) < 52*n {
					t.Fatal("rows out of order or out of nothing")
				}
				last = row.Path
			}
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

func FuzzEarlierMemory(f *testing.F) {
	content, err := hex.DecodeString(java)
	must(f, err)
	f.Add(content)
	f.Fuzz(func(t *testing.T, file []byte) {
		_, rows, err := decode1(bytes.NewReader(file), int64(len(file)))
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if len(rows) > len(file)/52 {
			t.Fatal("rows out of nothing")
		}
	})
}

// A million rows are written and read with the memory of a few.
func TestGivenAMillionRowsThenWritingAndReadingNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	store := openStore(t, scratchfs.Mount(t, "ext4", 256), me)
	state, _ := some(t, 1)
	rows := func(yield func(Row) bool) {
		digest := fingerprint.Digest{}
		path := []byte("directory/with/a/name/00000000")
		for n := range 1_000_000 {
			for i, rest := len(path)-1, n; i >= len(path)-8; i, rest = i-1, rest/10 {
				path[i] = byte('0' + rest%10)
			}
			if !yield(Row{string(path), digest, int64(n), uint64(n)}) {
				return
			}
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	must(t, store.Save(t.Context(), state, rows))
	m, err := store.Load(t.Context())
	must(t, err)
	defer m.Close()
	count := 0
	for row, err := range m.Rows(t.Context()) {
		must(t, err)
		if row.Ino != uint64(count) {
			t.Fatal(row)
		}
		count++
	}
	runtime.ReadMemStats(&after)
	if count != 1_000_000 || after.HeapSys > before.HeapSys+32<<20 {
		t.Fatal(count, after.HeapSys-before.HeapSys)
	}
}
