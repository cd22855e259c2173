package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestGivenACrashAtAnyStepOfAReplacementInPlaceThenItIsEndedFromTheStageAndNoLineIsLost(t *testing.T) {
	onDisks(t, func(t *testing.T, base string) {
		for _, name := range []string{"that grew", "that is another and shorter", "that was empty"} {
			for _, c := range []struct{ still, single bool }{{true, false}, {false, false}, {true, true}} {
				if (!c.still || c.single || strings.Contains(t.Name(), "xfs")) && name != "that is another and shorter" {
					continue
				}
				for stop := 0; ; stop++ {
					m := newMember(t, filepath.Join(base, fmt.Sprintf("%s-%v-%v-%d", strings.ReplaceAll(name, " ", "-"), c.still, c.single, stop)))
					if !m.cut(logs()[name], stop, c.still, c.single) {
						if stop < 10 {
							t.Fatalf("%s: only %d steps", name, stop)
						}
						break
					}
					if t.Failed() {
						t.Fatalf("%s, %+v, cut at %d", name, c, stop)
					}
					must(t, os.RemoveAll(m.base))
				}
			}
		}
	})
}

// cut stops a replacement at a step, has it finished when the daemon is still there or not, and looks; false if it has no such step.
func (m *member) cut(log [2]string, stop int, still, single bool) bool {
	t := m.t
	m.tree.Appended = everybodyAppends
	m.Archive = New(m.tree)
	m.write("log", log[0])
	daemon := m.appender()
	plan := Plan{Entry: "verdict-1", Single: single, Put: []Put{m.stageLog(log[1])}}
	var lines []string
	steps, at, begun := 0, "", !single // before it is begun, a write keeps an order for single rows from it
	m.hook = func(what string) error {
		if steps++; steps > stop {
			at = what
			return errStopped
		}
		if begun = begun || what == "make longer log"; !begun {
			return nil
		}
		line := fmt.Sprintf("\nwhile: %s\n", what)
		lines = append(lines, line[1:])
		_, err := daemon.WriteString(line)
		return err
	}
	_, err := m.Apply(context.Background(), plan)
	if err == nil {
		return false
	}
	if !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	if begun {
		lines = append(lines, "after it\n")
		_, err = daemon.WriteString("\nafter it\n")
		must(t, err)
	}
	if !still {
		m.tree.Appended = nil
	}
	again := m.reopened()
	_, interrupted, err := again.Interrupted()
	must(t, err)
	now, err := os.ReadFile(m.live("log"))
	must(t, err)
	mixed, err := again.mixed(context.Background())
	must(t, err)
	if clean := strings.HasPrefix(string(now), log[0]) || strings.HasPrefix(string(now), log[1]); !clean && !mixed {
		t.Errorf("before %s: nothing says that the file is neither old nor new", at)
	}
	if _, err := again.Finish(context.Background()); err != nil {
		t.Fatalf("finishing after a stop before %s: %v", at, err)
	}
	if interrupted {
		now, err = os.ReadFile(m.live("log"))
		must(t, err)
		if string(now) != log[1] {
			t.Errorf("before %s: after it was finished the file has %d bytes and not the %d ordered", at, len(now), len(log[1]))
		}
		kept := all(t, filepath.Join(m.base, "own/archive/verdict-1"))
		if !strings.HasPrefix(kept["files/log"], log[0]) {
			t.Errorf("before %s: the archive has not what was there", at)
		}
		if still {
			m.sameFile(daemon)
		}
	}
	m.keeps(lines)
	if mixed, err := again.mixed(context.Background()); mixed || err != nil {
		t.Errorf("before %s: it is still said to be mixed: %v", at, err)
	}
	return true
}

func TestGivenAPowerCutAtAnyStepOfAReplacementInPlaceThenTheFileIsOldOrItIsEndedFromTheStage(t *testing.T) {
	log := logs()
	for _, kind := range []string{"ext4", "xfs"} {
		for _, name := range []string{"that grew", "that is another and shorter"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				base, image := scratchfs.MountImage(t, kind, 320)
				m := newMember(t, base)
				m.tree.Appended = everybodyAppends
				m.Archive = New(m.tree)
				m.write("log", log[name][0])
				m.appender()
				put := m.stageLog(log[name][1])
				must(t, exec.Command("sync", "-f", base).Run())
				cuts := m.cutAtEachStep(image)
				_, err := m.Apply(context.Background(), Plan{Entry: "verdict-1", Put: []Put{put}})
				must(t, err)
				mixes := 0
				for i, at := range cuts.before {
					point := cuts.mount(kind, i)
					after := newMember(t, point)
					_, interrupted, err := after.Interrupted()
					must(t, err)
					mixed, err := after.mixed(context.Background())
					must(t, err)
					now, err := os.ReadFile(after.live("log"))
					must(t, err)
					known := string(now) == log[name][0] || string(now) == log[name][1]
					if !known {
						mixes++
					}
					if !known && !mixed {
						t.Errorf("before %s: nothing says that the file is neither old nor new", at)
					}
					_, err = after.Finish(context.Background())
					must(t, err)
					if interrupted {
						after.expect(map[string]string{"log": log[name][1]})
						kept := all(t, filepath.Join(point, "own/archive/verdict-1"))
						if !strings.HasPrefix(kept["files/log"], log[name][0]) {
							t.Errorf("before %s: the archive has not what was there", at)
						}
					}
					if t.Failed() {
						t.Fatalf("cut before %s", at)
					}
				}
				if mixes == 0 || len(cuts.before) < 12 {
					t.Errorf("of %d cuts %d were in the middle", len(cuts.before), mixes)
				}
			})
		}
	}
}

// mixed is true if an interrupted repair left a file that may be neither old nor new.
func (a *Archive) mixed(ctx context.Context) (bool, error) {
	names, err := a.markNames(ctx)
	if err != nil || len(names) == 0 {
		return false, err
	}
	_, interrupted, err := a.Interrupted()
	return interrupted, err
}
