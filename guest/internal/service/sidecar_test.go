package service

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

// serveTo begins to serve to a joiner with this seed, and says where; the test's end ends it.
func (p *pair) serveTo(seed []byte, serve *wire.Serve, body *wire.Body) *wire.Serving {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	serve.Address, serve.Port = "127.0.0.1", freePort(p.t)
	serve.Joiners = []*wire.Joiner{{Member: "web-1", Seed: seed}}
	body.Last = true
	call := &fakeCall{
		request: &wire.Request{Operation: &wire.Request_Serve{Serve: serve}}, session: 1, body: []*wire.Body{body}, told: make(chan *wire.Answer, 10),
	}
	ended := make(chan error, 1)
	go func() {
		_, err := p.donor.do(ctx, call)
		ended <- err
		close(call.told)
	}()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
	for piece := range call.told {
		if piece.GetServing() != nil {
			return piece.GetServing()
		}
	}
	p.t.Fatal("it does not serve")
	return nil
}

func TestGivenTheJoinersSeedAndNoSizesThenADonorServesItAndTheDigestsBindWhatComes(t *testing.T) {
	p := newPair(t)
	seed := bytes.Repeat([]byte{7}, 32)
	_, targets := p.targets()
	serving := p.serveTo(seed, &wire.Serve{}, &wire.Body{Targets: targets})
	fetch := &wire.Fetch{Donor: "web-0", Address: "127.0.0.1", Port: serving.Port, Pin: serving.Pin, Seed: seed, AnySize: true}
	answer, err := doWith(t, p.joiner, &wire.Request{Operation: &wire.Request_Fetch{Fetch: fetch}}, targets)
	if err != nil || answer.GetFetched().GetRows() != uint64(len(targets)) || answer.GetFetched().GetMovedTotal() != 0 {
		t.Fatal(answer, err)
	}
	fetch.Seed = bytes.Repeat([]byte{8}, 32)
	targets[0].Path = []byte("another")
	if _, err := doWith(t, p.joiner, &wire.Request{Operation: &wire.Request_Fetch{Fetch: fetch}}, targets); err == nil {
		t.Fatal("another's seed was let in")
	}
}

func TestGivenWhatACommandSaidThenItIsCarriedToTheOtherGuestWhole(t *testing.T) {
	for _, said := range [][]byte{{}, bytes.Repeat([]byte("packages\n"), 100_000)} {
		p := newPair(t)
		seed := bytes.Repeat([]byte{7}, 32)
		serving := p.serveTo(seed, &wire.Serve{Output: true}, &wire.Body{Content: said})
		call := &fakeCall{session: 1, request: &wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{
			Donor: "web-0", Address: "127.0.0.1", Port: serving.Port, Pin: serving.Pin, Seed: seed, Output: true,
		}}}}
		if _, err := p.joiner.do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		var came []byte
		for _, piece := range call.pieces() {
			came = append(came, piece.GetOutput().GetOut()...)
		}
		if !bytes.Equal(came, said) {
			t.Fatalf("%d bytes of %d came", len(came), len(said))
		}
	}
}

func TestGivenMoreContentThanACommandMaySayThenItIsNotServed(t *testing.T) {
	p := newPair(t)
	call := &fakeCall{
		session: 1, body: []*wire.Body{{Content: make([]byte, 3<<20)}, {Content: make([]byte, 3<<20)}},
		request: &wire.Request{Operation: &wire.Request_Serve{Serve: &wire.Serve{
			Address: "127.0.0.1", Output: true, Joiners: []*wire.Joiner{{Member: "web-1", Seed: make([]byte, 32)}},
		}}},
	}
	if _, err := p.donor.do(t.Context(), call); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
}

