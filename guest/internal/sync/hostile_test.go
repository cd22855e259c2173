package sync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
)

// evil is a donor that does what a test says after the handshake. It answers wants for a file of the right digest until then.
func evil(t *testing.T, m *members, speak func(in *frameReader, out *frameWriter, wanted want) error) Donor {
	t.Helper()
	identity, err := NewIdentity()
	must(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", identity.config([]Pin{m.identity.Pin()}))
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in, out := newFrameReader(c), newFrameWriter(c)
		for {
			k, payload, err := in.next()
			if err != nil {
				return
			}
			if k != kindWant {
				continue
			}
			w, err := parseWant(payload)
			if err != nil || errors.Join(speak(in, out, w), out.flush()) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	return Donor{"evil", listener.Addr().(*net.TCPAddr).AddrPort(), identity.Pin()}
}

// target is a row that is wanted: a file of some bytes.
func target(m *members, content []byte) (*header, Wanted) {
	h := &header{kind: 'f', mode: 0o644, size: int64(len(content)), content: sha256.Sum256(content)}
	return h, Wanted{Path: "dir/file", Digest: m.hashing.digest(h), Size: h.size}
}

func TestGivenADonorThatSendsWhatWasNotOrderedThenItIsNamedAndNothingOutsideTheStageIsTouched(t *testing.T) {
	content := bytes.Repeat([]byte("content."), 1000)
	type speaker = func(in *frameReader, out *frameWriter, h *header) error
	data := func(out *frameWriter, b []byte) error { return out.write(kindData, b) }
	for name, speak := range map[string]speaker{
		"garbage": func(_ *frameReader, out *frameWriter, _ *header) error {
			_, err := out.to.Write(randomBytes(5, 100_000))
			return err
		},
		"a frame without end": func(_ *frameReader, out *frameWriter, _ *header) error {
			_, err := out.to.Write([]byte{0xff, 0xff, 0xff, 0xff, byte(kindData)})
			return err
		},
		"another row": func(_ *frameReader, out *frameWriter, h *header) error {
			other := *h
			other.mode = 0o4777
			return out.message(kindHeader, &other)
		},
		"a link where a file was ordered": func(_ *frameReader, out *frameWriter, _ *header) error {
			return out.message(kindHeader, &header{kind: 'l', mode: 0o777, target: "/etc"})
		},
		"a row nobody asked for": func(_ *frameReader, out *frameWriter, h *header) error {
			h.id = 77
			return out.message(kindHeader, h)
		},
		"a row twice": func(_ *frameReader, out *frameWriter, h *header) error {
			return errors.Join(out.message(kindHeader, h), out.message(kindHeader, h))
		},
		"a content before it is asked for": func(_ *frameReader, out *frameWriter, _ *header) error { return data(out, content) },
		"too much": func(_ *frameReader, out *frameWriter, h *header) error {
			err := out.message(kindHeader, h)
			for range 1000 {
				err = errors.Join(err, data(out, content))
			}
			return err
		},
		"another content": func(_ *frameReader, out *frameWriter, h *header) error {
			other := bytes.Clone(content)
			other[5] ^= 1
			return errors.Join(out.message(kindHeader, h), data(out, other), out.message(kindEnd, note{id: h.id}))
		},
		"too little": func(_ *frameReader, out *frameWriter, h *header) error {
			return errors.Join(out.message(kindHeader, h), data(out, content[:100]), out.message(kindEnd, note{id: h.id}))
		},
		"a hole that is too long": func(_ *frameReader, out *frameWriter, h *header) error {
			return errors.Join(out.message(kindHeader, h), out.message(kindHole, pair{count: 1 << 50}))
		},
		"blocks that are not there": func(_ *frameReader, out *frameWriter, h *header) error {
			return errors.Join(out.message(kindHeader, h), out.message(kindCopy, pair{1 << 40, 1 << 40}))
		},
		"empty pieces": func(_ *frameReader, out *frameWriter, h *header) error {
			return errors.Join(out.message(kindHeader, h), data(out, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMembers(t, t.TempDir(), t.TempDir())
			write(t, filepath.Join(m.to, "canary"), []byte("untouched"))
			before := rows(t, m.hashing, m.live)
			h, wanted := target(m, content)
			donor := evil(t, m, func(in *frameReader, out *frameWriter, w want) error {
				h.id = 0
				return speak(in, out, h)
			})
			_, err := Fetch(limited(t), FetchOrder{
				Donor: donor, Identity: m.identity, Patience: 5 * time.Second,
				Trees: []FetchTree{{Name: "site", Live: m.live, Stage: m.stage, Hashing: m.hashing, Rows: []Wanted{wanted}}},
			})
			if !errors.Is(err, ErrMisbehaved) || !strings.Contains(err.Error(), "evil") {
				t.Errorf("got %v", err)
			}
			after := rows(t, m.hashing, m.live)
			if len(after) != len(before) || after["canary"] != before["canary"] {
				t.Errorf("the tree was changed: %v", after)
			}
			var staged int64
			must(t, filepath.Walk(filepath.Join(filepath.Dir(m.to), "stage"), func(_ string, info os.FileInfo, err error) error {
				if err == nil && info.Mode().IsRegular() {
					staged += info.Size()
				}
				return err
			}))
			if staged > int64(len(content)) {
				t.Errorf("%d bytes were staged", staged)
			}
		})
	}
}

func TestGivenADonorThatDripsOrAnswersPingsForeverThenTheDeadlineEndsTheFetch(t *testing.T) {
	for name, drip := range map[string]kind{"a byte at a time": kindData, "nothing but signs of life": kindPing} {
		t.Run(name, func(t *testing.T) {
			m := newMembers(t, t.TempDir(), t.TempDir())
			h, wanted := target(m, bytes.Repeat([]byte("x"), 1<<20))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			donor := evil(t, m, func(in *frameReader, out *frameWriter, _ want) error {
				h.id = 0
				err := errors.Join(out.message(kindHeader, h), out.flush())
				for k := kindWant; err == nil && k != kindGet; {
					k, _, err = in.next()
				}
				for err == nil && ctx.Err() == nil {
					payload := []byte("x")
					if drip == kindPing {
						payload = nil
					}
					if err = errors.Join(out.write(drip, payload), out.flush()); err == nil {
						err = pause(ctx, 10*time.Millisecond)
					}
				}
				return err
			})
			_, err := Fetch(ctx, FetchOrder{
				Donor: donor, Identity: m.identity,
				Trees: []FetchTree{{Name: "site", Live: m.live, Stage: m.stage, Hashing: m.hashing, Rows: []Wanted{wanted}}},
			})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "evil") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestGivenADonorThatFallsSilentThenItsSilenceHasAnEnd(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	_, wanted := target(m, []byte("x"))
	// As of a link that died: the connection stands and nothing comes.
	donor := evil(t, m, func(in *frameReader, out *frameWriter, _ want) error { return nil })
	_, err := Fetch(limited(t), FetchOrder{
		Donor: donor, Identity: m.identity, Patience: 300 * time.Millisecond,
		Trees: []FetchTree{{Name: "site", Live: m.live, Stage: m.stage, Hashing: m.hashing, Rows: []Wanted{wanted}}},
	})
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, os.ErrDeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Errorf("got %v", err)
	}
}

func TestGivenAKeyThatTheOrderDoesNotNameThenNeitherEndSpeaks(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "file"), []byte("x"))
	donor := m.serve()
	order := m.order(donor)
	stranger, err := NewIdentity()
	must(t, err)
	order.Identity = stranger
	if _, err := Fetch(limited(t), order); !errors.Is(err, ErrRefused) {
		t.Errorf("a stranger's fetch: %v", err)
	}
	order = m.order(donor)
	order.Donor.Pin = stranger.Pin()
	if _, err := Fetch(limited(t), order); !errors.Is(err, ErrRefused) {
		t.Errorf("from a stranger: %v", err)
	}
	// A client without any certificate, and one that speaks an older TLS.
	for _, config := range []*tls.Config{
		{InsecureSkipVerify: true, NextProtos: []string{protocol}, ServerName: donor.Pin.name()},
		{InsecureSkipVerify: true, NextProtos: []string{protocol}, ServerName: donor.Pin.name(), MaxVersion: tls.VersionTLS12},
	} {
		c, err := tls.Dial("tcp", donor.Address.String(), config)
		if err == nil {
			_, err = io.ReadAll(c)
			_ = c.Close()
		}
		if err == nil {
			t.Error("somebody without a key was let in")
		}
	}
	order = m.order(donor)
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
}

func TestGivenTheSameSeedThenItIsTheSameIdentity(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, SeedSize)
	a, err := IdentityFromSeed(seed)
	must(t, err)
	b, err := IdentityFromSeed(seed)
	must(t, err)
	other, err := NewIdentity()
	must(t, err)
	if a.Pin() != b.Pin() || a.Pin() == other.Pin() {
		t.Error("pins do not belong to seeds")
	}
}

func TestGivenADonorFullOfGarbageRequestsThenItServesTheNextOne(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "file"), []byte("x"))
	donor := m.serve()
	for _, send := range [][]byte{
		randomBytes(3, 10_000),
		frameOf(t, kindGet, get{id: 9}.append(nil)),
		frameOf(t, kindWant, want{tree: "../other"}.append(nil)),
		frameOf(t, kindHeader, nil),
		frameOf(t, kindBlocks, make([]byte, 100)),
	} {
		c, err := tls.Dial("tcp", donor.Address.String(), m.identity.toward(donor.Pin))
		must(t, err)
		_, _ = c.Write(send)
		_ = c.CloseWrite()
		_, _ = io.ReadAll(c)
		_ = c.Close()
	}
	order := m.order(donor)
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
}

