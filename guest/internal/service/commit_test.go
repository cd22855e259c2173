package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/barrier"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

// waiting is a member whose applications wait for commits, with the sidecar's part in the test's hands.
type waiting struct {
	t        *testing.T
	s        *Service
	tree     string
	session  uint64
	sequence uint64
	standing *wire.Standing
}

const longEnough = time.Minute // for what is to end by itself

func newWaiting(t *testing.T, change ...func(*Options)) *waiting {
	t.Helper()
	tree := newTree(t)
	s, _ := newService(t, append(change, func(o *Options) { o.Writers = evidence.Guest{} })...)
	w := &waiting{t: t, s: s, tree: tree, session: 1, standing: &wire.Standing{Primary: true, Tenure: 3}}
	write(t, w.tree, "index.html")
	w.must(configureOf(w.tree))
	return w
}

func (w *waiting) must(operation proto.Message) *wire.Answer {
	w.t.Helper()
	answer, err := w.s.do(w.t.Context(), &fakeCall{request: request(w.t, operation), session: w.session})
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// remember does what a sidecar does for a proof: it looks, and has that remembered at the next position.
func (w *waiting) remember() *wire.Memory {
	w.t.Helper()
	for range 100 {
		seen := w.must(&wire.Look{Walk: true}).GetLook()
		w.sequence++
		root := make([]byte, 32)
		root[0] = byte(w.sequence)
		remember := &wire.Remember{Position: &wire.Position{Tenure: 3, Sequence: w.sequence}, Root: root, Look: seen.Number}
		answer, err := w.s.do(w.t.Context(), &fakeCall{request: request(w.t, remember), session: w.session})
		if err == nil {
			return answer.GetRemembered().GetMemory()
		}
		if reason(err) != wire.Reason_REASON_VOID {
			w.t.Fatal(err)
		}
	}
	w.t.Fatal("it is void again and again")
	return nil
}

// commits says that the record has this.
func (w *waiting) commits(memory *wire.Memory) {
	w.t.Helper()
	w.standing.Committed = memory
	w.standing.Epoch++
	w.stand(w.standing)
}

func (w *waiting) stand(standing *wire.Standing) {
	w.t.Helper()
	w.standing = proto.CloneOf(standing)
	w.must(proto.CloneOf(standing))
}

// ask begins a call, and says how it ended.
func (w *waiting) ask(timeout time.Duration, paths ...string) <-chan barrier.Outcome {
	ended := make(chan barrier.Outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		ended <- w.s.Commit(ctx, paths)
	}()
	return ended
}

// awaitLooked waits until a call that was begun saw what there is.
func (w *waiting) awaitLooked(looks uint64) {
	w.t.Helper()
	for end := time.Now().Add(longEnough); w.s.sights.count() < looks; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("nobody looks")
		}
	}
}

func (s *sights) count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

func (w *waiting) expect(ended <-chan barrier.Outcome, code barrier.Code) barrier.Outcome {
	w.t.Helper()
	outcome := <-ended
	if outcome.Code != code {
		w.t.Fatalf("%d instead of %d: %s", outcome.Code, code, outcome.Sentence)
	}
	if outcome.Sentence == "" {
		w.t.Fatal("it says nothing")
	}
	return outcome
}

// confirms says what the record says for whatever is asked with, until the call ended, as it must.
func (w *waiting) confirms(ended <-chan barrier.Outcome, code barrier.Code) {
	w.t.Helper()
	for {
		select {
		case outcome := <-ended:
			if outcome.Code != code {
				w.t.Fatalf("%d instead of %d: %s", outcome.Code, code, outcome.Sentence)
			}
			return
		case <-time.After(time.Millisecond):
			w.confirm()
		}
	}
}

// takesBack writes something that is seen, and removes it: nothing differs, and yet no look that was remembered is of what is there.
func (w *waiting) takesBack() {
	w.t.Helper()
	write(w.t, w.tree, "order")
	w.must(&wire.Look{Walk: true})
	if err := os.Remove(filepath.Join(w.tree, "order")); err != nil {
		w.t.Fatal(err)
	}
}

// awaitAsked waits until a call asks, and says with what.
func (w *waiting) awaitAsked() uint64 {
	w.t.Helper()
	for end := time.Now().Add(longEnough); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if asked := w.s.standings.asking(); asked != 0 {
			return asked
		}
	}
	w.t.Fatal("nobody asks")
	return 0
}

