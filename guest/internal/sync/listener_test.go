package sync

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// on has the pair's donor serve on listeners that others share, at a port.
func (m *members) on(listeners *Listeners, port int, change ...func(*ServeOrder)) Donor {
	m.t.Helper()
	m.offered = rows(m.t, m.hashing, m.donor)
	identity, err := NewIdentity()
	must(m.t, err)
	offered := m.offered
	order := ServeOrder{
		Address: netip.MustParseAddr("127.0.0.1"), Port: port, Identity: identity, Joiners: []Joiner{{"joiner", m.identity.Pin()}},
		Trees: []Served{{Name: "site", Dir: m.donor, Hashing: m.hashing, Row: func(path string) (Listed, bool) {
			row, ok := offered[path]
			return Listed{Digest: row.Digest, LinkTo: row.LinkTo}, ok
		}}},
	}
	for _, c := range change {
		c(&order)
	}
	m.server, err = listeners.Serve(context.Background(), order)
	must(m.t, err)
	m.t.Cleanup(m.server.Close)
	return Donor{"donor", m.server.Addr(), identity.Pin()}
}

func isFetched(s *Server) bool {
	select {
	case <-s.Fetched():
		return true
	default:
		return false
	}
}

func awaitFetched(t *testing.T, s *Server) {
	t.Helper()
	select {
	case <-s.Fetched():
	case <-time.After(30 * time.Second):
		t.Fatal("the donor does not know that its joiners have all")
	}
}

func TestGivenTwoOrdersOnOnePortThenEachJoinerGetsWhatIsMeantForItAndASlowOneHoldsUpNobody(t *testing.T) {
	var listeners Listeners
	slow, quick := newMembers(t, t.TempDir(), t.TempDir()), newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(slow.from, "at-once"), nil)
	write(t, filepath.Join(slow.from, "for-the-slow"), randomBytes(1, 4<<20))
	write(t, filepath.Join(quick.from, "for-the-quick"), randomBytes(2, 4<<20))
	first := slow.on(&listeners, 0, func(o *ServeOrder) { o.BytesPerSecond = 64 << 10 })
	second := quick.on(&listeners, int(first.Address.Port()))
	if first.Address != second.Address {
		t.Fatal(first, second)
	}
	ctx, cancel := context.WithCancel(t.Context())
	slowly := make(chan error)
	begun := make(chan struct{}, 10)
	order := slow.order(first)
	order.Progress = func(int, int64) { begun <- struct{}{} }
	go func() {
		_, err := Fetch(ctx, order)
		slowly <- err
	}()
	<-begun // the empty file came; the other takes a minute
	wanted := quick.order(second)
	report, err := Fetch(limited(t), wanted)
	must(t, err)
	quick.check(wanted, report)
	awaitFetched(t, quick.server)
	quick.server.Close()
	select {
	case err := <-slowly:
		t.Fatal("the slow one ended: ", err)
	default:
	}
	cancel()
	if err := <-slowly; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if isFetched(slow.server) {
		t.Error("a joiner that was cut off has all")
	}
	again := quick.on(&listeners, int(first.Address.Port())) // the port is still listened on for the slow one
	wanted = quick.order(again)
	if report, err = Fetch(limited(t), wanted); err != nil || report.Kept != len(wanted.Trees[0].Rows) {
		t.Fatal(report, err)
	}
	awaitFetched(t, quick.server) // it needed nothing, and said so
}

func TestGivenTheLastOrderOfAPortEndsThenNobodyListensThereAnyMoreAndAnotherMay(t *testing.T) {
	var listeners Listeners
	m := newMembers(t, t.TempDir(), t.TempDir())
	donor := m.on(&listeners, 0)
	m.server.Close()
	if c, err := net.Dial("tcp", donor.Address.String()); err == nil {
		_ = c.Close()
		t.Fatal("it is still listened on")
	}
	for range 20 {
		if again := m.on(&listeners, int(donor.Address.Port())); again.Address != donor.Address {
			t.Fatal(again)
		}
		m.server.Close()
	}
	if len(listeners.open) != 0 || listeners.servings != 0 {
		t.Fatal(listeners.open, listeners.servings)
	}
}

