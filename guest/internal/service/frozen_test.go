package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

func mkfifo(path string) error { return unix.Mkfifo(path, 0o600) }

func refused(err error) (wire.Reason, string) {
	var refused *port.Refused
	if errors.As(err, &refused) {
		return refused.Reason, refused.Detail
	}
	return 0, ""
}

// changed makes a change of the donor's, and has it seen.
func (p *freezer) changed(words string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.donorTree, "file"), []byte(words), 0o644); err != nil {
		p.t.Fatal(err)
	}
	mustDo(p.t, p.donor, &wire.Look{Walk: true})
}

func TestGivenThreeFreezesThenTheOldestThatIsNotServedGoes(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) { write(t, tree, "file") })
	seed := bytes.Repeat([]byte{1}, sync.SeedSize)
	p.changed("one")
	one := p.freeze()
	serving := p.serveFrozen(one, seed, freePort(t))
	p.changed("two")
	two := p.freeze()
	p.changed("three")
	three := p.freeze()
	if one.Number >= two.Number || two.Number >= three.Number || len(p.copies()) != 2 {
		t.Fatal(one, two, three, p.copies())
	}
	remember := &wire.Remember{Position: p.position(), Root: make([]byte, 32), Frozen: two.Number}
	if _, _, err := do(t, p.donor, remember); reason(err) != wire.Reason_REASON_VOID || !strings.Contains(err.Error(), "is not kept any more; freeze again") {
		t.Fatal(err)
	}
	other := p.serveFrozen(three, seed, freePort(t))
	if _, _, err := do(t, p.donor, &wire.Freeze{}); !strings.Contains(fmt.Sprint(err), "are still being served") {
		t.Fatal(err)
	} else if why, detail := refused(err); why != wire.Reason_REASON_VOID || detail != "FrozenServed" {
		t.Fatal(err)
	}
	if err := p.fetchFrom(p.joiner, serving, seed); err != nil { // the first is still what it was
		t.Fatal(err)
	}
	serving.awaitEnd(t)
	other.cancel()
	other.awaitEnd(t)
	p.freeze()

	// Each was taken from what was remembered at its time.
	p.changed("four")
	p.rememberFrozen(three)
	if change := changesNow(t, p.donor)["file"]; change == nil || !bytes.Equal(change.Before, three.Changes[0].Now) {
		t.Fatal(change)
	}
	// The same configuration once more changes nothing; another session knows of nothing, and neither does the disk.
	mustDo(t, p.donor, proto.CloneOf(p.donor.member.configure))
	if left := p.copies(); len(left) == 0 {
		t.Fatal("what was frozen is gone")
	}
	call := &fakeCall{request: request(t, p.donor.member.configure), session: 2}
	if _, err := p.donor.do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if left := p.copies(); len(left) != 0 {
		t.Fatal(left)
	}
}

func TestGivenTreesThatBecomeAnotherMembersStateThenWhatWasFrozenBeforeIsNotRememberedAnyMore(t *testing.T) {
	p := newFreezer(t, "tmpfs", func(tree string) { write(t, tree, "file") })
	p.changed("one")
	frozen := p.freeze()
	whole := &wire.Request{Operation: &wire.Request_Apply{Apply: &wire.Apply{ArchiveEntry: "whole", Verdict: "it is the elected state", Whole: true}}}
	if _, err := doWith(t, p.donor, whole, []*wire.Target{{Path: []byte("file")}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := do(t, p.donor, &wire.Remember{Position: p.position(), Root: make([]byte, 32), Frozen: frozen.Number}); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
}

func TestGivenAnEndOfTheProgramThenNothingFrozenIsLeft(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		p := newFreezer(t, "ext4", func(tree string) { write(t, tree, "file") })
		p.changed("one")
		p.freeze()
		var left []byte
		if !orderly { // as after a crash
			left = []byte("left")
		}
		folder := filepath.Dir(p.copies()[0])
		p.donor.Close()
		if found := p.copies(); len(found) != 0 {
			t.Fatal(found)
		}
		if err := os.WriteFile(filepath.Join(folder, "77-0"), left, 0o600); err != nil {
			t.Fatal(err)
		}
		p.service(p.donorTree)
		if found := p.copies(); len(found) != 0 {
			t.Fatal(found)
		}
	}
}

func TestGivenWhatCannotBeFrozenThenItIsSaidAndNothingIsKept(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) { write(t, tree, "file") })
	randomly(t, filepath.Join(p.donorTree, "large"), 1, 2<<20)
	mustDo(t, p.donor, &wire.Look{Walk: true})
	expect := func(freeze *wire.Freeze, wanted wire.Reason, word string) {
		t.Helper()
		_, _, err := do(t, p.donor, freeze)
		if why, detail := refused(err); why != wanted || detail != word {
			t.Fatal(err)
		}
		if found := p.copies(); len(found) != 0 {
			t.Fatal(found)
		}
	}
	expect(&wire.Freeze{MostBytes: 1 << 20}, wire.Reason_REASON_VOID, "TooLarge")
	for n := range mostChanges {
		write(t, p.donorTree, fmt.Sprint("many-", n))
	}
	mustDo(t, p.donor, &wire.Look{Walk: true})
	expect(&wire.Freeze{}, wire.Reason_REASON_VOID, "TooLarge")

	tree := newTree(t)
	p.donor, p.donorTree = p.service(tree), tree
	expect(&wire.Freeze{}, wire.Reason_REASON_VOID, "NoMemory")
	if _, _, err := do(t, p.donor, &wire.Remember{Position: p.position(), Root: make([]byte, 32), Frozen: 77}); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
	serve := &wire.Serve{Joiners: []*wire.Joiner{{Pin: make([]byte, 32)}}, Frozen: 77}
	if _, _, err := do(t, p.donor, serve); reason(err) != wire.Reason_REASON_VOID {
		t.Fatal(err)
	}
}

