package port

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func frameOf(t testing.TB, payload []byte) []byte {
	t.Helper()
	frame, err := appendFrame(nil, append(beginFrame(nil), payload...))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func framesIn(t testing.TB, source io.Reader) (payloads [][]byte, dropped uint64) {
	t.Helper()
	r := newFrameReader(source, func() {})
	for {
		payload, err := r.next()
		if errors.Is(err, io.EOF) {
			return payloads, r.dropped
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, bytes.Clone(payload))
	}
}

func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func TestGivenPayloadsOfAnySizeThenTheyArriveAsTheyWere(t *testing.T) {
	for _, size := range []int{0, 1, 241, 242, 243, 253, 254, 255, 256, 508, 5000, MaxPayload} {
		for name, payload := range map[string][]byte{
			"zeros": make([]byte, size), "ones": bytes.Repeat([]byte{1}, size), "random": randomBytes(uint64(size), size),
		} {
			frame := frameOf(t, payload)
			if bytes.Count(frame, []byte{0}) != 2 {
				t.Fatalf("%s of %d bytes: a zero within the frame", name, size)
			}
			got, dropped := framesIn(t, bytes.NewReader(frame))
			if len(got) != 1 || !bytes.Equal(got[0], payload) || dropped != 0 {
				t.Fatalf("%s of %d bytes came as %d frames, %d bytes dropped", name, size, len(got), dropped)
			}
		}
	}
}

func TestGivenAPayloadThatIsTooLargeThenNoFrameIsMade(t *testing.T) {
	if _, err := appendFrame(nil, append(beginFrame(nil), make([]byte, MaxPayload+1)...)); err == nil {
		t.Fatal("it was framed")
	}
}

func TestGivenAFrameCutAtEveryByteThenTheNextOneArrivesAtOnce(t *testing.T) {
	first, second := frameOf(t, randomBytes(7, 300)), frameOf(t, []byte("second"))
	for cut := range len(first) {
		got, _ := framesIn(t, iotest.OneByteReader(io.MultiReader(bytes.NewReader(first[:cut]), bytes.NewReader(second))))
		// Only the closing zero may be missing: it may be the next one's.
		whole := cut == len(first)-1
		if want := map[bool]int{true: 2, false: 1}[whole]; len(got) != want || string(got[len(got)-1]) != "second" {
			t.Fatalf("cut after %d of %d bytes: %d frames", cut, len(first), len(got))
		}
	}
}

func TestGivenABitThatFlippedAnywhereThenNothingWrongIsReadAndTheNextFrameArrives(t *testing.T) {
	payload := randomBytes(3, 300)
	first, second := frameOf(t, payload), frameOf(t, []byte("second"))
	for bit := range len(first) * 8 {
		damaged := bytes.Clone(first)
		damaged[bit/8] ^= 1 << (bit % 8)
		got, _ := framesIn(t, bytes.NewReader(append(damaged, second...)))
		for _, frame := range got {
			if !bytes.Equal(frame, payload) && string(frame) != "second" {
				t.Fatalf("bit %d: %q was read", bit, frame)
			}
		}
		if len(got) == 0 || string(got[len(got)-1]) != "second" {
			t.Fatalf("bit %d: the next frame is missing", bit)
		}
	}
}

func TestGivenAPayloadThatHoldsAFrameThenItIsNeverReadAsOneHoweverTheOuterOneIsCut(t *testing.T) {
	inner := frameOf(t, []byte("run this as root"))
	outer := frameOf(t, bytes.Repeat(inner, 3))
	for cut := range len(outer) {
		got, _ := framesIn(t, bytes.NewReader(outer[cut:]))
		for _, payload := range got {
			if bytes.Equal(payload, []byte("run this as root")) {
				t.Fatalf("cut before byte %d: the inner frame was read", cut)
			}
		}
	}
}

func TestGivenMegabytesOfGarbageThenMemoryStaysBoundedAndTheFrameBehindArrives(t *testing.T) {
	for name, garbage := range map[string][]byte{
		"random": randomBytes(5, 4<<20), "without a zero": bytes.Repeat([]byte{0xff}, 4<<20), "zeros": make([]byte, 4<<20),
	} {
		r := newFrameReader(io.MultiReader(bytes.NewReader(garbage), bytes.NewReader(frameOf(t, []byte("behind")))), func() {})
		payload, err := r.next()
		if err != nil || string(payload) != "behind" {
			t.Fatalf("%s: %q, %v", name, payload, err)
		}
		if cap(r.frame) > 2*maxStuffed(maxFrame) {
			t.Fatalf("%s: %d bytes are held", name, cap(r.frame))
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("payload"), []byte{0, 'V', 'Q', 'G', 1, 0}, uint16(3))
	f.Add(make([]byte, 600), bytes.Repeat([]byte{255}, 300), uint16(700))
	f.Fuzz(func(t *testing.T, payload, garbage []byte, cut uint16) {
		if len(payload) > MaxPayload {
			return
		}
		frame := frameOf(t, payload)
		stream := append(bytes.Clone(garbage), frame[:min(int(cut), len(frame))]...)
		stream = append(append(stream, frame...), garbage...)
		got, _ := framesIn(t, bytes.NewReader(stream))
		for _, one := range got {
			if bytes.Equal(one, payload) {
				return
			}
		}
		t.Fatal("the whole frame was not read")
	})
}

func FuzzUnstuffing(f *testing.F) {
	f.Add([]byte{1, 1, 2, 5})
	f.Add(bytes.Repeat([]byte{255}, 300))
	f.Fuzz(func(t *testing.T, b []byte) {
		if stuffed := appendStuffed(nil, b); bytes.IndexByte(stuffed, 0) >= 0 || len(stuffed) > maxStuffed(len(b)) {
			t.Fatalf("%x was stuffed to %x", b, stuffed)
		} else if back, ok := unstuff(stuffed); !ok || !bytes.Equal(back, b) {
			t.Fatalf("%x came back as %x", b, back)
		}
		unstuff(bytes.Clone(b))
		openFrame(bytes.Clone(b))
	})
}
