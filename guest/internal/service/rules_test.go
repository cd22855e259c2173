package service

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/wire"
)

// smallArchive is a joiner that remembers a large file which the archive has no room for, and its donor, which has another one.
func smallArchive(t *testing.T) *pair {
	t.Helper()
	p := newPair(t)
	configure := configureOf(p.joinerDir)
	configure.SyncAddress = "127.0.0.1"
	configure.Archive = &wire.ArchiveLimits{Entries: 20, Bytes: 64 << 10}
	if err := os.WriteFile(filepath.Join(p.joinerDir, "large"), bytes.Repeat([]byte("old "), 64<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.donorTree, "large"), bytes.Repeat([]byte("new "), 64<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.donor, &wire.Look{Walk: true})
	mustDo(t, p.joiner, configure)
	rememberNow(t, p.joiner)
	return p
}

func (p *pair) entries() (all []*wire.ArchiveEntry) {
	p.t.Helper()
	_, pieces, err := do(p.t, p.joiner, &wire.ArchiveList{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, piece := range pieces {
		all = append(all, piece.GetArchiveEntries().Entries...)
	}
	return all
}

func copies(t *testing.T, p *pair, name string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(p.joinerDir), ".virtquorum", "*", "archive", "*", "files", name))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestGivenAnArchiveWithoutRoomThenWhatANewerStateReplacesNeedsNoneAndWhatSomebodyWroteDoes(t *testing.T) {
	p := smallArchive(t)
	apply := p.fetch()
	order := applyOf("verdict-1")
	if _, err := doWith(t, p.joiner, order, apply); err == nil || !strings.Contains(err.Error(), "the archive is full") {
		t.Fatal(err)
	}
	order.GetApply().Newer = true
	if _, err := doWith(t, p.joiner, order, apply); err != nil {
		t.Fatal(err)
	}
	if list := p.entries(); len(list) != 1 || list[0].Bytes > 64<<10 {
		t.Fatal(list)
	}
	if content, err := os.ReadFile(filepath.Join(p.joinerDir, "large")); err != nil || !strings.HasPrefix(string(content), "new") {
		t.Fatal(err)
	}
	if left := copies(t, p, "large"); len(left) != 0 {
		t.Fatal(left)
	}
	restore := &wire.Request{Operation: &wire.Request_ArchiveRestore{ArchiveRestore: &wire.ArchiveRestore{Name: "verdict-1"}}}
	if _, err := doWith(t, p.joiner, restore, []*wire.Target{{Path: []byte("large")}}); err == nil {
		t.Fatal("a copy that is not there was restored")
	}

	p = smallArchive(t)
	if err := os.WriteFile(filepath.Join(p.joinerDir, "large"), bytes.Repeat([]byte("mine"), 64<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	apply = p.fetch()
	if _, err := doWith(t, p.joiner, order, apply); err == nil || !strings.Contains(err.Error(), "the archive is full") {
		t.Fatal(err)
	}
}

func TestGivenUsersThenWhatWasWrittenSinceTheMemoryIsTheirsAndTheRestIsNot(t *testing.T) {
	for _, one := range []struct {
		name              string
		remembers, writes bool
		attributed        bool
	}{
		{"nobody wrote", true, false, false},
		{"somebody wrote", true, true, true},
		{"there is no memory", false, false, true},
	} {
		t.Run(one.name, func(t *testing.T) {
			p := newPair(t)
			if one.remembers {
				rememberNow(t, p.joiner)
			}
			if one.writes {
				write(t, p.joinerDir, "written")
				mustDo(t, p.joiner, &wire.Look{Walk: true})
			}
			apply := p.fetch()
			order := applyOf("verdict-1")
			order.GetApply().Users = true
			if _, err := doWith(t, p.joiner, order, apply); err != nil {
				t.Fatal(err)
			}
			if list := p.entries(); len(list) != 1 || list[0].Attributed != one.attributed {
				t.Fatal(list)
			}
		})
	}
}

func TestGivenARepairThatWasNotRememberedThenWhatItBroughtIsKeptAsSomebodys(t *testing.T) {
	for _, remembered := range []bool{false, true} {
		p := newPair(t)
		rememberNow(t, p.joiner)
		order := applyOf("verdict-1")
		order.GetApply().Whole = true
		if _, err := doWith(t, p.joiner, order, p.fetch()); err != nil {
			t.Fatal(err)
		}
		if remembered {
			rememberNow(t, p.joiner)
		}
		write(t, p.donorTree, "another")
		if err := os.Remove(filepath.Join(p.donorTree, "only-donor")); err != nil {
			t.Fatal(err)
		}
		mustDo(t, p.donor, &wire.Look{Walk: true})
		mustDo(t, p.joiner, &wire.Look{Walk: true})
		order = applyOf("verdict-2")
		order.GetApply().Whole = true
		if _, err := doWith(t, p.joiner, order, p.fetch()); err != nil {
			t.Fatal(err)
		}
		for _, entry := range p.entries() {
			if want := entry.Name == "verdict-2" && !remembered; entry.Attributed != want {
				t.Error(remembered, entry)
			}
		}
	}
}