func TestGivenADiskWithoutRoomForTheCopiesThenThatIsSaidAndTheRoomIsGivenBack(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 32)
	p := &freezer{pair: &pair{t: t, donorTree: filepath.Join(point, "tree")}}
	if err := os.Mkdir(p.donorTree, 0o755); err != nil {
		t.Fatal(err)
	}
	p.donor = p.service(p.donorTree)
	rememberQuietly(t, p.donor)
	randomly(t, filepath.Join(p.donorTree, "a-small"), 1, 1<<20)
	randomly(t, filepath.Join(p.donorTree, "large"), 2, 14<<20)
	mustDo(t, p.donor, &wire.Look{Walk: true})
	_, _, err := do(t, p.donor, &wire.Freeze{})
	if why, detail := refused(err); why != wire.Reason_REASON_FAILED || detail != "DiskFull" || len(p.copies()) != 0 {
		t.Fatal(err, p.copies())
	}
	if err := os.Remove(filepath.Join(p.donorTree, "large")); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.donor, &wire.Look{Walk: true})
	if frozen := p.freeze(); len(frozen.Changes) != 1 {
		t.Fatal(frozen)
	}
}

func TestGivenAPowerCutBeforeOrAfterWhatWasFrozenIsRememberedThenTheOldOrTheNewIsAndTheDiskHasIt(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			p := newFreezer(t, kind, func(tree string) { write(t, tree, "log") })
			log, err := os.OpenFile(filepath.Join(p.donorTree, "log"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			for range 2 {
				if _, err := fmt.Fprintln(log, strings.Repeat("what comes before ", 1000)); err != nil {
					t.Fatal(err)
				}
				mustDo(t, p.donor, &wire.Look{Walk: true})
				frozen := p.freeze()
				newest := slices.MaxFunc(p.copies(), func(a, b string) int { return strings.Compare(a, b) })
				kept, err := os.ReadFile(newest)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Fprintln(log, "and after"); err != nil {
					t.Fatal(err)
				}
				p.cut(frozen.Changes[0].Before, kept)
				p.rememberFrozen(frozen)
				p.cut(frozen.Changes[0].Now, kept)
			}
		})
	}
}

// cut looks at what the donor's disk has at this moment, as after a power cut: it remembers this of the log, and has what was kept of it.
func (p *freezer) cut(remembered, kept []byte) {
	p.t.Helper()
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	image := filepath.Join(p.t.TempDir(), "image")
	must(scratchfs.Cut(p.image, image))
	point := filepath.Join(p.t.TempDir(), "point")
	must(os.Mkdir(point, 0o755))
	scratchfs.MountAt(p.t, p.kind, image, point)
	copied := false
	found, err := filepath.Glob(filepath.Join(point, ".virtquorum", "*", "frozen", "*"))
	must(err)
	for _, path := range found {
		content, err := os.ReadFile(path)
		must(err)
		copied = copied || bytes.Equal(content, kept)
	}
	if !copied {
		p.t.Error("the copy is not durable")
	}
	live, err := os.ReadFile(filepath.Join(point, "tree", "log"))
	must(err)
	if !bytes.HasPrefix(live, kept) {
		p.t.Errorf("the log has %d bytes, and not the %d that were kept of it", len(live), len(kept))
	}
	tree, err := beneath.Open(filepath.Join(point, "tree"))
	must(err)
	defer tree.Close()
	configure := p.donor.member.configure
	key, err := fingerprint.NewKey(configure.Key)
	must(err)
	store, err := memory.Open(tree, key, memory.Owner{Cluster: configure.Cluster, Tree: configure.Trees[0].Name, Member: configure.Member})
	must(err)
	defer store.Close()
	of, err := store.Load(p.t.Context())
	must(err)
	defer of.Close()
	for row, err := range of.Rows(p.t.Context()) {
		must(err)
		if row.Path == "log" && !bytes.Equal(row.Digest[:], remembered) {
			p.t.Error("it remembers something else")
		}
	}
	if found, _ := filepath.Glob(filepath.Join(point, ".virtquorum", "*", "frozen", "*")); len(found) != 0 {
		p.t.Error("what the end of the program left is still there: ", found)
	}
}