func TestGivenWhatACommandSaidBeforeThenItIsKeptUnderANameOfItsOwnAndNeverRestored(t *testing.T) {
	tree := newTree(t)
	s, _ := newService(t)
	configure := configureOf(tree)
	configure.Archive = &wire.ArchiveLimits{Entries: 10, Bytes: 1 << 20}
	mustDo(t, s, configure)
	for i, want := range []string{"repair-packages", "repair-packages-2"} {
		call := &fakeCall{
			session: 1, body: []*wire.Body{{Content: []byte("nginx ")}, {Content: []byte("1.0")}},
			request: request(t, &wire.KeepOutput{ArchiveEntry: "repair-packages", Verdict: "It lost."}),
		}
		answer, err := s.do(t.Context(), call)
		if err != nil || answer.GetOutputKept().GetArchiveEntry() != want {
			t.Fatal(i, answer, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(tree), ".virtquorum", "*", "archive", "repair-packages-2", "output"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if words, err := os.ReadFile(found[0]); err != nil || string(words) != "nginx 1.0" {
		t.Fatal(string(words), err)
	}
	_, pieces, err := do(t, s, &wire.ArchiveList{})
	if err != nil || len(pieces) != 1 || len(pieces[0].GetArchiveEntries().GetEntries()) != 2 {
		t.Fatal(pieces, err)
	}
	if one := pieces[0].GetArchiveEntries().Entries[0]; one.Verdict != "It lost." || one.Bytes != 9 || one.Attributed {
		t.Fatal(one)
	}
	if _, _, err := do(t, s, &wire.ArchiveRestore{Name: "repair-packages"}); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
	mustDo(t, s, &wire.ArchivePrune{Names: []string{"repair-packages"}})
	call := &fakeCall{
		session: 1, body: []*wire.Body{{Content: make([]byte, 2<<20)}}, request: request(t, &wire.KeepOutput{ArchiveEntry: "large"}),
	}
	if _, err := s.do(t.Context(), call); err == nil || !strings.Contains(err.Error(), "archive is full") {
		t.Fatal(err)
	}
}

func TestGivenUsersWereSeenThenAnotherSidecarHearsItUntilSomethingNewerIsRemembered(t *testing.T) {
	tree := newTree(t)
	held := &wire.Memory{Position: &wire.Position{Tenure: 1, Sequence: 2}, Root: make([]byte, 32)}
	newer := &wire.Memory{Position: &wire.Position{Tenure: 1, Sequence: 3}, Root: make([]byte, 32)}
	for _, step := range []struct {
		held       *wire.Memory
		seen, want bool
	}{{held, false, false}, {held, true, true}, {held, false, true}, {newer, false, false}, {held, false, false}, {nil, true, true}, {held, false, false}} {
		s, _ := newService(t) // each as if in another life
		mustDo(t, s, configureOf(tree))
		marked := mustDo(t, s, &wire.MarkUsers{Held: step.held, Seen: step.seen}).GetUsersMarked()
		if marked.GetSeen() != step.want {
			t.Fatal(step, marked)
		}
		s.Close()
	}
}

// quietService has a tree whose command writes its words into a file, and fails while another one exists.
func quietService(t *testing.T) (s *Service, log, fails string, quiet *wire.Quiet) {
	t.Helper()
	directory := t.TempDir()
	log, fails = filepath.Join(directory, "log"), filepath.Join(directory, "fails")
	script := filepath.Join(directory, "quiet")
	words := "#!/bin/sh\n[ ! -e " + fails + "-$1 ] || { echo no >&2; exit 1; }\necho $1 >>" + log + "\n"
	if err := os.WriteFile(script, []byte(words), 0o755); err != nil {
		t.Fatal(err)
	}
	tree := newTree(t)
	s, _ = newService(t, func(o *Options) { o.Commands = &evidence.Runner{} })
	mustDo(t, s, configureOf(tree))
	return s, log, fails, &wire.Quiet{Tree: "a", Argv: []string{script}}
}

func logged(t *testing.T, log string) string {
	t.Helper()
	words, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(words)), " ")
}

func awaitLogged(t *testing.T, log, want string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); logged(t, log) != want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q instead of %q", logged(t, log), want)
		}
	}
}

func TestGivenWritersThatKeepStillThenTheyGoOnOnceWhenToldOrWhenTheTimeIsOver(t *testing.T) {
	s, log, _, quiet := quietService(t)
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}})
	if logged(t, log) != "" {
		t.Fatal("what is not still was let go on")
	}
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 60_000})
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}})
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}})
	awaitLogged(t, log, "begin end")
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 50})
	awaitLogged(t, log, "begin end begin end")
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 60_000})
	s.Close()
	awaitLogged(t, log, "begin end begin end begin end")
}

