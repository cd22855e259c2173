package service

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenAWalkThatTheSidecarHadMadeThenTheProgramsOwnRestsAsLongUnlessAnythingMayHaveChangedSince(t *testing.T) {
	now := time.Now()
	walked := &tree{gap: 2 * time.Second, walked: now.Add(-time.Second), took: 70 * time.Millisecond, cost: 50 * time.Millisecond}
	if left := walked.rests(now.Add(-time.Minute)); left < 18*time.Second || left > 20*time.Second { // 400 times 50 ms of a processor
		t.Error(left)
	}
	if left := walked.rests(now); left > 0 {
		t.Error("a walk from before an overflow counts", left)
	}
	never := &tree{gap: 2 * time.Second}
	if left := never.rests(now); left > 0 {
		t.Error(left)
	}
}

func TestGivenWhatWaitsAndWhatComputesThenOnlyTheLatterCosts(t *testing.T) {
	if cost := processorTime(func() { time.Sleep(100 * time.Millisecond) }); cost > 50*time.Millisecond {
		t.Error("sleeping cost", cost)
	}
	began := time.Now()
	cost := processorTime(func() {
		var clock unix.Timespec
		for start := int64(-1); start < 0 || clock.Nano()-start < 20_000_000; { // 20 ms of this thread
			if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &clock); err != nil {
				t.Skip(err)
			}
			if start < 0 {
				start = clock.Nano()
			}
		}
	})
	if cost < 20*time.Millisecond || cost > time.Since(began) {
		t.Error("20 ms cost", cost)
	}
}

func TestGivenALargeTreeThenTheSidecarIsToldHowLongItsWalkRests(t *testing.T) {
	tree := newTree(t)
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	of, err := s.memberOf(1)
	if err != nil {
		t.Fatal(err)
	}
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if seen.WalkRestMillis < 2000 || seen.WalkRestMillis > 60_000 {
		t.Error("of some files", seen.WalkRestMillis)
	}
	t1 := of.trees[0]
	t1.mu.Lock()
	t1.took, t1.cost = 3*time.Second, time.Second // as of a million files
	t1.mu.Unlock()
	if rest := of.seen().WalkRestMillis; rest != 403_000 {
		t.Error(rest)
	}
}

func TestGivenASidecarThatAsksThenWhatItWasToldLastIsKnown(t *testing.T) {
	s, _ := newService(t)
	mustDo(t, s, configureOf())
	for range 3 {
		mustDo(t, s, &wire.Users{})
	}
	of, err := s.memberOf(1)
	if err != nil {
		t.Fatal(err)
	}
	if told := <-of.answered; told.Sessions != 1 || len(of.answered) != 0 {
		t.Fatal(told)
	}
}
