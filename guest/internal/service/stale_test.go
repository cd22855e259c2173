package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

// keepOpen has a process keep a file open for writing, not at its end alone; the function ends it.
func keepOpen(t *testing.T, path string) (pid int, end func()) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	writer := exec.Command("sleep", "100")
	writer.Stdout = file
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = writer.Process.Kill()
			_ = writer.Wait()
		}
	}
	t.Cleanup(end)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return writer.Process.Pid, end
}

func withWriters(o *Options) { o.Writers = evidence.Guest{} }

// staleIn is what a look says, in short.
func staleIn(t *testing.T, s *Service) string {
	t.Helper()
	said := ""
	for _, one := range mustDo(t, s, &wire.Look{}).GetLook().Stale {
		said += fmt.Sprintf("%s %s %d;", one.Path, one.Command, one.Pid)
	}
	return said
}

func TestGivenAProcessThatHasAReplacedFileOpenThenEachLookNamesItUntilItClosedTheFile(t *testing.T) {
	for _, kind := range []string{"ext4", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t)
			configure := p.moveJoiner(kind)
			p.joiner.options.Writers = evidence.Guest{}
			pid, end := keepOpen(t, filepath.Join(p.joinerDir, "same"))
			removed, endRemoved := keepOpen(t, filepath.Join(p.joinerDir, "only-joiner"))
			mustDo(t, p.joiner, &wire.Look{Walk: true})
			if said := staleIn(t, p.joiner); said != "" {
				t.Error("before anything was replaced:", said)
			}
			if _, err := doWith(t, p.joiner, applyOf("verdict-1"), p.fetch()); err != nil {
				t.Fatal(err)
			}
			one := fmt.Sprintf("same sleep %d;", pid)
			both := fmt.Sprintf("only-joiner sleep %d;", removed)
			if said := staleIn(t, p.joiner); said != one+both && said != both+one {
				t.Errorf("after the repair: %q", said)
			}
			endRemoved()
			if said := staleIn(t, p.joiner); said != one {
				t.Errorf("after one closed it: %q", said)
			}

			p.joiner.Close()
			again, _ := newService(t, withWriters)
			mustDo(t, again, configure)
			if said := staleIn(t, again); said != one {
				t.Errorf("after a restart of the program: %q", said)
			}
			mustDo(t, again, &wire.ArchivePrune{Names: []string{"verdict-1"}})
			if said := staleIn(t, again); said != one {
				t.Errorf("after the archive's entry is gone: %q", said)
			}
			end()
			if said := staleIn(t, again); said != "" {
				t.Errorf("after all closed it: %q", said)
			}
		})
	}
}

func TestGivenAReplacedFileWithAnotherNameInTheTreeThenWhoHasItOpenWritesWhereUsersLook(t *testing.T) {
	p := newPair(t)
	p.moveJoiner("ext4")
	p.joiner.options.Writers = evidence.Guest{}
	name := filepath.Join(p.joinerDir, "same")
	keepOpen(t, name)
	if err := os.Link(name, filepath.Join(p.joinerDir, "other-name")); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	targets, served := p.targets()
	p.fetchThese(served)
	var apply []*wire.Target
	for _, one := range targets {
		if string(one.Path) != "other-name" && string(one.Path) != "" {
			apply = append(apply, one)
		}
	}
	if _, err := doWith(t, p.joiner, applyOf("verdict-1"), apply); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	if said := staleIn(t, p.joiner); said != "" {
		t.Error(said)
	}
}
