package sync

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

func frameOf(t testing.TB, k kind, payload []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := newFrameWriter(&out)
	if err := errors.Join(w.write(k, payload), w.flush()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsWrittenAsAMessageIsReadAsTheSame(t *testing.T) {
	h := &header{
		id: 7, kind: 'f', mode: 0o4755, uid: 1000, gid: 1<<32 - 1, size: 1 << 40, allocated: 4096, mtime: -5, rdev: 1 << 50,
		target: "a\nb", linkTo: "\xff", content: [32]byte{1, 2}, xattrs: []xattr{{"user.a", "\x00"}, {"security.capability", ""}},
	}
	if got, err := parseHeader(h.append(nil)); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("header: %v, %v", got, err)
	}
	w := want{tree: "site", rows: []wantedRow{{path: "", digest: [32]byte{9}}, {path: "a/b"}}}
	if got, err := parseWant(w.append(nil)); err != nil || !reflect.DeepEqual(got, w) {
		t.Errorf("want: %v, %v", got, err)
	}
	g := get{id: 3, blocks: 3, blockSize: 4096, oldSize: 8193}
	if got, err := parseGet(g.append(nil)); err != nil || got != g {
		t.Errorf("get: %v, %v", got, err)
	}
	n := note{id: 1, text: "moved"}
	if got, err := parseNote(n.append(nil)); err != nil || got != n {
		t.Errorf("note: %v, %v", got, err)
	}
}

func TestGivenNumbersOfBlocksThatCannotBeThenAGetIsRefused(t *testing.T) {
	for _, g := range []get{
		{blocks: 1, blockSize: 1, oldSize: 1},
		{blocks: 1 << 40, blockSize: 4096, oldSize: 1 << 52},
		{blocks: 2, blockSize: 4096, oldSize: 4096},
		{blocks: 1, blockSize: 1 << 40, oldSize: 1 << 40},
	} {
		if _, err := parseGet(g.append(nil)); !errors.Is(err, errFrame) {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

func TestGivenAFrameThatIsTooLongThenNothingIsAllocatedForIt(t *testing.T) {
	r := newFrameReader(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3}))
	if _, _, err := r.next(); !errors.Is(err, errFrame) {
		t.Errorf("got %v", err)
	}
}

func TestGivenAFrameThatIsCutThenItIsNoEnd(t *testing.T) {
	whole := frameOf(t, kindData, []byte("content"))
	for cut := range whole {
		_, _, err := newFrameReader(bytes.NewReader(whole[:cut])).next()
		if cut == 0 && !errors.Is(err, io.EOF) || cut > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", cut, err)
		}
	}
}

func FuzzWhateverComesIsReadAsMessagesOrRefused(f *testing.F) {
	f.Add(frameOf(f, kindWant, want{tree: "t", rows: []wantedRow{{path: "a"}}}.append(nil)))
	f.Add(frameOf(f, kindGet, get{id: 1, blocks: 1, blockSize: 4096, oldSize: 5}.append(nil)))
	f.Add(frameOf(f, kindHeader, (&header{kind: 'f', xattrs: []xattr{{"user.x", "y"}}}).append(nil)))
	f.Add(frameOf(f, kindMoved, note{id: 1, text: "x"}.append(nil)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newFrameReader(bytes.NewReader(data))
		for {
			k, payload, err := r.next()
			if err != nil {
				return
			}
			switch k {
			case kindWant:
				if m, err := parseWant(payload); err == nil {
					same(t, m, parseWant)
				}
			case kindGet:
				if m, err := parseGet(payload); err == nil && m.blocks > 0 {
					same(t, m, parseGet)
					_ = newSignature(m).add(payload)
				}
			case kindHeader:
				if m, err := parseHeader(payload); err == nil {
					same(t, m, parseHeader)
				}
			case kindMoved, kindRefuse, kindEnd:
				if m, err := parseNote(payload); err == nil {
					same(t, m, parseNote)
				}
			case kindHole, kindCopy:
				if m, err := parsePair(payload); err == nil {
					same(t, m, parsePair)
				}
			case kindDrop:
				if m, err := parseDrop(payload); err == nil {
					same(t, m, parseDrop)
				}
			}
		}
	})
}

func same[M interface{ append([]byte) []byte }](t *testing.T, m M, parse func([]byte) (M, error)) {
	t.Helper()
	if again, err := parse(m.append(nil)); err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("%+v is read as %+v, %v", m, again, err)
	}
}
