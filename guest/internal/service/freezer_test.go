package service

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

const writerEnv = "VIRTQUORUM_WRITES"

// How another process writes.
const (
	appends = "appends" // a numbered line every 10 ms
	floods  = "floods"  // appends so much that the file is never still
	stamps  = "stamps"  // 64 KiB of one number over and over each other every 10 ms
	storms  = "storms"  // the same all over a larger file, so that it is never still
)

const (
	stamped = 64 << 10
	stormed = 8 << 20
)

// TestAsWriter is what another process does, until its input ends.
func TestAsWriter(t *testing.T) {
	how := os.Getenv(writerEnv)
	if how == "" {
		t.Skip("only as the process that writes")
	}
	file := os.NewFile(3, "file")
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	often := time.NewTicker(10 * time.Millisecond)
	size := map[string]int{stamps: stamped, storms: stormed, floods: 64}[how]
	content := make([]byte, size)
	for number := uint64(1); ; number++ {
		var err error
		switch how {
		case appends:
			_, err = fmt.Fprintln(file, "line", number)
		default:
			for at := 0; at < size; at += 8 {
				binary.BigEndian.PutUint64(content[at:], number)
			}
			if how == floods {
				_, err = file.Write(content)
			} else {
				_, err = file.WriteAt(content, 0)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if how == appends || how == stamps {
			select {
			case <-ended:
				return
			case <-often.C:
			}
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

// writer starts that process; the function that it returns ends it.
func writer(t *testing.T, how, path string) (stop func()) {
	t.Helper()
	flags := os.O_RDWR
	if how == appends || how == floods {
		flags |= os.O_APPEND
	}
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	command := exec.Command("/proc/self/exe", "-test.run=^TestAsWriter$", "-test.timeout=0")
	command.ExtraFiles, command.Env = []*os.File{file}, []string{writerEnv + "=" + how}
	said := &strings.Builder{}
	command.Stdout, command.Stderr = said, said
	input, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the process that writes: %v: %s", err, said)
		}
	}
	t.Cleanup(stop)
	return stop
}

// freezer is a pair that holds the same, and remembers it, on file systems of a kind.
type freezer struct {
	*pair
	kind     string
	image    string // that the donor's file system is in
	sequence uint64
}

func newFreezer(t *testing.T, kind string, prepare func(tree string)) *freezer {
	t.Helper()
	megabytes := int64(400)
	if kind == "ext4" {
		megabytes = 200
	}
	point, image := scratchfs.MountImage(t, kind, megabytes)
	p := &freezer{pair: &pair{t: t, donorTree: filepath.Join(point, "tree"), joinerDir: newTree(t)}, kind: kind, image: image}
	if err := os.Mkdir(p.donorTree, 0o755); err != nil {
		t.Fatal(err)
	}
	prepare(p.donorTree)
	p.donor, p.joiner = p.service(p.donorTree), p.service(p.joinerDir)
	if apply, err := doWith(t, p.joiner, applyOf("first"), p.fetch()); err != nil {
		t.Fatal(apply, err)
	}
	for _, s := range []*Service{p.donor, p.joiner} {
		rowsIn(t, s)
		rememberQuietly(t, s)
	}
	return p
}

// rememberQuietly remembers what nobody changes any more: what is seen of it later than by a look makes that void.
func rememberQuietly(t *testing.T, s *Service) {
	t.Helper()
	within(t, func() bool {
		seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
		_, _, err := do(t, s, &wire.Remember{Position: &wire.Position{Tenure: 2, Sequence: 7}, Root: rootOf(7), Look: seen.Number})
		if err != nil && reason(err) != wire.Reason_REASON_VOID {
			t.Fatal(err)
		}
		return err == nil
	})
}

// service has looked at a tree.
func (p *freezer) service(tree string) *Service {
	p.t.Helper()
	s, _ := newService(p.t, func(o *Options) {
		o.Writers = evidence.Guest{}
		o.Trees = Opener{Watch: []string{watch.Inotify}}
	})
	configure := configureOf(tree)
	configure.SyncAddress = "127.0.0.1"
	mustDo(p.t, s, configure)
	mustDo(p.t, s, &wire.Look{Walk: true})
	return s
}

func (p *freezer) freeze() *wire.Frozen {
	p.t.Helper()
	frozen := mustDo(p.t, p.donor, &wire.Freeze{}).GetFrozen()
	if !frozen.Remembers || int(frozen.ChangesTotal) != len(frozen.Changes) || frozen.Look == 0 {
		p.t.Fatal(frozen)
	}
	return frozen
}

func (p *freezer) position() *wire.Position {
	p.sequence++
	return &wire.Position{Tenure: 3, Sequence: p.sequence}
}

func rootOf(sequence uint64) []byte { return bytes.Repeat([]byte{byte(sequence)}, 32) }

func (p *freezer) rememberFrozen(frozen *wire.Frozen) {
	p.t.Helper()
	position := p.position()
	done := mustDo(p.t, p.donor, &wire.Remember{Position: position, Root: rootOf(position.Sequence), Frozen: frozen.Number}).GetRemembered()
	if done.Memory.Position.Sequence != position.Sequence {
		p.t.Fatal(done)
	}
}

// served is a serving of what was frozen.
type served struct {
	rows    []*wire.Row
	serving *wire.Serving
	cancel  context.CancelFunc
	ended   chan error
}

// serveFrozen begins to serve what was frozen to a joiner that has this seed.
func (p *freezer) serveFrozen(frozen *wire.Frozen, seed []byte, port uint32, change ...func(*wire.Serve)) *served {
	p.t.Helper()
	serve := &wire.Serve{Joiners: []*wire.Joiner{{Member: "web-1", Seed: seed}}, Port: port, Frozen: frozen.GetNumber(), Listed: true}
	for _, c := range change {
		c(serve)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	one := &served{cancel: cancel, ended: make(chan error, 1)}
	call := &fakeCall{
		request: &wire.Request{Operation: &wire.Request_Serve{Serve: serve}}, session: 1,
		body: []*wire.Body{{Last: true, Targets: targetsOf(frozen, false)}}, told: make(chan *wire.Answer, 100),
	}
	go func() {
		answer, err := p.donor.do(ctx, call)
		if err == nil && answer.GetServed() == nil {
			err = fmt.Errorf("%v is no end of a serving", answer)
		}
		close(call.told)
		one.ended <- err
	}()
	for piece := range call.told {
		one.rows = append(one.rows, piece.GetRows().GetRows()...)
		if one.serving = piece.GetServing(); one.serving != nil {
			return one
		}
	}
	p.t.Fatal(<-one.ended)
	return nil
}

// targetsOf are what was frozen; whole: also what is gone.
func targetsOf(frozen *wire.Frozen, whole bool) (targets []*wire.Target) {
	for _, change := range frozen.GetChanges() {
		if whole || len(change.Now) > 0 {
			targets = append(targets, &wire.Target{Tree: change.Tree, Path: change.Path, Digest: change.Now})
		}
	}
	return targets
}

func (s *served) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the serving does not end by itself")
	}
}

func (p *freezer) fetchFrom(s *Service, one *served, seed []byte) error {
	p.t.Helper()
	var wanted []*wire.Target
	for _, row := range one.rows {
		wanted = append(wanted, &wire.Target{Tree: row.Tree, Path: row.Path, Digest: row.Digest, Size: row.Size})
	}
	answer, err := doWith(p.t, s, &wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{
		Donor: "web-0", Address: one.serving.Address, Port: one.serving.Port, Pin: one.serving.Pin, Seed: seed,
	}}}, wanted)
	if err == nil && (answer.GetFetched().MovedTotal > 0 || int(answer.GetFetched().Rows) != len(wanted)) {
		err = fmt.Errorf("not all came: %v", answer.GetFetched())
	}
	return err
}

