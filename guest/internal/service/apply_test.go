package service

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// cutOff is a context that ends after it was asked so many times.
type cutOff struct {
	context.Context
	left int
}

func (c *cutOff) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// moveJoiner gives the joiner a file system of its own.
func (p *pair) moveJoiner(kind string) *wire.Configure {
	p.t.Helper()
	p.joinerDir = scratchfs.Mount(p.t, kind, 64)
	write(p.t, p.joinerDir, "same")
	write(p.t, p.joinerDir, "only-joiner")
	p.joiner, _ = newService(p.t)
	configure := configureOf(p.joinerDir)
	configure.SyncAddress = "127.0.0.1"
	mustDo(p.t, p.joiner, configure)
	mustDo(p.t, p.joiner, &wire.Look{Walk: true})
	return configure
}

// differing counts the donor's rows that the joiner does not have, but for the root's.
func (p *pair) differing() (paths int) {
	p.t.Helper()
	mustDo(p.t, p.joiner, &wire.Look{Walk: true})
	joiner := rowsIn(p.t, p.joiner)
	for path, row := range rowsIn(p.t, p.donor) {
		if path != "" && !bytes.Equal(joiner[path].GetDigest(), row.Digest) {
			paths++
		}
	}
	return paths
}

// What was replaced in part would be voted on, and the rest be replaced under another vote.
func TestGivenARepairThatIsCutOffThenItIsCarriedToItsEndAtOnceOrNothingIsReplaced(t *testing.T) {
	ended := 0
	for steps := 0; ; steps++ {
		p := newPair(t)
		p.moveJoiner("tmpfs")
		apply, before := p.fetch(), p.differing()
		call := &fakeCall{request: applyOf("verdict-1"), session: 1, body: []*wire.Body{{Last: true, Targets: apply}}}
		_, err := p.joiner.do(&cutOff{t.Context(), steps}, call)
		left := p.differing()
		journal, _ := filepath.Glob(filepath.Join(p.joinerDir, ".virtquorum", "*", "journal", "*"))
		switch {
		case len(journal) != 0 || left != 0 && left != before:
			t.Fatalf("after %d steps %d of %d rows differ, and there is %v", steps, left, before, journal)
		case err != nil && left == 0:
			ended++
		}
		p.joiner.Close()
		if err == nil {
			break
		}
	}
	if ended == 0 {
		t.Fatal("no repair was cut off after it began")
	}
}

func TestGivenAProcessThatHoldsAReplacedFileOpenForWritingThenItIsNamed(t *testing.T) {
	p := newPair(t)
	p.moveJoiner("ext4")
	p.joiner.options.Writers = evidence.Guest{}
	writer := exec.Command("sleep", "100")
	file, err := os.OpenFile(filepath.Join(p.joinerDir, "same"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	writer.Stdout = file
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = writer.Process.Kill()
		_ = writer.Wait()
	})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	answer, err := doWith(t, p.joiner, applyOf("verdict-1"), p.fetch())
	if err != nil {
		t.Fatal(err)
	}
	stale := answer.GetApplied().GetSeen().GetStale()
	if len(stale) != 1 || int(stale[0].Pid) != writer.Process.Pid || stale[0].Command != "sleep" || string(stale[0].Path) != "same" {
		t.Fatal(stale)
	}
}

