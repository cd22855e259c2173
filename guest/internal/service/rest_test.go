package service

import (
	"testing"
	"time"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenAWalkThatTheSidecarHadMadeThenTheProgramsOwnRestsAsLongUnlessAnythingMayHaveChangedSince(t *testing.T) {
	now := time.Now()
	walked := &tree{gap: 2 * time.Second, walked: now.Add(-time.Second), took: 50 * time.Millisecond}
	if left := walked.rests(now.Add(-time.Minute)); left < 18*time.Second || left > 20*time.Second { // 400 times 50 ms
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
