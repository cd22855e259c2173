package service

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

// oneNumber is true if a content is of one write.
func oneNumber(content []byte) bool {
	for at := 8; at < len(content); at += 8 {
		if binary.BigEndian.Uint64(content[at:]) != binary.BigEndian.Uint64(content) {
			return false
		}
	}
	return true
}

func TestGivenALogThatGrowsAllTheTimeThenEachRoundIsRememberedAndComesToTheJoiner(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) {
			p := newFreezer(t, kind, func(tree string) {
				write(t, tree, "still")
				write(t, tree, "log")
			})
			log := filepath.Join(p.donorTree, "log")
			stop := writer(t, appends, log)
			port := freePort(t)
			last, rounds, took := 0, 0, time.Now()
			for until := time.Now().Add(3 * time.Second); time.Now().Before(until) || rounds < 3; rounds++ {
				within(t, func() bool { info, err := os.Stat(log); return err == nil && info.Size() > int64(last) })
				var frozen *wire.Frozen
				within(t, func() bool { // its event may not have come yet
					frozen = p.freeze()
					return len(frozen.Changes) > 0
				})
				if len(frozen.Changes) != 1 || string(frozen.Changes[0].Path) != "log" || isRot(frozen.Changes[0]) {
					t.Fatal(frozen)
				}
				p.rememberFrozen(frozen)
				p.bringFrozen(frozen, port)
				content := p.content("log")
				now, err := os.ReadFile(log)
				if err != nil || !bytes.HasPrefix(now, content) || len(content) <= last {
					t.Fatalf("round %d: %d bytes came, %d before, of %d: %v", rounds, len(content), last, len(now), err)
				}
				last = len(content)
			}
			t.Logf("%d rounds in %v", rounds, time.Since(took))
			stop()
			// What came after the last round shows as written, and never as rot.
			write(t, p.donorTree, "still")
			for path, change := range changesNow(t, p.donor) {
				if isRot(change) {
					t.Errorf("%s counts as rot: %v", path, change)
				}
			}
			if left := p.copies(); len(left) > mostSets {
				t.Error(left)
			}
		})
	}
}

func TestGivenALogThatIsNeverStillThenWhatItHadAtFirstIsFrozen(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) { randomly(t, filepath.Join(tree, "log"), 1, 8<<20) })
	log := filepath.Join(p.donorTree, "log")
	stop := writer(t, floods, log)
	within(t, func() bool { info, err := os.Stat(log); return err == nil && info.Size() > 9<<20 })
	var frozen *wire.Frozen
	within(t, func() bool { // its event may not have come yet
		frozen = mustDo(t, p.donor, &wire.Freeze{MostBytes: 300 << 20}).GetFrozen()
		return len(frozen.Changes) > 0
	})
	stop()
	if len(frozen.Changes) != 1 || isRot(frozen.Changes[0]) {
		t.Fatal(frozen)
	}
	p.rememberFrozen(frozen)
	p.bringFrozen(frozen, freePort(t))
	now, err := os.ReadFile(log)
	if content := p.content("log"); err != nil || !bytes.HasPrefix(now, content) || len(content) <= 8<<20 || len(content) == len(now) {
		t.Fatalf("%d of %d bytes came: %v", len(content), len(now), err)
	}
	if change := changesNow(t, p.donor)["log"]; change == nil || isRot(change) || !bytes.Equal(change.Before, frozen.Changes[0].Now) {
		t.Fatal(change)
	}
}

func TestGivenAFileThatIsWrittenInItsMiddleThenWhatIsFrozenIsOfOneMomentOrItIsNamed(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		for _, how := range []string{stamps, storms} {
			t.Run(kind+" "+how, func(t *testing.T) {
				size := map[string]int{stamps: stamped, storms: stormed}[how]
				p := newFreezer(t, kind, func(tree string) {
					if err := os.WriteFile(filepath.Join(tree, "database"), make([]byte, size), 0o644); err != nil {
						t.Fatal(err)
					}
				})
				stop := writer(t, how, filepath.Join(p.donorTree, "database"))
				port, well, void := freePort(t), 0, 0
				for until := time.Now().Add(2 * time.Second); time.Now().Before(until) || well+void < 3; {
					answer, _, err := do(t, p.donor, &wire.Freeze{})
					if reason(err) == wire.Reason_REASON_VOID {
						if void++; !strings.Contains(err.Error(), `"database": it changes faster than it can be copied`) {
							t.Fatal(err)
						}
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if len(answer.GetFrozen().Changes) == 0 {
						continue
					}
					p.rememberFrozen(answer.GetFrozen())
					p.bringFrozen(answer.GetFrozen(), port)
					if content := p.content("database"); len(content) != size || !oneNumber(content) {
						t.Fatal("two writes are mixed")
					}
					well++
				}
				stop()
				t.Logf("%d rounds ended well, %d were void", well, void)
				if well == 0 && (how == stamps || kind == "xfs") {
					t.Error("no round ended well")
				}
			})
		}
	}
}

