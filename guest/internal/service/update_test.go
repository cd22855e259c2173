package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/update"
	"virtquorum.io/guest/internal/wire"
)

// fakeUpdater takes what comes.
type fakeUpdater struct {
	came      bytes.Buffer
	confirmed string
	answered  int
}

func (u *fakeUpdater) Mark() *wire.UpdateMark { return &wire.UpdateMark{Version: "9"} }
func (u *fakeUpdater) Answered()              { u.answered++ }

func (u *fakeUpdater) Confirm(version string) (bool, error) {
	u.confirmed = version
	return false, nil
}

func (u *fakeUpdater) Receive(ctx context.Context, _ update.Order, next func(context.Context) ([]byte, error), progress func(uint64)) error {
	for {
		piece, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		u.came.Write(piece)
		progress(uint64(u.came.Len()))
	}
}

func detailOf(err error) string {
	var refused *port.Refused
	if errors.As(err, &refused) {
		return refused.Detail
	}
	return ""
}

func TestGivenANewerProgramThenItIsTakenInPiecesAndTriedWhenTheSidecarHasTheAnswer(t *testing.T) {
	updates := &fakeUpdater{}
	tree := newTree(t)
	s, _ := newService(t, func(options *Options) { options.Updates = updates })
	mustDo(t, s, configureOf(tree))
	if welcome := s.Welcome(); welcome.GetUpdate().GetVersion() != "9" {
		t.Fatal(welcome)
	}
	ctx, closes := context.WithCancel(t.Context())
	call := &fakeCall{
		session: 1, body: []*wire.Body{{Content: []byte("new")}, {Content: []byte("er"), Last: true}},
		request: request(t, &wire.Update{Version: "2.0.0", Size: 5}), told: make(chan *wire.Answer, 1),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.do(ctx, call)
	}()
	if answer := <-call.told; answer.GetUpdating() == nil || updates.answered != 0 {
		t.Fatal(answer, updates.answered)
	}
	closes()
	<-ended
	if updates.came.String() != "newer" || updates.answered != 1 {
		t.Fatal(updates)
	}
}

func TestGivenAnythingElseThatGoesOnThenTheProgramIsNotExchanged(t *testing.T) {
	updates := &fakeUpdater{}
	tree := newTree(t)
	s, guest := newService(t, func(options *Options) { options.Updates = updates })
	if _, _, err := do(t, s, &wire.Update{}); reason(err) != wire.Reason_REASON_NOT_CONFIGURED {
		t.Fatal(err)
	}
	mustDo(t, s, configureOf(tree))
	guest.began, guest.goOn = make(chan string, 1), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.do(t.Context(), &fakeCall{session: 1, request: request(t, &wire.Run{Argv: []string{"sleep"}})})
	}()
	<-guest.began
	if _, _, err := do(t, s, &wire.Update{Size: 1}); reason(err) != wire.Reason_REASON_VOID || detailOf(err) != "Busy" {
		t.Fatal(err)
	}
	close(guest.goOn)
	<-ended
	guest.began = nil
	if _, _, err := do(t, s, &wire.Update{Size: 33 << 20}); detailOf(err) != "Size" {
		t.Fatal(err)
	}

	observed := configureOf(tree)
	observed.ReadOnly = true
	mustDo(t, s, observed)
	if _, _, err := do(t, s, &wire.Update{Size: 1}); reason(err) != wire.Reason_REASON_READ_ONLY {
		t.Fatal(err)
	}
	if answer := mustDo(t, s, &wire.ConfirmUpdate{Version: "1"}); answer.GetUpdateConfirmed() == nil || updates.confirmed != "1" {
		t.Fatal(answer, updates)
	}
	if updates.came.Len() != 0 || updates.answered != 0 {
		t.Fatal(updates)
	}
}