func (w *waiting) confirm() {
	w.t.Helper()
	w.standing.Confirmed = w.must(&wire.Look{}).GetLook().Asks
	w.stand(w.standing)
}

func (w *waiting) isOpen(ended <-chan barrier.Outcome) {
	w.t.Helper()
	select {
	case outcome := <-ended:
		w.t.Fatal("it ended: ", outcome)
	default:
	}
}

func TestGivenAWriteThenItIsConfirmedOnceItsLookIsCommittedAndNotBefore(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	write(t, w.tree, "order")
	ended := w.ask(longEnough, filepath.Join(w.tree, "order"))
	w.awaitLooked(1)
	w.commits(w.standing.Committed) // what it was before
	newer := w.remember()
	w.isOpen(ended)
	w.commits(newer)
	at := fmt.Sprintf("epoch 3, tenure 3, sequence %d.", newer.Position.Sequence)
	if said := w.expect(ended, barrier.Committed).Sentence; !strings.Contains(said, at) {
		t.Fatal(said)
	}
}

func TestGivenNothingThatDiffersFromWhatIsCommittedThenItIsConfirmedAlsoInAnotherLifeOfTheProgram(t *testing.T) {
	w := newWaiting(t)
	committed := w.remember()
	w.commits(committed)
	w.confirms(w.ask(longEnough), barrier.Committed)
	w.s.Close()
	s, _ := newService(t)
	later := &waiting{t: t, s: s, tree: w.tree, session: 1, standing: w.standing}
	later.must(configureOf(w.tree))
	later.stand(w.standing)
	later.expect(later.ask(200*time.Millisecond), barrier.Unknown) // what an earlier life asked with is no answer
	later.confirms(later.ask(longEnough), barrier.Committed)
}

func TestGivenAMemberThatIsCutOffThenWhatItTookBackIsNotConfirmed(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	w.confirms(w.ask(longEnough), barrier.Committed)
	w.takesBack()
	w.expect(w.ask(300*time.Millisecond), barrier.Unknown) // nothing differs, and nobody says that it still leads
	ended := w.ask(longEnough)
	w.awaitLooked(3)
	w.stand(w.standing) // as told before
	w.isOpen(ended)
	w.standing.Primary, w.standing.Tenure = false, 4
	w.confirm()
	w.expect(ended, barrier.Unknown)
}

func TestGivenCallersWhoFindNothingThatDiffersThenOneThatCameLaterIsNotAnsweredByWhatWasAskedBefore(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	w.takesBack()
	first := w.ask(longEnough)
	asked := w.awaitAsked()
	second, third := w.ask(longEnough), w.ask(longEnough)
	w.awaitLooked(2)
	if now := w.s.standings.asking(); now != asked {
		t.Fatal("another number is asked with before the first was answered")
	}
	w.confirm()
	w.expect(first, barrier.Committed)
	w.isOpen(second)
	w.isOpen(third)
	w.confirms(second, barrier.Committed)
	w.confirms(third, barrier.Committed)
}

func TestGivenWritesThatGoOnThenTheyDoNotHoldUpACallThatCameBefore(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	write(t, w.tree, "order")
	ended := w.ask(longEnough)
	w.awaitLooked(1)
	proven := w.remember()
	write(t, w.tree, "later")
	w.commits(proven)
	w.expect(ended, barrier.Committed)
	w.confirms(w.ask(200*time.Millisecond), barrier.Unknown)
}

func TestGivenAPositionThatAnotherRootWasCommittedAtThenNothingIsConfirmed(t *testing.T) {
	w := newWaiting(t)
	proven := w.remember()
	other := proto.CloneOf(proven)
	other.Root[1]++
	w.commits(other)
	w.confirms(w.ask(200*time.Millisecond), barrier.Unknown)
}

func TestGivenAStandingInWhichNothingIsCommittedThenItIsSaidAtOnce(t *testing.T) {
	for _, one := range []struct {
		standing *wire.Standing
		code     barrier.Code
	}{
		{&wire.Standing{Tenure: 3}, barrier.NotPrimary},
		{&wire.Standing{Primary: true, Tenure: 3, Reason: "Alone", Sentence: "One member has no majority."}, barrier.Alone},
		{&wire.Standing{Primary: true, Tenure: 3, Reason: "Observe", Sentence: "Nothing is touched."}, barrier.Observed},
	} {
		w := newWaiting(t)
		one.standing.Committed = w.remember() // also where what is written is what is committed
		w.stand(one.standing)
		w.expect(w.ask(longEnough), one.code)
	}
}

