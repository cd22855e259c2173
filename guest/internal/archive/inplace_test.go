package archive

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/scratchfs"
)

// everybodyAppends says so of every file.
func everybodyAppends(_ context.Context, inodes []uint64) (map[uint64]bool, error) {
	found := map[uint64]bool{}
	for _, inode := range inodes {
		found[inode] = true
	}
	return found, nil
}

// logOf is so many bytes of lines, none of which is another's.
func logOf(seed uint64, size int) string {
	random := rand.New(rand.NewPCG(seed, 1))
	var log strings.Builder
	for log.Len() < size {
		fmt.Fprintf(&log, "%d %016x\n", seed, random.Uint64())
	}
	return log.String()[:size]
}

// logs are contents of a log on a member and of what is to take its place.
func logs() map[string][2]string {
	long, other := logOf(1, 350_000), logOf(2, 450_000)
	return map[string][2]string{
		"that grew":                     {long[:150_000], long},
		"that is shorter":               {long, long[:150_000]},
		"that is another and longer":    {long, other},
		"that is another and shorter":   {other, long[:250_001]},
		"of as many bytes":              {long, other[:350_000]},
		"of a line":                     {long, "one line\n"},
		"that was empty":                {"", other[:5000]},
		"that ends at a block, shorter": {other, long[:8192]},
		"that ends at a block, longer":  {long[:4096], other[:8192]},
	}
}

// stage makes a new version of a log with the metadata of the one in the tree.
func (m *member) stageLog(content string) Put {
	put := m.put("log", content)
	must(m.t, os.Chmod(filepath.Join(m.base, "own/stage", put.Staged), 0o644))
	return put
}

// appender has the log open as a daemon has, and writes a line for every step.
func (m *member) appender() *os.File {
	file, err := os.OpenFile(m.live("log"), os.O_WRONLY|os.O_APPEND, 0)
	must(m.t, err)
	m.t.Cleanup(func() { _ = file.Close() })
	return file
}

// linesOf are all lines of the log in the tree and in the archive. What the log was replaced by need not end with its line.
func (m *member) linesOf() map[string]bool {
	m.t.Helper()
	found := map[string]bool{}
	for _, root := range []string{m.live(""), filepath.Join(m.base, "own/archive")} {
		for path, content := range all(m.t, root) {
			if filepath.Base(path) != "log" {
				continue
			}
			for line := range strings.Lines(content) {
				found[line[max(0, strings.Index(line, "daemon line ")):]] = true
			}
		}
	}
	return found
}

// keeps makes sure that each line is in the tree or in the archive.
func (m *member) keeps(lines []string) {
	m.t.Helper()
	found := m.linesOf()
	for _, line := range lines {
		if !found[line] {
			m.t.Errorf("the line %q is lost", line)
		}
	}
}

func (m *member) sameFile(open *os.File) {
	m.t.Helper()
	there, err := os.Stat(m.live("log"))
	must(m.t, err)
	info, err := open.Stat()
	must(m.t, err)
	if !os.SameFile(there, info) {
		m.t.Error("whoever has the file open writes where nobody looks")
	}
}

func onDisks(t *testing.T, run func(t *testing.T, base string)) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) { run(t, scratchfs.Mount(t, kind, 320)) })
	}
}

func TestGivenALogThatIsOnlyAppendedToThenItIsReplacedInPlaceAndNoLineIsLost(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		for name, log := range logs() {
			for _, single := range []bool{false, true} {
				m := newMember(t, filepath.Join(base, strings.ReplaceAll(name, " ", "-")+strconv.FormatBool(single)))
				m.tree.Appended = everybodyAppends
				m.Archive = New(m.tree)
				m.write("log", log[0])
				daemon := m.appender()
				plan := Plan{Entry: "verdict-1", Single: single, Put: []Put{m.stageLog(log[1])}}
				var lines []string
				m.hook = func(what string) error {
					if strings.HasPrefix(what, "copy aside") || single && what == "mark log" {
						return nil // for single rows that would be a write since the look
					}
					if begun := len(all(t, filepath.Join(m.base, "own/journal"))) > 1; single && !begun {
						return nil
					}
					line := fmt.Sprintf("\nwhile: %s\n", what)
					lines = append(lines, line[1:])
					_, err := daemon.WriteString(line)
					return err
				}
				result, err := m.Apply(context.Background(), plan)
				must(t, err)
				m.sameFile(daemon)
				now, err := os.ReadFile(m.live("log"))
				must(t, err)
				if !strings.HasPrefix(string(now), log[1]) || len(result.Late) > 0 {
					t.Errorf("%s: the file does not begin with what was ordered; late are %v", name, result.Late)
				}
				if len(lines) < 5 {
					t.Errorf("%s: only %d lines were written meanwhile", name, len(lines))
				}
				m.keeps(lines)
				kept, err := os.ReadFile(filepath.Join(m.base, "own/archive/verdict-1/files/log"))
				must(t, err)
				if !strings.HasPrefix(string(kept), log[0]) {
					t.Errorf("%s: the archive has not what was there", name)
				}
				if left := all(t, filepath.Join(m.base, "own/journal")); len(left) > 0 {
					t.Errorf("%s: %v is left", name, left)
				}
				if left := all(t, filepath.Join(m.base, "own/stage")); len(left) > 0 {
					t.Errorf("%s: the stage has %d entries", name, len(left))
				}
				if t.Failed() {
					t.Fatalf("%s, single %v", name, single)
				}
			}
		}
	})
}