// oneUnit knows one unit; what is done to it is logged where its tree's command logs.
type oneUnit struct{ log string }

func (u *oneUnit) Freeze(_ context.Context, units []string) error {
	if len(units) != 1 || units[0] != "shop.service" {
		return fmt.Errorf("freezing %v: the guest has no unit of that name", units)
	}
	return u.write("frozen")
}

func (u *oneUnit) Thaw([]string) error { return u.write("thawed") }

func (u *oneUnit) write(word string) error {
	file, err := os.OpenFile(u.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintln(file, word)
	return err
}

func TestGivenUnitsThenTheyAreFrozenBetweenTheCommandsWordsAndHowLongThatWasIsTold(t *testing.T) {
	s, log, _, quiet := quietService(t)
	s.quiets.units = &oneUnit{log}
	quiet.Units = []string{"shop.service"}
	keep := &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 60_000}
	letGo := &wire.Quiesce{Quiet: []*wire.Quiet{quiet}}
	mustDo(t, s, keep)
	time.Sleep(20 * time.Millisecond)
	mustDo(t, s, keep) // no command may wait for what is frozen
	if held := mustDo(t, s, letGo).GetQuiesced().HeldMillis; held < 20 || held > 50_000 {
		t.Error(held)
	}
	if held := mustDo(t, s, letGo).GetQuiesced().HeldMillis; held != 0 {
		t.Error("it is told twice:", held)
	}
	awaitLogged(t, log, "begin frozen thawed end")
	keep.StillMillis = 50
	mustDo(t, s, keep)
	awaitLogged(t, log, "begin frozen thawed end begin frozen thawed end")
	if held := mustDo(t, s, letGo).GetQuiesced().HeldMillis; held < 50 {
		t.Error("it ended by itself, and is told later:", held)
	}
	quiet.Units = []string{"no.service"}
	_, _, err := do(t, s, keep)
	if err == nil || !strings.Contains(err.Error(), "the writers of a cannot be kept still: freezing [no.service]: the guest has no unit of that name") {
		t.Error(err)
	}
	awaitLogged(t, log, "begin frozen thawed end begin frozen thawed end begin end")
	quiet.Argv, quiet.Units = nil, []string{"shop.service"}
	mustDo(t, s, keep)
	mustDo(t, s, letGo)
	awaitLogged(t, log, "begin frozen thawed end begin frozen thawed end begin end frozen thawed")
	s.quiets.units = nil
	if _, _, err := do(t, s, keep); reason(err) != wire.Reason_REASON_INVALID {
		t.Error(err)
	}
}

func TestGivenAQuiesceCommandThatFailsThenItIsSaidAndTheWritersAreLetGoOn(t *testing.T) {
	s, log, fails, quiet := quietService(t)
	write := func(name string) {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fails + "-begin")
	_, _, err := do(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 60_000})
	if err == nil || !strings.Contains(err.Error(), "(begin): it ended with exit code 1: no") {
		t.Fatal(err)
	}
	awaitLogged(t, log, "end")
	if err := os.Remove(fails + "-begin"); err != nil {
		t.Fatal(err)
	}
	mustDo(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}, StillMillis: 60_000})
	write(fails + "-end")
	if _, _, err := do(t, s, &wire.Quiesce{Quiet: []*wire.Quiet{quiet}}); err == nil {
		t.Fatal("an end that failed was not said")
	}
	if err := os.Remove(fails + "-end"); err != nil {
		t.Fatal(err)
	}
	awaitLogged(t, log, "end begin end") // by itself
}

func TestGivenPeersThenThoseAreSilentOfWhichNothingComes(t *testing.T) {
	s, _ := newService(t)
	check := &wire.HealthCheck{Own: "127.0.0.1", Peers: []string{"127.0.0.9", "192.0.2.1"}} // the other is for documentation
	silent := mustDo(t, s, check).GetHealth().GetSilentPeers()
	if len(silent) != 1 || silent[0] != "192.0.2.1" {
		t.Fatal(silent)
	}
	if _, _, err := do(t, s, &wire.HealthCheck{Peers: []string{"web-1"}}); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
}