// A database writes into its log first and into its pages then, and begins its log anew when the pages have it all.
func TestGivenALogAndPagesThatAreWrittenInTurnThenWhatIsFrozenIsOfOneMoment(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			p := newDatabase(t, kind)
			port, well := freePort(t), 0
			for until := time.Now().Add(3 * time.Second); time.Now().Before(until) || well < 3; {
				if p.takeMoment(port) {
					well++
				}
			}
			t.Logf("%d rounds", well)
		})
	}
}

// Where its writers can be kept still nothing else will do.
func TestGivenATreeThatNeverStandsStillAndCanBeKeptSoThenWhatIsFrozenIsOfOneMomentOrNothingIs(t *testing.T) {
	p := newDatabase(t, "ext4")
	ended, halt := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-halt:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if err := os.WriteFile(filepath.Join(p.donorTree, fmt.Sprint(i%50)), fmt.Append(nil, i), 0o600); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	stop := gosync.OnceFunc(func() { close(halt); <-ended })
	t.Cleanup(stop)
	port, well, void := freePort(t), 0, 0
	for until := time.Now().Add(2 * time.Second); time.Now().Before(until); {
		if p.takeMoment(port) {
			well++
		} else {
			void++
		}
	}
	stop()
	t.Logf("%d rounds, %d void", well, void)
	within(t, func() bool { return p.takeMoment(port) })
}