func TestGivenALogThatNobodyAppendsToMeanwhileThenItIsExactlyTheNewOneAndTheArchiveExactlyTheOld(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		for name, log := range logs() {
			m := newMember(t, filepath.Join(base, strings.ReplaceAll(name, " ", "-")))
			m.tree.Appended = everybodyAppends
			m.Archive = New(m.tree)
			m.write("log", log[0])
			daemon := m.appender()
			before, err := os.Stat(m.live("log"))
			must(t, err)
			put := m.stageLog(log[1])
			_, err = m.Apply(context.Background(), Plan{Entry: "verdict-1", Put: []Put{put}})
			must(t, err)
			m.sameFile(daemon)
			m.expect(map[string]string{"log": log[1]})
			m.archived(map[string]string{"log": log[0]}, map[string]string{"log": log[1]})
			after, err := os.Stat(m.live("log"))
			must(t, err)
			kept, err := os.Stat(filepath.Join(m.base, "own/archive/verdict-1/files/log"))
			must(t, err)
			if after.ModTime().UnixNano() != put.Mtime || !kept.ModTime().Equal(before.ModTime()) || kept.Mode() != before.Mode() {
				t.Errorf("%s: times and modes are %v, %v, %v, %v", name, before.ModTime(), after.ModTime(), kept.ModTime(), kept.Mode())
			}
			if entries, err := m.List(context.Background()); err != nil || len(entries) != 1 || entries[0].Attributed {
				t.Errorf("%s: %+v, %v", name, entries, err)
			}
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

func TestGivenADaemonThatAppendsAllTheTimeThenNoLineIsLostHoweverOftenItsLogIsReplaced(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		m := newMember(t, base)
		m.tree.Appended = func(ctx context.Context, inodes []uint64) (found map[uint64]bool, err error) {
			found = map[uint64]bool{}
			err = m.tree.Live.Control(func(fd int) error {
				uses, _, err := evidence.Guest{}.Writers(ctx, fd, inodes)
				for inode, use := range uses {
					found[inode] = use.AppendOnly
				}
				return err
			})
			return found, err
		}
		m.Archive = New(m.tree)
		m.write("log", "")
		daemon := exec.Command("sh", "-c", `i=0; while [ ! -e "$0" ]; do echo "daemon line $i"; i=$((i+1)); done; echo $i >&2`, filepath.Join(base, "end"))
		log := m.appender()
		var written bytes.Buffer
		daemon.Stdout, daemon.Stderr = log, &written
		must(t, daemon.Start(), log.Close())
		inode := m.state("log").Ino
		for seed := uint64(10); seed < 22; seed++ {
			content := logOf(seed, 1+int(seed*7919%60_000))
			_, err := m.Apply(context.Background(), Plan{Entry: fmt.Sprintf("verdict-%d", seed), Put: []Put{m.stageLog(content)}})
			must(t, err)
			now, err := os.ReadFile(m.live("log"))
			must(t, err)
			if !bytes.HasPrefix(now, []byte(content)) {
				t.Error("the file does not begin with what was ordered")
			}
		}
		if m.state("log").Ino != inode {
			t.Error("the daemon writes where nobody looks")
		}
		must(t, os.WriteFile(filepath.Join(base, "end"), nil, 0o600), daemon.Wait())
		lines, err := strconv.Atoi(strings.TrimSpace(written.String()))
		must(t, err)
		if lines < 1000 {
			t.Errorf("only %d lines were written meanwhile", lines)
		}
		found := m.linesOf()
		for i := range lines {
			if !found[fmt.Sprintf("daemon line %d\n", i)] {
				t.Fatalf("line %d of %d is lost", i, lines)
			}
		}
	})
}

