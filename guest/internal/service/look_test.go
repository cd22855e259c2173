package service

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/wire"
)

// rowsIn are the rows once all are read: an event that comes late has a file read again.
func rowsIn(t *testing.T, s *Service) map[string]*wire.Row {
	t.Helper()
	for {
		rows, whole := rowsNow(t, s)
		if whole {
			return rows
		}
		mustDo(t, s, &wire.Look{})
	}
}

func rowsNow(t *testing.T, s *Service) (rows map[string]*wire.Row, whole bool) {
	t.Helper()
	answer, pieces, err := do(t, s, &wire.Rows{})
	if reason(err) == wire.Reason_REASON_VOID {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	last := []byte(nil)
	rows, whole = map[string]*wire.Row{}, true
	for _, piece := range append(pieces, answer) {
		if list := piece.GetRows(); !list.All || list.Look == 0 {
			t.Fatal(list)
		}
		for _, row := range piece.GetRows().Rows {
			if bytes.Compare(last, row.Path) > 0 {
				t.Fatalf("%q comes after %q", row.Path, last)
			}
			rows[string(row.Path)], last = row, row.Path
			whole = whole && len(row.Digest) > 0
		}
	}
	return rows, whole
}

func TestGivenATreeThenItsRowsComeInOrderAndAnotherLookHasAnotherNumber(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "one")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	first := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	before := rowsIn(t, s)
	if len(before) != 2 || first.Rows != 2 || first.Trees[0].Reason != "" {
		t.Fatal(before, first)
	}
	if again := mustDo(t, s, &wire.Look{Walk: true}).GetLook(); again.Number != first.Number {
		t.Fatalf("nothing changed, and the number is %d after %d", again.Number, first.Number)
	}
	if list := mustDo(t, s, &wire.Rows{Since: first.Number}).GetRows(); list.All || len(list.Rows) != 0 {
		t.Fatal(list)
	}
	if err := os.WriteFile(filepath.Join(tree, "one"), []byte("another content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if next := mustDo(t, s, &wire.Look{Walk: true}).GetLook(); next.Number == first.Number {
		t.Fatal("the change was not seen")
	}
	if after := rowsIn(t, s); bytes.Equal(after["one"].Digest, before["one"].Digest) || after["one"].Inode != before["one"].Inode {
		t.Fatal(before["one"], after["one"])
	}
}

func TestGivenAnEarlierLookThenOnlyWhatIsDifferentIsSent(t *testing.T) {
	tree := newTree(t)
	for _, name := range []string{"goes", "kept", "moves"} {
		write(t, tree, name)
	}
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	first := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	if err := os.Remove(filepath.Join(tree, "goes")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "moves"), []byte("another content"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustDo(t, s, &wire.Look{Walk: true})
	list := mustDo(t, s, &wire.Rows{Since: first.Number}).GetRows()
	got := map[string]bool{}
	for _, row := range list.Rows {
		got[string(row.Path)] = len(row.Digest) == 32
	}
	// The root too: its time is another one.
	if want := (map[string]bool{"": true, "goes": false, "moves": true}); list.All || !maps.Equal(got, want) {
		t.Fatal(list.All, got)
	}
	if list := mustDo(t, s, &wire.Rows{Since: 1 << 40}).GetRows(); !list.All || len(list.Rows) != 3 {
		t.Fatal(list)
	}
}

func TestGivenALookThatAsksThenItSaysTheRowsAndWhoUsesTheGuest(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "kept")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	first := mustDo(t, s, &wire.Look{Walk: true, Rows: true, Users: true}).GetLook()
	for first.ReadingBytes > 0 { // an event that came late
		first = mustDo(t, s, &wire.Look{Rows: true, Users: true}).GetLook()
	}
	if list := first.RowsThen; !list.GetAll() || list.Look != first.Number || len(list.Rows) != 2 {
		t.Fatal(list)
	}
	if first.UsersBefore.GetSessions() != 1 || first.UsersAfter.GetConnections() != 2 {
		t.Fatal(first.UsersBefore, first.UsersAfter)
	}
	write(t, tree, "comes")
	list := mustDo(t, s, &wire.Look{Walk: true, Rows: true, Since: first.Number}).GetLook().RowsThen
	got := map[string]bool{}
	for _, row := range list.GetRows() {
		got[string(row.Path)] = len(row.Digest) == 32
	}
	if want := (map[string]bool{"": true, "comes": true}); list.GetAll() || !maps.Equal(got, want) {
		t.Fatal(list)
	}
	if same := mustDo(t, s, &wire.Look{Rows: true, Since: list.GetLook()}).GetLook(); same.Number == list.GetLook() && same.RowsThen != nil {
		t.Fatal("nothing is different, and all rows were gone through: ", same.RowsThen)
	}
	plain := mustDo(t, s, &wire.Look{}).GetLook()
	if plain.RowsThen != nil || plain.UsersBefore != nil || plain.UsersAfter != nil {
		t.Fatal(plain)
	}
}

func TestGivenMoreRowsThanALookHasRoomForThenTheyAreAskedForByThemselves(t *testing.T) {
	tree := newTree(t)
	for i := range mostAtOnce {
		write(t, tree, fmt.Sprint("file", i))
	}
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	seen := mustDo(t, s, &wire.Look{Walk: true, Rows: true}).GetLook()
	if seen.RowsThen != nil {
		t.Fatal(len(seen.RowsThen.Rows))
	}
	if rows := rowsIn(t, s); len(rows) != mostAtOnce+1 {
		t.Fatal(len(rows))
	}
}

func TestGivenMoreRowsThanAFrameTakesThenTheyComeInPieces(t *testing.T) {
	tree := newTree(t)
	for i := range 1500 {
		write(t, tree, strings.Repeat("x", 200)+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)))
	}
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	mustDo(t, s, &wire.Look{Walk: true})
	if rows := rowsIn(t, s); len(rows) != 1501 {
		t.Fatal(len(rows))
	}
	if _, pieces, _ := do(t, s, &wire.Rows{}); len(pieces) == 0 {
		t.Fatal(len(pieces))
	}
}