func TestGivenAJoinerThatNamesNoOrderThatIsServedThenItIsToldSoInASentence(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "file"), []byte("x"))
	donor := m.serve()
	order := m.order(donor)
	order.Donor.Pin[0] ^= 1
	_, err := Fetch(limited(t), order)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "serves nothing under the key that the order names, or not any more") {
		t.Error(err)
	}
	// As the version before, which names none.
	c, err := tls.Dial("tcp", donor.Address.String(), m.identity.config([]Pin{donor.Pin}))
	if err == nil {
		_ = c.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Error(err)
	}
	m.server.Close()
	if _, err := Fetch(limited(t), m.order(donor)); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

func TestGivenAsManyOrdersAsMayBeThenOneMoreIsRefusedInASentence(t *testing.T) {
	var listeners Listeners
	m := newMembers(t, t.TempDir(), t.TempDir())
	donor := m.on(&listeners, 0)
	first := m.server
	for range mostServings - 1 {
		m.on(&listeners, int(donor.Address.Port()))
	}
	identity, err := NewIdentity()
	must(t, err)
	one := ServeOrder{Address: netip.MustParseAddr("127.0.0.1"), Identity: identity, Joiners: []Joiner{{"joiner", m.identity.Pin()}}}
	if _, err := listeners.Serve(t.Context(), one); !errors.Is(err, ErrTooMany) {
		t.Fatal(err)
	}
	first.Close()
	s, err := listeners.Serve(t.Context(), one)
	must(t, err)
	s.Close()
}

func TestGivenSeveralJoinersThenTheDonorKnowsOnlyWhenEachHasAll(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "file"), randomBytes(1, 100_000))
	write(t, filepath.Join(m.from, "moves"), []byte("before"))
	other, err := NewIdentity()
	must(t, err)
	donor := m.serve(func(o *ServeOrder) { o.Joiners = append(o.Joiners, Joiner{"other", other.Pin()}) })
	order := m.order(donor)
	_, err = Fetch(limited(t), order)
	must(t, err)
	order.Identity = other
	must(t, os.RemoveAll(filepath.Join(filepath.Dir(m.to), "stage")), os.Mkdir(filepath.Join(filepath.Dir(m.to), "stage"), 0o700))
	order.Trees[0].Stage = openDir(t, filepath.Join(filepath.Dir(m.to), "stage"))
	must(t, os.WriteFile(filepath.Join(m.from, "moves"), []byte("after!"), 0o644))
	report, err := Fetch(limited(t), order)
	must(t, err)
	if report.MovedTotal != 1 || isFetched(m.server) {
		t.Fatal("who did not get all has all: ", report)
	}
	must(t, os.WriteFile(filepath.Join(m.from, "moves"), []byte("before"), 0o644))
	_, err = Fetch(limited(t), order)
	must(t, err)
	awaitFetched(t, m.server)
}

func TestGivenAJoinerThatIsCutOffBeforeItSaysThatItHasAllThenTheDonorWaitsForIt(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	write(t, filepath.Join(m.from, "file"), []byte("x"))
	donor := m.serve()
	for _, ending := range []func(c *tls.Conn) error{
		func(c *tls.Conn) error { return c.NetConn().Close() },
		func(c *tls.Conn) error { return c.Close() },
		func(c *tls.Conn) error { // it says so, and has not taken the content
			out := newFrameWriter(c)
			w := want{tree: "site", rows: []wantedRow{{path: "file", digest: m.offered["file"].Digest}}}
			return errors.Join(out.message(kindWant, w), out.write(kindDone, nil), out.flush(), c.CloseWrite())
		},
	} {
		c, err := tls.Dial("tcp", donor.Address.String(), m.identity.toward(donor.Pin))
		must(t, err)
		must(t, ending(c))
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for b := make([]byte, 1000); err == nil; {
			_, err = c.Read(b)
		}
		_ = c.Close()
	}
	if isFetched(m.server) {
		t.Fatal("somebody has all")
	}
	order := m.order(donor)
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
	awaitFetched(t, m.server)
}