func TestGivenAFileThatMustNotBeReplacedInPlaceThenItIsExchanged(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		for name, prepare := range map[string]func(m *member, put *Put){
			"nobody appends":  func(m *member, _ *Put) { m.tree.Appended = nil },
			"another owner":   func(m *member, p *Put) { must(t, os.Chown(filepath.Join(m.base, "own/stage", p.Staged), 33, 33)) },
			"another mode":    func(m *member, p *Put) { must(t, os.Chmod(filepath.Join(m.base, "own/stage", p.Staged), 0o600)) },
			"an empty one":    func(m *member, p *Put) { must(t, os.Truncate(filepath.Join(m.base, "own/stage", p.Staged), 0)) },
			"with a hole":     func(m *member, p *Put) { must(t, os.Truncate(filepath.Join(m.base, "own/stage", p.Staged), 1<<20)) },
			"of another name": func(m *member, _ *Put) { must(t, os.Link(m.live("log"), m.live("name"))) },
			"somebody writes elsewhere by then": func(m *member, _ *Put) {
				asked := 0
				m.tree.Appended = func(ctx context.Context, inodes []uint64) (map[uint64]bool, error) {
					if asked++; asked > 1 {
						return nil, nil
					}
					return everybodyAppends(ctx, inodes)
				}
			},
		} {
			m := newMember(t, filepath.Join(base, strings.ReplaceAll(name, " ", "-")))
			m.tree.Appended = everybodyAppends
			m.write("log", "the old one")
			put := m.stageLog("the new one, which is longer")
			prepare(m, &put)
			st, err := m.tree.Stage.Stat(put.Staged)
			must(t, err)
			put.Mtime, put.Was = st.Mtime, m.state("log")
			m.Archive = New(m.tree)
			daemon := m.appender()
			_, err = m.Apply(context.Background(), Plan{Entry: "verdict-1", Put: []Put{put}})
			must(t, err)
			kept, err := os.Stat(filepath.Join(m.base, "own/archive/verdict-1/files/log"))
			must(t, err)
			info, err := daemon.Stat()
			must(t, err)
			if !os.SameFile(kept, info) || info.Size() != int64(len("the old one")) {
				t.Errorf("%s: the archive has not the file itself", name)
			}
			if left := all(t, filepath.Join(m.base, "own/stage")); len(left) > 0 {
				t.Errorf("%s: the stage has %v", name, left)
			}
		}
	})
}

func TestGivenFilesThatAreReplacedThenProcessesAreLookedAtOnlyIfSomebodyMayWriteOne(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		for name, open := range map[string]func(m *member){
			"nobody": func(*member) {},
			"a reader": func(m *member) {
				file, err := os.Open(m.live("log"))
				must(t, err)
				t.Cleanup(func() { _ = file.Close() })
			},
			"a writer": func(m *member) {
				file, err := os.OpenFile(m.live("log"), os.O_WRONLY, 0)
				must(t, err)
				t.Cleanup(func() { _ = file.Close() })
			},
			"a mapping": func(m *member) {
				file, err := os.OpenFile(m.live("log"), os.O_RDWR, 0)
				must(t, err)
				memory, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
				must(t, err, file.Close())
				t.Cleanup(func() { must(t, unix.Munmap(memory)) })
			},
		} {
			m := newMember(t, filepath.Join(base, strings.ReplaceAll(name, " ", "-")))
			asked := false
			m.tree.Appended = func(context.Context, []uint64) (map[uint64]bool, error) {
				asked = true
				return nil, nil
			}
			var written []Written
			m.tree.Written = func(found []Written) { written = found }
			m.Archive = New(m.tree)
			m.write("log", "the old one")
			open(m)
			_, err := m.Apply(context.Background(), Plan{Entry: "verdict-1", Put: []Put{m.stageLog("the new one")}})
			must(t, err)
			if wanted := name == "a writer" || name == "a mapping"; asked != wanted || len(written) == 1 != wanted {
				t.Errorf("%s: asked %v, written %v", name, asked, written)
			}
			again, err := m.Archive.Written(context.Background(), 10)
			if err != nil || len(again) != len(written) {
				t.Errorf("%s: in the archive %v, %v", name, again, err)
			}
			for _, one := range append(written, again...) {
				if one.Path != "log" || one.Writing() != Somebody || one.Linked() {
					t.Errorf("%s: %+v", name, one)
				}
				must(t, one.Close())
			}
		}
	})
}
