package service

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

// pair is a donor and a joiner with a tree each.
type pair struct {
	t                    *testing.T
	donor, joiner        *Service
	donorTree, joinerDir string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, donorTree: newTree(t), joinerDir: newTree(t)}
	for _, tree := range []string{p.donorTree, p.joinerDir} {
		write(t, tree, "same") // has another content in each
		if err := os.WriteFile(filepath.Join(tree, "equal"), []byte("equal"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p.donorTree, "only-donor")
	write(t, p.joinerDir, "only-joiner")
	p.donor, _ = newService(t)
	p.joiner, _ = newService(t)
	for service, tree := range map[*Service]string{p.donor: p.donorTree, p.joiner: p.joinerDir} {
		configure := configureOf(tree)
		configure.SyncAddress = "127.0.0.1"
		mustDo(t, service, configure)
		mustDo(t, service, &wire.Look{Walk: true})
	}
	return p
}

// targets are what the joiner must become, and what the donor serves of it.
func (p *pair) targets() (apply, serve []*wire.Target) {
	p.t.Helper()
	donor, joiner := rowsIn(p.t, p.donor), rowsIn(p.t, p.joiner)
	for path, row := range donor {
		if !bytes.Equal(row.Digest, joiner[path].GetDigest()) {
			one := &wire.Target{Path: row.Path, Digest: row.Digest}
			apply, serve = append(apply, one), append(serve, one)
		}
	}
	for path, row := range joiner {
		if donor[path] == nil {
			apply = append(apply, &wire.Target{Path: row.Path})
		}
	}
	return apply, serve
}

// serve begins to serve; the function that it returns ends it and gives the answer.
func (p *pair) serve(targets []*wire.Target, pin sync.Pin) (rows []*wire.Row, serving *wire.Serving, end func() *wire.Served) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	call := &fakeCall{
		request: &wire.Request{Operation: &wire.Request_Serve{Serve: &wire.Serve{
			Joiners: []*wire.Joiner{{Member: "web-1", Pin: pin[:]}}, Port: freePort(p.t), Listed: true,
		}}},
		session: 1, body: []*wire.Body{{Last: true, Targets: targets}}, told: make(chan *wire.Answer, 10),
	}
	ended := make(chan *wire.Served, 1)
	go func() {
		answer, err := p.donor.do(ctx, call)
		if err != nil {
			p.t.Error(err)
		}
		close(call.told)
		ended <- answer.GetServed()
	}()
	for piece := range call.told {
		rows = append(rows, piece.GetRows().GetRows()...)
		if serving = piece.GetServing(); serving != nil {
			break
		}
	}
	return rows, serving, func() *wire.Served {
		cancel()
		return <-ended
	}
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) uint32 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return uint32(listener.Addr().(*net.TCPAddr).Port)
}

func doWith(t *testing.T, s *Service, request *wire.Request, targets []*wire.Target) (*wire.Answer, error) {
	t.Helper()
	return s.do(t.Context(), &fakeCall{request: request, session: 1, body: []*wire.Body{{Last: true, Targets: targets}}})
}

// A daemon makes its pid file where its data is, and that is excluded.
func TestGivenThatSomethingExcludedComesOrGoesThenWhereItWasIsServedAllTheSame(t *testing.T) {
	p := newPair(t)
	for service, tree := range map[*Service]string{p.donor: p.donorTree, p.joiner: p.joinerDir} {
		configure := configureOf(tree)
		configure.SyncAddress, configure.Trees[0].Exclude = "127.0.0.1", []string{"*.pid"}
		mustDo(t, service, configure)
		mustDo(t, service, &wire.Look{Walk: true})
	}
	apply, _ := p.targets()
	var all []*wire.Target
	for _, row := range rowsIn(t, p.donor) {
		all = append(all, &wire.Target{Path: row.Path, Digest: row.Digest})
	}
	write(t, p.donorTree, "daemon.pid")
	p.fetchThese(all)
	if _, err := doWith(t, p.joiner, applyOf("first"), apply); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.joinerDir, "only-donor")); err != nil {
		t.Error(err)
	}
}

// fetch stages on the joiner what the donor serves, and says what is to be applied.
func (p *pair) fetch() (apply []*wire.Target) {
	p.t.Helper()
	apply, served := p.targets()
	p.fetchThese(served)
	return apply
}

func (p *pair) fetchThese(served []*wire.Target) {
	p.t.Helper()
	seed := bytes.Repeat([]byte{7}, sync.SeedSize)
	identity, err := sync.IdentityFromSeed(seed)
	if err != nil {
		p.t.Fatal(err)
	}
	rows, serving, end := p.serve(served, identity.Pin())
	if len(rows) != len(served) || serving == nil {
		p.t.Fatal(rows, serving)
	}
	wanted := make([]*wire.Target, 0, len(rows))
	for _, row := range rows {
		wanted = append(wanted, &wire.Target{Tree: row.Tree, Path: row.Path, Digest: row.Digest})
	}
	answer, err := doWith(p.t, p.joiner, &wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{
		Donor: "web-0", Address: serving.Address, Port: serving.Port, Pin: serving.Pin, Seed: seed, AnySize: true,
	}}}, wanted)
	if err != nil {
		p.t.Fatal(err)
	}
	if fetched := answer.GetFetched(); fetched.Rows != uint64(len(wanted)) || fetched.MovedTotal != 0 || fetched.Received == 0 {
		p.t.Fatal(fetched)
	}
	if sent := end(); sent.GetBytes() == 0 {
		p.t.Fatal(sent)
	}
}