func TestGivenTwoJoinersOnOnePortThenEachIsServedAndOneThatNeverComesEndsWithItsDeadline(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) { write(t, tree, "file") })
	p.changed("one")
	first := p.freeze()
	p.changed("two")
	second := p.freeze()
	port := freePort(t)
	seeds := [][]byte{bytes.Repeat([]byte{1}, sync.SeedSize), bytes.Repeat([]byte{2}, sync.SeedSize)}
	never := p.serveFrozen(first, seeds[0], port)
	comes := p.serveFrozen(second, seeds[1], port)
	if never.serving.Port != port || comes.serving.Port != port || bytes.Equal(never.serving.Pin, comes.serving.Pin) {
		t.Fatal(never.serving, comes.serving)
	}
	if err := p.fetchFrom(p.joiner, comes, seeds[0]); err == nil {
		t.Fatal("the key of one order opened another")
	}
	if err := p.fetchFrom(p.joiner, comes, seeds[1]); err != nil {
		t.Fatal(err)
	}
	comes.awaitEnd(t)
	if err := p.fetchFrom(p.joiner, comes, seeds[1]); err != nil && !strings.Contains(err.Error(), "serves nothing under the key") {
		t.Fatal(err)
	}
	select {
	case err := <-never.ended:
		t.Fatal("it ended before anybody came: ", err)
	default:
	}
	never.cancel() // its deadline
	never.awaitEnd(t)
}

func TestGivenAsManyServingsAsMayBeThenOneMoreIsRefusedAndTheOthersGoOn(t *testing.T) {
	p := newFreezer(t, "tmpfs", func(tree string) { write(t, tree, "file") })
	seed, port := bytes.Repeat([]byte{1}, sync.SeedSize), freePort(t)
	var all []*served
	for range 16 {
		all = append(all, p.serveFrozen(nil, seed, port))
	}
	serve := &wire.Serve{Joiners: []*wire.Joiner{{Member: "web-1", Seed: seed}}, Port: port}
	_, _, err := do(t, p.donor, serve)
	if why, detail := refused(err); why != wire.Reason_REASON_FAILED || detail != "TooManyServings" || !strings.Contains(err.Error(), "end one of them") {
		t.Fatal(err)
	}
	if err := p.fetchFrom(p.joiner, all[7], seed); err != nil { // of nothing, which the donor is told
		t.Fatal(err)
	}
	all[7].awaitEnd(t)
	all[7] = p.serveFrozen(nil, seed, port)
	for _, one := range all {
		one.cancel()
		one.awaitEnd(t)
	}
}

func TestGivenATreesOwnerWhoAttacksWhileItIsFrozenThenNothingOutsideIsTouched(t *testing.T) {
	for name, kernel := range map[string]beneath.Kernel{"today": {}, "older": {NoOpenat2: true, NoStatx: true}} {
		t.Run(name, func(t *testing.T) {
			point := scratchfs.Mount(t, "ext4", 256)
			p := &freezer{pair: &pair{t: t, donorTree: filepath.Join(point, "tree")}}
			if err := os.MkdirAll(filepath.Join(p.donorTree, "rest"), 0o755); err != nil {
				t.Fatal(err)
			}
			p.donor, _ = newService(t, func(o *Options) {
				o.Writers = evidence.Guest{}
				o.Trees = Opener{Watch: []string{watch.Fanotify, watch.Inotify}, Kernel: kernel}
			})
			mustDo(t, p.donor, configureOf(p.donorTree))
			rememberQuietly(t, p.donor)
			canary := scratchfs.NewCanary(t, filepath.Join(point, "canary"))
			stop := scratchfs.Attack(t, p.donorTree, canary)
			well, void := 0, 0
			for until := time.Now().Add(scratchfs.AttackTime(t, 2*time.Second)); time.Now().Before(until); {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // a fifo that is opened would hang
				answer, err := p.donor.do(ctx, &fakeCall{request: request(t, &wire.Freeze{}), session: 1})
				cancel()
				if reason(err) == wire.Reason_REASON_VOID {
					void++
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				well++
				for _, path := range p.copies() {
					content, err := os.ReadFile(path)
					if err != nil || bytes.Contains(content, []byte(scratchfs.Secret)) {
						t.Fatal(path, string(content), err)
					}
				}
				if well%3 == 0 {
					p.rememberFrozen(answer.GetFrozen())
				}
			}
			stop()
			canary.Untouched(t)
			t.Logf("%d freezes, %d void", well, void)
		})
	}
}