func TestGivenAnOutputThenTheDonorKnowsWhenItCame(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	donor := m.serve(func(o *ServeOrder) { o.Output = []byte("said") })
	said, err := FetchOutput(limited(t), FetchOrder{Donor: donor, Identity: m.identity})
	if err != nil || string(said) != "said" {
		t.Fatal(string(said), err)
	}
	awaitFetched(t, m.server)
}

func TestGivenRowsThatWereFrozenThenTheyComeAsTheyWereThoughTheyAreGoneOrAnother(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	copies := filepath.Join(filepath.Dir(m.from), "copies")
	must(t, os.Mkdir(copies, 0o700))
	dir := openDir(t, copies)
	names := []string{"changes", "goes", "becomes-a-link", "becomes-a-fifo", "large", "one-name"}
	for i, name := range names {
		content := []byte(name)
		if name == "large" {
			content = randomBytes(int64(i), 3<<20)
		}
		write(t, filepath.Join(m.from, name), content)
		write(t, filepath.Join(copies, name), content)
	}
	must(t, os.Link(filepath.Join(m.from, "one-name"), filepath.Join(m.from, "other-name")), os.Symlink("before", filepath.Join(m.from, "link")),
		os.Chmod(filepath.Join(m.from, "goes"), 0o4750))
	frozen := map[string]*Frozen{}
	donor := m.serve(func(o *ServeOrder) {
		for path, row := range m.offered {
			h, err := readBack(t.Context(), m.hashing, m.donor, inTree(path), row.LinkTo)
			must(t, err)
			e, err := m.donor.Stat(inTree(path))
			must(t, err)
			one := &Frozen{Content: h.content, In: dir, Name: path}
			one.Stat, one.Target, one.LinkTo = e, h.target, h.linkTo
			if h.linkTo != "" {
				one.Name = h.linkTo
			}
			frozen[path] = one
		}
		live := o.Trees[0].Row
		o.Trees[0].Row = func(path string) (Listed, bool) {
			listed, is := live(path)
			listed.Frozen = frozen[path]
			return listed, is
		}
	})
	order := m.order(donor)
	in := func(name string) string { return filepath.Join(m.from, name) }
	for _, name := range append(names, "other-name", "link") {
		must(t, os.Remove(in(name)))
	}
	write(t, in("changes"), []byte("another content"))
	must(t, os.Symlink("/etc/passwd", in("becomes-a-link")), unix.Mkfifo(in("becomes-a-fifo"), 0o600), os.Symlink("after", in("link")))
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
	inodes := map[string]uint64{}
	for _, row := range report.Staged[0] {
		st, err := m.stage.Stat(row.Name)
		must(t, err)
		inodes[row.Path] = st.Ino
	}
	if inodes["one-name"] != inodes["other-name"] || inodes["one-name"] == inodes["goes"] {
		t.Error(inodes)
	}
	awaitFetched(t, m.server)

	// A copy that is not there any more, or not what it was, is told; nothing else comes instead.
	must(t, os.Remove(filepath.Join(copies, "goes")), os.WriteFile(filepath.Join(copies, "changes"), bytes.Repeat([]byte("y"), 3), 0o600))
	stage := filepath.Join(filepath.Dir(m.to), "stage2")
	must(t, os.Mkdir(stage, 0o700))
	order.Trees[0].Stage = openDir(t, stage)
	report, err = Fetch(limited(t), order)
	must(t, err)
	if report.MovedTotal != 2 || !strings.Contains(report.Moved[0].Why+report.Moved[1].Why, "what was frozen of it is not kept any more") {
		t.Errorf("%+v", report)
	}
}