func TestGivenAChangeThenItIsPushedWithoutBeingAskedFor(t *testing.T) {
	tree := newTree(t)
	pushes := make(chan *wire.Seen, 100)
	s, _ := newService(t, func(o *Options) {
		o.Push = func(push *wire.Push) error {
			if look := push.GetLook(); look != nil {
				pushes <- look
			}
			return nil
		}
	})
	mustDo(t, s, configureOf(tree))
	first := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	write(t, tree, "new")
	for seen := range pushes {
		if seen.Number > first.Number && seen.Rows == 2 {
			break
		}
	}
}

func TestGivenWalksThatFindNothingNewThenNothingIsPushed(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "one")
	looks := make(chan *wire.Seen, 100)
	s, _ := newService(t, func(o *Options) {
		o.Push = func(push *wire.Push) error {
			if look := push.GetLook(); look != nil {
				looks <- look
			}
			return nil
		}
	})
	mustDo(t, s, configureOf(tree))
	for range 20 {
		mustDo(t, s, &wire.Look{Walk: true})
	}
	for before := uint64(0); len(looks) > 0; {
		look := <-looks
		if look.Number == before {
			t.Fatalf("look %d was pushed twice", before)
		}
		before = look.Number
	}
}

func TestGivenASessionThenItIsToldWhoUsesTheGuestWithoutAskingAndSoIsALaterOne(t *testing.T) {
	users := make(chan *wire.UserList, 100)
	s, _ := newService(t, func(o *Options) {
		o.Push = func(push *wire.Push) error {
			if list := push.GetUsers(); list != nil {
				users <- list
			}
			return nil
		}
	})
	mustDo(t, s, configureOf())
	if list := <-users; list.Sessions != 1 || list.Connections != 2 {
		t.Fatal(list)
	}
	later := &fakeCall{request: request(t, configureOf()), session: 2}
	if _, err := s.do(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if list := <-users; list.Sessions != 1 {
		t.Fatal(list)
	}
}

func TestGivenATreeThatIsMissingThenItIsNamedAndTheOthersAreLookedAt(t *testing.T) {
	tree, missing := newTree(t), filepath.Join(t.TempDir(), "missing")
	write(t, tree, "one")
	s, _ := newService(t)
	states := mustDo(t, s, configureOf(tree, missing)).GetConfigured().Trees
	if states[0].Reason != "" || states[1].Reason == "" || !strings.Contains(states[1].Sentence, missing) {
		t.Fatal(states)
	}
	if seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook(); seen.Rows != 2 || seen.Trees[1].Reason == "" {
		t.Fatal(seen)
	}
	if _, _, err := do(t, s, &wire.Rows{}); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
	ailments := mustDo(t, s, &wire.HealthCheck{}).GetHealth().Ailments
	if len(ailments) != 1 || ailments[0].Tree != "b" {
		t.Fatal(ailments)
	}
}

func TestGivenAnAuditThenItSaysSoAndHowOldItIs(t *testing.T) {
	tree := newTree(t)
	write(t, tree, "one")
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	if seen := mustDo(t, s, &wire.Look{}).GetLook(); seen.Audited || seen.AuditAgeMillis != nil {
		t.Fatal(seen)
	}
	if seen := mustDo(t, s, &wire.Audit{}).GetLook(); !seen.Audited || seen.AuditAgeMillis == nil {
		t.Fatal(seen)
	}
}

func TestGivenTheSameConfigurationInALaterSessionThenTheLookingGoesOn(t *testing.T) {
	tree, another := newTree(t), newTree(t)
	s, _ := newService(t)
	mustDo(t, s, configureOf(tree))
	first := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	call := &fakeCall{request: request(t, configureOf(tree)), session: 2}
	if _, err := s.do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	call.request = request(t, &wire.Look{Walk: true})
	answer, err := s.do(t.Context(), call)
	if err != nil || answer.GetLook().Number != first.Number {
		t.Fatal(answer, err)
	}
	call.request = request(t, configureOf(tree, another))
	if answer, err = s.do(t.Context(), call); err != nil || len(answer.GetConfigured().Trees) != 2 {
		t.Fatal(answer, err)
	}
	if !slices.Contains(s.Welcome().Operations, "rows") {
		t.Fatal("rows are not offered")
	}
}