func applyOf(entry string) *wire.Request {
	return &wire.Request{Operation: &wire.Request_Apply{Apply: &wire.Apply{
		ArchiveEntry: entry, Verdict: "two of three hold it", After: &wire.Look{Drain: true},
	}}}
}

func TestGivenAJoinerThatDiffersThenARepairMakesItEqualAndArchivesWhatItReplaces(t *testing.T) {
	p := newPair(t)
	apply := p.fetch()
	order := applyOf("verdict-1")
	order.GetApply().Prove = true
	order.GetApply().After = &wire.Look{Drain: true, Rows: true, Since: mustDo(t, p.joiner, &wire.Look{}).GetLook().Number}
	answer, err := doWith(t, p.joiner, order, apply)
	if err != nil {
		t.Fatal(err)
	}
	seen := answer.GetApplied().GetSeen()
	if newest := mustDo(t, p.joiner, &wire.Look{}).GetLook(); seen.GetNumber() != newest.Number || seen.ReadingBytes != 0 {
		t.Fatalf("the look after what was replaced is %v, and the newest is %v", seen, newest)
	}
	told := map[string][]byte{}
	for _, row := range seen.GetRowsThen().GetRows() {
		told[string(row.Path)] = row.Digest
	}
	for _, target := range apply {
		if digest, known := told[string(target.Path)]; !known || !bytes.Equal(digest, target.Digest) {
			t.Errorf("the answer says of %q: %x, %t", target.Path, digest, known)
		}
	}
	if applied := answer.GetApplied(); applied.ArchiveEntry != "verdict-1" || applied.LateTotal != 0 || applied.Rows == 0 || !applied.Proven {
		t.Fatal(applied)
	}

	mustDo(t, p.joiner, &wire.Look{Walk: true})
	donor, joiner := rowsIn(t, p.donor), rowsIn(t, p.joiner)
	if len(donor) != len(joiner) {
		t.Fatal(donor, joiner)
	}
	var all []*wire.Target
	for path, row := range donor {
		if !bytes.Equal(joiner[path].GetDigest(), row.Digest) {
			t.Errorf("%q differs", path)
		}
		all = append(all, &wire.Target{Path: row.Path, Digest: row.Digest})
	}
	answer, err = doWith(t, p.joiner, &wire.Request{Operation: &wire.Request_Prove{Prove: &wire.Prove{}}}, all)
	if proven := answer.GetProven(); err != nil || proven.Rows != uint64(len(all)) || proven.DifferingTotal != 0 {
		t.Fatal(proven, err)
	}

	entries := func() (all []*wire.ArchiveEntry) {
		_, pieces, err := do(t, p.joiner, &wire.ArchiveList{})
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			all = append(all, piece.GetArchiveEntries().Entries...)
		}
		return all
	}
	if list := entries(); len(list) != 1 || list[0].Name != "verdict-1" || list[0].Verdict != "two of three hold it" || list[0].Attributed {
		t.Fatal(list)
	}
	restore := &wire.Request{Operation: &wire.Request_ArchiveRestore{ArchiveRestore: &wire.ArchiveRestore{Name: "verdict-1"}}}
	if answer, err = doWith(t, p.joiner, restore, []*wire.Target{{Path: []byte("only-joiner")}}); err != nil || answer.GetArchiveRestored().Rows != 1 {
		t.Fatal(answer, err)
	}
	if _, err := os.Stat(filepath.Join(p.joinerDir, "only-joiner")); err != nil {
		t.Fatal(err)
	}
	restore.GetArchiveRestore().Name = "verdict-2"
	if _, err = doWith(t, p.joiner, restore, nil); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.ArchivePrune{Names: []string{"verdict-1"}})
	if list := entries(); len(list) != 0 {
		t.Fatal(list)
	}
}

func TestGivenARowThatWasNotFetchedOrIsNotServedThenNothingChanges(t *testing.T) {
	p := newPair(t)
	before := rowsIn(t, p.joiner)
	apply, served := p.targets()
	if _, err := doWith(t, p.joiner, applyOf("verdict-1"), apply); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
	served[0].Digest = bytes.Repeat([]byte{1}, 32)
	serve := &wire.Request{Operation: &wire.Request_Serve{Serve: &wire.Serve{Joiners: []*wire.Joiner{{Pin: make([]byte, 32)}}}}}
	if _, err := doWith(t, p.donor, serve, served); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	if after := rowsIn(t, p.joiner); len(after) != len(before) {
		t.Fatal(after)
	}
}

func TestGivenOrdersThatSayNothingSensibleThenTheyAreRefused(t *testing.T) {
	p := newPair(t)
	long := []*wire.Target{{Tree: 7}}
	for name, one := range map[string]struct {
		request *wire.Request
		targets []*wire.Target
	}{
		"no joiner":    {&wire.Request{Operation: &wire.Request_Serve{Serve: &wire.Serve{}}}, nil},
		"short pin":    {&wire.Request{Operation: &wire.Request_Serve{Serve: &wire.Serve{Joiners: []*wire.Joiner{{Pin: make([]byte, 3)}}}}}, nil},
		"no donor":     {&wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{}}}, nil},
		"no tree":      {&wire.Request{Operation: &wire.Request_Prove{Prove: &wire.Prove{}}}, long},
		"short digest": {&wire.Request{Operation: &wire.Request_Prove{Prove: &wire.Prove{}}}, []*wire.Target{{Digest: make([]byte, 3)}}},
		"no seed": {&wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{
			Address: "127.0.0.1", Port: 1, Pin: make([]byte, 32),
		}}}, nil},
	} {
		if _, err := doWith(t, p.donor, one.request, one.targets); reason(err) != wire.Reason_REASON_INVALID {
			t.Errorf("%s: %v", name, err)
		}
	}
}
