package service

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

func TestAsAttacker(t *testing.T) { scratchfs.RunAttacker(t) }

// attacked is a pair whose joiner's tree is its attacker's, on a file system that holds a canary too, with a kernel that lacks something.
func attacked(t *testing.T, kernel beneath.Kernel) (p *pair, canary *scratchfs.Canary, stop func()) {
	t.Helper()
	point := scratchfs.Mount(t, "ext4", 256)
	p = newPair(t)
	p.joinerDir = filepath.Join(point, "tree")
	if err := os.MkdirAll(filepath.Join(p.joinerDir, "rest"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, directory := range []string{"rest", "d0/d1", "d1"} {
		if err := os.MkdirAll(filepath.Join(p.donorTree, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"d0/d1/f0", "d0/f1", "d1/f0", "f0"} {
		write(t, p.donorTree, path)
	}
	p.joiner, _ = newService(t, func(o *Options) { o.Trees = Opener{Watch: []string{watch.Fanotify, watch.Inotify}, Kernel: kernel} })
	configure := configureOf(p.joinerDir)
	configure.SyncAddress = "127.0.0.1"
	configure.Archive = &wire.ArchiveLimits{Entries: 5, Bytes: 200 << 20}
	mustDo(t, p.joiner, configure)
	canary = scratchfs.NewCanary(t, filepath.Join(point, "canary"))
	return p, canary, scratchfs.Attack(t, p.joinerDir, canary)
}

// bring has the joiner take rows of the donor's. The error is the fetch's or the apply's.
func (p *pair) bring(entry string, paths func(path string) bool) error {
	p.t.Helper()
	var served []*wire.Target
	for path, row := range rowsIn(p.t, p.donor) {
		if path != "" && paths(path) {
			served = append(served, &wire.Target{Path: row.Path, Digest: row.Digest})
		}
	}
	seed := bytes.Repeat([]byte{7}, sync.SeedSize)
	identity, err := sync.IdentityFromSeed(seed)
	if err != nil {
		p.t.Fatal(err)
	}
	_, serving, end := p.serve(served, identity.Pin())
	defer end()
	_, err = doWith(p.t, p.joiner, &wire.Request{Operation: &wire.Request_Fetch{Fetch: &wire.Fetch{
		Donor: "web-0", Address: serving.Address, Port: serving.Port, Pin: serving.Pin, Seed: seed, AnySize: true,
	}}}, served)
	if err != nil {
		return err
	}
	answer, err := doWith(p.t, p.joiner, applyOf(entry), served)
	if err == nil && answer.GetApplied().LateTotal > 0 {
		return fmt.Errorf("%d rows were late", answer.GetApplied().LateTotal)
	}
	return err
}

func TestGivenATreesOwnerWhoAttacksWhileItIsRepairedThenNothingOutsideIsTouchedAndTheRestIsRepairedEachTime(t *testing.T) {
	for name, kernel := range map[string]beneath.Kernel{"today": {}, "older": {NoOpenat2: true, NoStatx: true}} {
		t.Run(name, func(t *testing.T) {
			p, canary, stop := attacked(t, kernel)
			lasts := scratchfs.AttackTime(t, 2*time.Second)
			rest := func(path string) bool { return path == "rest" || strings.HasPrefix(path, "rest/") }
			rounds, repaired := 0, 0
			for until := time.Now().Add(lasts); time.Now().Before(until); rounds++ {
				page := fmt.Sprint("page of round ", rounds)
				if err := os.WriteFile(filepath.Join(p.donorTree, "rest", "page"), []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
				mustDo(t, p.donor, &wire.Look{Walk: true})
				// What the attacker moves at this moment may fail; a repair of the rest must not.
				if p.bring(fmt.Sprint("attacked-", rounds), func(path string) bool { return !rest(path) }) == nil {
					repaired++
				}
				if err := p.bring(fmt.Sprint("rest-", rounds), rest); err != nil {
					t.Fatalf("round %d: the rest is not repaired: %v", rounds, err)
				}
				if words, err := os.ReadFile(filepath.Join(p.joinerDir, "rest", "page")); err != nil || string(words) != page {
					t.Fatal(rounds, string(words), err)
				}
				seen := mustDo(t, p.joiner, &wire.Look{Walk: true}).GetLook()
				if rounds%5 == 0 {
					seen = mustDo(t, p.joiner, &wire.Audit{}).GetLook()
				}
				if seen.Trees[0].Reason != "" {
					t.Fatal(seen.Trees[0])
				}
				if row, known := p.joinerRow("rest/page"); !known || row.Trouble != "" && row.Trouble != "it is still to be read" {
					t.Fatal(row)
				}
			}
			stop()
			canary.Untouched(t)
			t.Logf("%d rounds in %v; in %d of them what was attacked was repaired too", rounds, lasts, repaired)
		})
	}
}

func (p *pair) joinerRow(path string) (*wire.Row, bool) {
	for {
		if rows, _ := rowsNow(p.t, p.joiner); rows != nil {
			return rows[path], rows[path] != nil
		}
	}
}