// bringFrozen has the joiner take what was frozen: serve, fetch, apply, prove, remember.
func (p *freezer) bringFrozen(frozen *wire.Frozen, port uint32) {
	p.t.Helper()
	seed := bytes.Repeat([]byte{byte(frozen.Number)}, sync.SeedSize)
	one := p.serveFrozen(frozen, seed, port)
	if err := p.fetchFrom(p.joiner, one, seed); err != nil {
		p.t.Fatal(err)
	}
	one.awaitEnd(p.t)
	targets := targetsOf(frozen, true)
	answer, err := doWith(p.t, p.joiner, applyOf(fmt.Sprint("round-", frozen.Number)), targets)
	if err != nil || answer.GetApplied().LateTotal > 0 {
		p.t.Fatal(answer, err)
	}
	answer, err = doWith(p.t, p.joiner, &wire.Request{Operation: &wire.Request_Prove{Prove: &wire.Prove{}}}, targets)
	if err != nil || answer.GetProven().DifferingTotal > 0 || int(answer.GetProven().Rows) != len(targets) {
		p.t.Fatal(answer, err)
	}
}

func (p *freezer) content(name string) []byte {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.joinerDir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return content
}

// copies are the names of what is kept frozen on the donor's disk.
func (p *freezer) copies() (names []string) {
	p.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(p.donorTree), ".virtquorum", "*", "frozen", "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}