func TestGivenAHoldThenItIsAwaitedAndSaidWhenTheTimeIsOver(t *testing.T) {
	w := newWaiting(t)
	w.standing.Reason, w.standing.Sentence = "NoMajority", "Too few votes."
	w.commits(w.remember())
	if said := w.expect(w.ask(200*time.Millisecond), barrier.Held).Sentence; said != "Too few votes." {
		t.Fatal(said)
	}
	ended := w.ask(longEnough)
	w.awaitLooked(2)
	w.isOpen(ended)
	w.standing.Reason, w.standing.Sentence = "", ""
	w.stand(w.standing)
	w.confirms(ended, barrier.Committed)
}

func TestGivenNobodyWhoSaysHowItStandsThenThatIsSaidWhenTheTimeIsOver(t *testing.T) {
	s, _ := newService(t)
	bare := &waiting{t: t, s: s}
	bare.expect(bare.ask(50*time.Millisecond), barrier.NoSidecar)
	w := newWaiting(t)
	w.remember()
	w.expect(w.ask(100*time.Millisecond), barrier.NoSidecar)
	ended := w.ask(longEnough) // it comes in time
	w.awaitLooked(2)
	w.commits(w.remember())
	w.confirms(ended, barrier.Committed)
}

func TestGivenATenureThatIsLostMeanwhileThenNothingIsConfirmedEvenIfItIsGainedAgain(t *testing.T) {
	for _, lost := range []*wire.Standing{{Tenure: 4}, {Primary: true, Tenure: 5}, {Tenure: 3}} {
		w := newWaiting(t)
		w.commits(w.remember())
		write(t, w.tree, "order")
		ended := w.ask(longEnough)
		w.awaitLooked(1)
		lost.Committed = w.remember() // also if just that was committed
		w.stand(lost)
		w.expect(ended, barrier.Unknown)
	}
}

func TestGivenARepairMeanwhileThenNothingIsConfirmed(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	write(t, w.tree, "order")
	ended := w.ask(longEnough)
	w.awaitLooked(1)
	body := []*wire.Body{{Last: true, Targets: []*wire.Target{{Path: []byte("order")}}}}
	w.must(&wire.Look{Walk: true})
	apply := &fakeCall{session: 1, body: body, request: request(t, &wire.Apply{ArchiveEntry: "one", Single: true, Attributed: true})}
	if _, err := w.s.do(t.Context(), apply); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.tree, "order")); err == nil {
		t.Fatal("nothing was replaced")
	}
	w.commits(w.remember())
	w.expect(ended, barrier.Unknown)
}

// A former primary that is cut off hears nothing of that; its sidecar remembers once more what it still holds.
func TestGivenAWriteThatIsTakenBackThenRememberingWhatWasCommittedOnceMoreConfirmsNothing(t *testing.T) {
	w := newWaiting(t)
	committed := w.remember()
	w.commits(committed)
	write(t, w.tree, "order")
	ended := w.ask(500 * time.Millisecond)
	w.awaitLooked(1)
	if err := os.Remove(filepath.Join(w.tree, "order")); err != nil {
		t.Fatal(err)
	}
	for tries := 0; ; tries++ {
		look := w.must(&wire.Look{Walk: true}).GetLook()
		remember := &wire.Remember{Position: committed.Position, Root: committed.Root, Look: look.Number}
		if _, err := w.s.do(t.Context(), &fakeCall{request: request(t, remember), session: w.session}); err == nil {
			break
		} else if reason(err) != wire.Reason_REASON_VOID || tries > 100 {
			t.Fatal(err)
		}
	}
	w.expect(ended, barrier.Unknown)
}

func TestGivenAnotherSessionThenWhatTheOneBeforeSaidCountsNoMore(t *testing.T) {
	w := newWaiting(t)
	committed := w.remember()
	w.commits(committed)
	w.session = 2
	w.must(configureOf(w.tree))
	w.expect(w.ask(100*time.Millisecond), barrier.NoSidecar)
	w.commits(committed)
	w.confirms(w.ask(longEnough), barrier.Committed)
}