func TestGivenAChangeThatNothingElseTellsOfThenAWritableMappingMakesItSomebodys(t *testing.T) {
	for kind, wanted := range map[string]map[string]bool{
		"ext4":  {"mapped": true, "calm": false, "told": false},
		"tmpfs": {"mapped": true, "calm": true, "told": false},
	} {
		t.Run(kind, func(t *testing.T) {
			tree := scratchfs.Mount(t, kind, 64)
			inodes := map[string]uint64{}
			var changes []*wire.Change
			for name := range wanted {
				write(t, tree, name)
				info, err := os.Stat(filepath.Join(tree, name))
				if err != nil {
					t.Fatal(err)
				}
				inodes[name] = info.Sys().(*syscall.Stat_t).Ino
				changes = append(changes, &wire.Change{Path: []byte(name), Before: []byte{1}, Now: []byte{2}, CtimeMoved: name == "told"})
			}
			file, err := os.OpenFile(filepath.Join(tree, "mapped"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			memory, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Munmap(memory) }()
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			directory, err := beneath.Open(tree)
			if err != nil {
				t.Fatal(err)
			}
			defer directory.Close()
			addMapped(t.Context(), evidence.Guest{}, directory, changes, func(path string) uint64 { return inodes[path] })
			for _, one := range changes {
				if one.Mapped != wanted[string(one.Path)] {
					t.Error(one)
				}
			}
		})
	}
}

// filesOf are the rows of the file that each tree of a member has, as targets.
func filesOf(t *testing.T, s *Service) (files []*wire.Target) {
	t.Helper()
	for {
		answer, pieces, err := do(t, s, &wire.Rows{})
		files = nil
		for _, piece := range append(pieces, answer) {
			for _, row := range piece.GetRows().GetRows() {
				if string(row.Path) == "file" && len(row.Digest) > 0 {
					files = append(files, &wire.Target{Tree: row.Tree, Path: row.Path, Digest: row.Digest})
				}
			}
		}
		if err == nil && len(files) == 2 {
			return files
		}
		mustDo(t, s, &wire.Look{})
	}
}

func TestGivenARepairOfTwoTreesThatWasCutOffThenTheNextStartEndsItInBothOrInNeither(t *testing.T) {
	none, both := 0, 0
	for steps := 0; ; steps++ {
		p := &pair{t: t}
		var joiner *wire.Configure
		for _, content := range []string{"new", "old"} {
			joiner = configureOf(newTree(t), newTree(t))
			joiner.SyncAddress = "127.0.0.1"
			for _, tree := range joiner.Trees {
				if err := os.WriteFile(filepath.Join(string(tree.Path), "file"), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p.donor = p.joiner
			p.joiner, _ = newService(t)
			mustDo(t, p.joiner, joiner)
			mustDo(t, p.joiner, &wire.Look{Walk: true})
		}
		filesOf(t, p.joiner)
		apply := filesOf(t, p.donor)
		p.fetchThese(apply)
		call := &fakeCall{request: applyOf("verdict-1"), session: 1, body: []*wire.Body{{Last: true, Targets: apply}}}
		_, err := p.joiner.do(&cutOff{t.Context(), steps}, call)
		p.joiner.Close()
		p.donor.Close()
		if err == nil {
			break
		}
		p.joiner, _ = newService(t)
		mustDo(t, p.joiner, joiner)
		p.joiner.Close()
		replaced := 0
		for _, tree := range joiner.Trees {
			now, err := os.ReadFile(filepath.Join(string(tree.Path), "file"))
			if err != nil {
				t.Fatal(err)
			}
			if string(now) == "new" {
				replaced++
			}
		}
		switch replaced {
		case 0:
			none++
		case 2:
			both++
		default:
			t.Errorf("after %d steps one tree was repaired and the other was not", steps)
		}
	}
	if none == 0 || both == 0 {
		t.Errorf("%d times nothing was replaced, %d times all", none, both)
	}
}

// A write that a look saw after the order was made is as much a write as one that nobody saw yet.
func TestGivenARowThatALaterLookSawWrittenThenAnOrderForSingleRowsLeavesAllAsTheyAre(t *testing.T) {
	for _, what := range []string{"written", "removed", "another row"} {
		p := newPair(t)
		apply := p.fetch()
		seen := mustDo(t, p.joiner, &wire.Look{Walk: true}).GetLook()
		path, content := filepath.Join(p.joinerDir, "same"), []byte("a user's")
		switch what {
		case "written":
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		case "removed":
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		default:
			write(t, p.joinerDir, "only-joiner")
		}
		mustDo(t, p.joiner, &wire.Look{Walk: true})
		var single []*wire.Target
		for _, target := range apply {
			if string(target.Path) == "same" {
				single = append(single, target)
			}
		}
		order := applyOf("verdict-1")
		order.GetApply().Single, order.GetApply().Look = true, seen.Number
		_, err := doWith(t, p.joiner, order, single)
		if what == "another row" {
			for tries := 1; reason(err) == wire.Reason_REASON_VOID && tries < 5; tries++ { // its ctime became old enough meanwhile
				order.GetApply().Look = mustDo(t, p.joiner, &wire.Look{Walk: true}).GetLook().Number
				_, err = doWith(t, p.joiner, order, single)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		is, _ := os.ReadFile(path)
		if reason(err) != wire.Reason_REASON_VOID || what == "written" && !bytes.Equal(is, content) || what == "removed" && is != nil {
			t.Fatalf("%s: %v, and %q is there", what, err, is)
		}
	}
}