func TestGivenAFullDiskThenThatIsSaid(t *testing.T) {
	for _, lies := range []bool{false, true} { // about what it needs
		m := newMembers(t, t.TempDir(), scratchfs.Mount(t, "ext4", 16))
		content := randomBytes(1, 20<<20)
		h, wanted := target(m, content)
		write(t, filepath.Join(m.from, "dir/file"), content)
		donor := m.serve()
		if lies {
			donor = evil(t, m, func(in *frameReader, out *frameWriter, _ want) error {
				h.id = 0
				err := errors.Join(out.message(kindHeader, h), out.flush())
				for k := kindWant; err == nil && k != kindGet; {
					k, _, err = in.next()
				}
				for part := content; len(part) > 0; part = part[min(len(part), maxData):] {
					err = errors.Join(err, out.write(kindData, part[:min(len(part), maxData)]))
				}
				return errors.Join(err, out.message(kindEnd, note{}))
			})
		}
		_, err := Fetch(limited(t), FetchOrder{
			Donor: donor, Identity: m.identity,
			Trees: []FetchTree{{Name: "site", Live: m.live, Stage: m.stage, Hashing: m.hashing, Rows: []Wanted{wanted}}},
		})
		if !errors.Is(err, ErrFull) {
			t.Errorf("lying %v: got %v", lies, err)
		}
	}
}