func TestGivenAnotherConfigurationMeanwhileThenItsOwnLookCounts(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	write(t, w.tree, "order")
	ended := w.ask(longEnough)
	w.awaitLooked(1)
	configure := configureOf(w.tree)
	configure.Trees[0].Exclude = []string{"*.tmp"}
	w.must(configure)
	w.stand(w.standing) // what is committed, and was remembered by other rules
	w.awaitLooked(2)
	w.isOpen(ended)
	w.commits(w.remember())
	w.expect(ended, barrier.Committed)
}

func TestGivenPathsThenEachMustBePartOfTheState(t *testing.T) {
	w := newWaiting(t)
	configure := configureOf(w.tree)
	configure.Trees[0].Exclude = []string{"*.tmp"}
	w.must(configure)
	for _, one := range []string{"cache.tmp", "gone", "with space"} {
		write(t, w.tree, one)
	}
	outside := t.TempDir()
	write(t, outside, "file")
	for name, to := range map[string]string{"away": outside, "file-away": filepath.Join(outside, "file"), "near": "index.html"} {
		if err := os.Symlink(to, filepath.Join(w.tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(w.tree, "device"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.tree, "mounted"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", filepath.Join(w.tree, "mounted"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(filepath.Join(w.tree, "mounted"), unix.MNT_DETACH) })
	write(t, w.tree, "mounted", "file")
	if err := os.Remove(filepath.Join(w.tree, "gone")); err != nil {
		t.Fatal(err)
	}
	w.commits(w.remember())
	for path, code := range map[string]barrier.Code{
		"": barrier.Committed, "index.html": barrier.Committed, "gone": barrier.Committed, "with space": barrier.Committed,
		"cache.tmp": barrier.Outside, "away": barrier.Outside, "away/file": barrier.Outside, "file-away": barrier.Outside, "near": barrier.Outside,
		"mounted": barrier.Outside, "mounted/file": barrier.Outside, "index.html/below": barrier.Outside, "no/directory": barrier.Outside,
		".virtquorum": barrier.Outside, "../other": barrier.Outside,
	} {
		ended := w.ask(longEnough, filepath.Join(w.tree, path))
		if code == barrier.Committed {
			w.confirms(ended, barrier.Committed)
			continue
		}
		outcome := <-ended
		if outcome.Code != code {
			t.Errorf("%q: %d instead of %d: %s", path, outcome.Code, code, outcome.Sentence)
		}
	}
	w.expect(w.ask(longEnough, w.tree+"x/index.html"), barrier.Outside)
	w.expect(w.ask(longEnough, filepath.Join(w.tree, "index.html"), outside), barrier.Outside)
}

func TestGivenATreeThatCannotBeLookedAtThenThatIsSaid(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	if err := os.Rename(w.tree, w.tree+"-away"); err != nil {
		t.Fatal(err)
	}
	w.expect(w.ask(longEnough), barrier.Unreadable)
}

func TestGivenManyCallersThenTheyShareALookAndACommit(t *testing.T) {
	w := newWaiting(t)
	w.commits(w.remember())
	write(t, w.tree, "order")
	const callers = 200
	var ended [callers]<-chan barrier.Outcome
	for i := range ended {
		ended[i] = w.ask(longEnough)
	}
	var done sync.WaitGroup
	stop := make(chan struct{})
	done.Go(func() { // commits go on until all heard
		for {
			select {
			case <-stop:
				return
			default:
				w.commits(w.remember())
			}
		}
	})
	for _, one := range ended {
		w.expect(one, barrier.Committed)
	}
	close(stop)
	done.Wait()
	if looks := w.s.sights.count(); looks > callers/4 {
		t.Fatalf("%d looks for %d callers", looks, callers)
	}
}

func TestGivenAWriteInTheTickOfTheOneBeforeThenItIsSeen(t *testing.T) {
	w := newWaiting(t)
	for i := range 50 {
		path := filepath.Join(w.tree, "order")
		if err := os.WriteFile(path, []byte{'a', byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		before := w.remember()
		if err := os.WriteFile(path, []byte{'b', byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		w.commits(before)
		w.expect(w.ask(20*time.Millisecond), barrier.Unknown)
	}
}

func TestGivenAStoreThroughAMappingThatMovesNoCtimeThenItIsSeen(t *testing.T) {
	w := newWaiting(t)
	file, err := os.OpenFile(filepath.Join(w.tree, "mapped"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(memory) }()
	memory[0] = 1
	w.commits(w.remember())
	w.confirms(w.ask(longEnough), barrier.Committed)
	memory[0] = 2
	w.confirms(w.ask(300*time.Millisecond), barrier.Unknown)
}