// newDatabase has a tree in which both are written until the test ends, and whose writers can be kept still: of others that are too busy
// each file may be of a moment of its own.
func newDatabase(t *testing.T, kind string) *freezer {
	p := newFreezer(t, kind, func(tree string) {
		for _, name := range []string{"log", "pages"} {
			if err := os.WriteFile(filepath.Join(tree, name), make([]byte, stamped), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	configure := configureOf(p.donorTree)
	configure.SyncAddress, configure.Trees[0].Still = "127.0.0.1", true
	mustDo(t, p.donor, configure)
	rowsIn(t, p.donor)
	ended, halt := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		content := make([]byte, stamped)
		for number := uint64(1); ; number++ {
			for at := 0; at < stamped; at += 8 {
				binary.BigEndian.PutUint64(content[at:], number)
			}
			for _, name := range []string{"log", "pages"} {
				file, err := os.OpenFile(filepath.Join(p.donorTree, name), os.O_WRONLY, 0)
				if err == nil {
					_, err = file.WriteAt(content, 0)
					_ = file.Close()
				}
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(15 * time.Millisecond)
			}
			select {
			case <-halt:
				return
			default:
			}
		}
	}()
	t.Cleanup(func() { close(halt); <-ended })
	return p
}

// takeMoment freezes and copies what changed; false: it could not. What comes of it must be of one moment.
func (p *freezer) takeMoment(port uint32) bool {
	p.t.Helper()
	answer, _, err := do(p.t, p.donor, &wire.Freeze{})
	if reason(err) == wire.Reason_REASON_VOID || err == nil && len(answer.GetFrozen().Changes) == 0 {
		return false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.rememberFrozen(answer.GetFrozen())
	p.bringFrozen(answer.GetFrozen(), port)
	log, pages := p.content("log"), p.content("pages")
	newest, newer := binary.BigEndian.Uint64(log), binary.BigEndian.Uint64(pages)
	if !oneNumber(log) || !oneNumber(pages) || newest != newer && newest != newer+1 {
		p.t.Fatalf("the log is at %d, and the pages are at %d", newest, newer)
	}
	return true
}

func TestGivenFilesThatAreRemovedOrReplacedAfterTheFreezeThenTheJoinerGetsWhatWasFrozen(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) {
			p := newFreezer(t, kind, func(tree string) {
				for _, name := range []string{"changes", "goes", "moves", "mode", "went"} {
					write(t, tree, name)
				}
			})
			in := func(name string) string { return filepath.Join(p.donorTree, name) }
			must := func(errs ...error) {
				t.Helper()
				for _, err := range errs {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			must(os.Mkdir(in("d"), 0o750), os.Symlink("target", in("link")), os.Remove(in("went")), os.Chmod(in("mode"), 0o600))
			for _, name := range []string{"changes", "goes", "moves", "d/names", "becomes-link"} {
				must(os.WriteFile(in(name), []byte("frozen "+name), 0o644))
			}
			must(os.Link(in("d/names"), in("another-name")), os.Link(in("d/names"), in("z-name")))
			mustDo(t, p.donor, &wire.Look{Walk: true})
			frozen := p.freeze()
			if len(frozen.Changes) != 11 { // the tree's root is as it was
				t.Fatal(frozen)
			}

			must(os.WriteFile(in("changes"), []byte("later"), 0o644), os.Remove(in("goes")), os.Rename(in("moves"), in("moved")))
			must(os.RemoveAll(in("d")), os.Remove(in("another-name")), os.Remove(in("z-name")), os.Remove(in("link")), os.Symlink("later", in("link")))
			must(os.Remove(in("becomes-link")), os.Symlink("/etc/passwd", in("becomes-link")), os.Remove(in("mode")), mkfifo(in("mode")))
			mustDo(t, p.donor, &wire.Look{Walk: true})
			p.rememberFrozen(frozen)
			p.bringFrozen(frozen, freePort(t))
			for _, name := range []string{"changes", "goes", "moves", "d/names", "becomes-link"} {
				if got := string(p.content(name)); got != "frozen "+name {
					t.Errorf("%s is %q", name, got)
				}
			}
			one, err := os.Stat(filepath.Join(p.joinerDir, "d/names"))
			must(err)
			for _, name := range []string{"another-name", "z-name"} {
				other, err := os.Stat(filepath.Join(p.joinerDir, name))
				must(err)
				if !os.SameFile(one, other) {
					t.Errorf("%s is another file", name)
				}
			}
			if info, err := os.Stat(filepath.Join(p.joinerDir, "mode")); err != nil || info.Mode() != 0o600 {
				t.Error(info, err)
			}
			if target, err := os.Readlink(filepath.Join(p.joinerDir, "link")); err != nil || target != "target" {
				t.Error(target, err)
			}
			if _, err := os.Lstat(filepath.Join(p.joinerDir, "went")); !os.IsNotExist(err) {
				t.Error(err)
			}
			changes := changesNow(t, p.donor)
			for _, change := range frozen.Changes {
				if string(change.Path) == "went" {
					continue
				}
				now := changes[string(change.Path)]
				if now == nil || !bytes.Equal(now.Before, change.Now) || isRot(now) {
					t.Errorf("%s: %v", change.Path, now)
				}
			}
		})
	}
}

func TestGivenALogThatIsRotatedWhileItIsFrozenThenNoLineIsMissingFromWhatIsRemembered(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) { write(t, tree, "log.0") })
	port, ended, lines := freePort(t), make(chan struct{}), 0
	go func() {
		defer close(ended)
		file, err := os.Create(filepath.Join(p.donorTree, "log"))
		for until := time.Now().Add(3 * time.Second); err == nil && time.Now().Before(until); lines++ {
			if _, err = fmt.Fprintf(file, "line %d\n", lines); err == nil && lines%20 == 19 {
				file.Close()
				if err = os.Rename(filepath.Join(p.donorTree, "log"), filepath.Join(p.donorTree, fmt.Sprintf("log.%04d", lines))); err == nil {
					file, err = os.Create(filepath.Join(p.donorTree, "log"))
				}
			}
			time.Sleep(2 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { <-ended })
	rounds, void, last := 0, 0, 0
	for running := true; running; {
		select {
		case <-ended:
			running = false
			mustDo(t, p.donor, &wire.Look{Walk: true})
		default:
		}
		answer, _, err := do(t, p.donor, &wire.Freeze{})
		if reason(err) == wire.Reason_REASON_VOID {
			void++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		frozen := answer.GetFrozen()
		if len(frozen.Changes) == 0 {
			continue
		}
		p.rememberFrozen(frozen)
		p.bringFrozen(frozen, port)
		rounds++
		var all []byte
		names, err := filepath.Glob(filepath.Join(p.joinerDir, "log.????"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, filepath.Join(p.joinerDir, "log")) {
			content, err := os.ReadFile(name)
			if err != nil && filepath.Base(name) != "log" { // it may be between two
				t.Fatal(err)
			}
			all = append(all, content...)
		}
		got := strings.SplitAfter(string(all), "\n")
		for i, line := range got[:len(got)-1] {
			if line != fmt.Sprintf("line %d\n", i) {
				t.Fatalf("round %d: line %d is %q", rounds, i, line)
			}
		}
		if len(got) < last {
			t.Fatalf("%d lines after %d", len(got), last)
		}
		last = len(got)
	}
	if last-1 != lines {
		t.Errorf("%d of %d lines came", last-1, lines)
	}
	t.Logf("%d rounds, %d void, %d lines", rounds, void, lines)
}

func TestGivenMailComesAllTheTimeThenItIsFrozenAllTheSame(t *testing.T) {
	p := newFreezer(t, "ext4", func(tree string) {
		for _, name := range []string{"tmp", "new"} {
			if err := os.Mkdir(filepath.Join(tree, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, tree, "first")
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i, until := 0, time.Now().Add(3*time.Second); time.Now().Before(until); i++ {
			tmp := filepath.Join(p.donorTree, "tmp", fmt.Sprint(i))
			err := os.WriteFile(tmp, []byte("mail"), 0o600)
			if err == nil {
				err = os.Rename(tmp, filepath.Join(p.donorTree, "new", fmt.Sprint(i)))
			}
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { <-ended })
	rounds, void := 0, 0
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		answer, _, err := do(t, p.donor, &wire.Freeze{})
		if reason(err) == wire.Reason_REASON_VOID {
			void++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if rounds++; len(answer.GetFrozen().Changes) > 0 {
			p.rememberFrozen(answer.GetFrozen())
		}
	}
	t.Logf("%d rounds, %d void", rounds, void)
	if rounds <= void {
		t.Errorf("%d rounds, %d void", rounds, void)
	}
}