func TestGivenAConnectionThatWasCutThenWhatWasStagedIsNotFetchedAgain(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	for i := range 100 {
		write(t, filepath.Join(m.from, "small", string(rune('a'+i%26))+strings.Repeat("x", i)), randomBytes(int64(i), 10_000))
	}
	write(t, filepath.Join(m.from, "zlarge"), randomBytes(5, 30<<20))
	donor := m.serve()
	through := donor
	through.Address = cutAfter(t, donor.Address, 20<<20)
	order := m.order(through)
	if _, err := Fetch(limited(t), order); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("got %v", err)
	}
	order = m.order(donor)
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
	if report.Kept < 50 || report.Received > 25<<20 {
		t.Errorf("kept %d rows, received %d bytes", report.Kept, report.Received)
	}
}

// cutAfter is an address that leads to another, for so many bytes.
func cutAfter(t *testing.T, to netip.AddrPort, bytes int64) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		near, err := listener.Accept()
		if err != nil {
			return
		}
		defer near.Close()
		far, err := net.Dial("tcp", to.String())
		if err != nil {
			return
		}
		asking := make(chan struct{})
		go func() {
			defer close(asking)
			_, _ = io.Copy(far, near)
		}()
		_, _ = io.CopyN(near, far, bytes)
		_ = near.Close()
		_ = far.Close()
		<-asking
	}()
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func TestGivenALimitThenTheBytesOfAllConnectionsTogetherKeepIt(t *testing.T) {
	l := newLimiter(1 << 20)
	start := time.Now()
	var running []chan error
	for range 4 {
		done := make(chan error, 1)
		running = append(running, done)
		go func() {
			for range 8 {
				if err := l.wait(context.Background(), 8<<10); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for _, done := range running {
		must(t, <-done)
	}
	if took := time.Since(start); took < 150*time.Millisecond { // 256 KiB, less what may be saved up
		t.Errorf("256 KiB took %v at 1 MiB/s", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.wait(ctx, 1<<30); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting goes on after the end: %v", err)
	}
}

func FuzzADonorAnswersWhateverIsAskedWithinBounds(f *testing.F) {
	f.Add(frameOf(f, kindWant, want{tree: "site", rows: []wantedRow{{path: "file"}}}.append(nil)))
	f.Add(append(frameOf(f, kindGet, get{id: 0, blocks: 1, blockSize: 4096, oldSize: 5}.append(nil)), frameOf(f, kindBlocks, make([]byte, 8))...))
	m := newMembers(f, f.TempDir(), f.TempDir())
	write(f, filepath.Join(m.from, "file"), []byte("content"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		order := ServeOrder{Trees: []Served{{Name: "site", Dir: m.donor, Hashing: m.hashing, Row: func(string) (Listed, bool) {
			return Listed{Digest: fingerprint.Digest{}}, true
		}}}}
		s := session{order: &order, in: newFrameReader(bytes.NewReader(data)), out: newFrameWriter(&out), pending: map[uint64]*pending{}}
		_ = s.run(context.Background())
		if bytes.Contains(out.Bytes(), []byte("content")) {
			t.Error("what was not listed was served")
		}
	})
}
