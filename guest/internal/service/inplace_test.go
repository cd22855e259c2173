package service

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

func TestGivenADaemonThatAppendsToALogThenWhatItWritesAfterARepairIsWhereUsersLook(t *testing.T) {
	p := newPair(t)
	p.moveJoiner("ext4")
	p.joiner.options.Writers = evidence.Guest{}
	file, err := os.OpenFile(filepath.Join(p.joinerDir, "same"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("sh", "-c", "read go; echo a line of the daemon; read end")
	daemon.Stdout = file
	tell, err := daemon.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = tell.Close()
		_ = daemon.Wait()
	})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	mustDo(t, p.joiner, &wire.Look{Walk: true})
	answer, err := doWith(t, p.joiner, applyOf("verdict-1"), p.fetch())
	if err != nil {
		t.Fatal(err)
	}
	if stale := answer.GetApplied().GetSeen().GetStale(); len(stale) != 0 {
		t.Error(stale)
	}
	if _, err := fmt.Fprintln(tell, "go"); err != nil {
		t.Fatal(err)
	}
	wanted, err := os.ReadFile(filepath.Join(p.donorTree, "same"))
	if err != nil {
		t.Fatal(err)
	}
	within(t, func() bool {
		now, err := os.ReadFile(filepath.Join(p.joinerDir, "same"))
		return err == nil && string(now) == string(wanted)+"a line of the daemon\n"
	})
}

// within waits for something that a process does.
func within(t *testing.T, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestGivenAFileThatWasHalfReplacedWhenThePowerWentThenNobodyTakesTheTreeForAnythingUntilItIsEnded(t *testing.T) {
	p := newPair(t)
	configure := p.moveJoiner("ext4")
	p.joiner.Close()
	own, err := filepath.Glob(filepath.Join(p.joinerDir, ".virtquorum", "*", "journal"))
	if err != nil || len(own) != 1 {
		t.Fatal(own, err)
	}
	stage, log := filepath.Join(filepath.Dir(own[0]), "stage", "staged"), filepath.Join(p.joinerDir, "same")
	inode := func(path string) (uint64, int64) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino, info.Size()
	}
	put := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(log, "the new one that is not w\x00\x00\x00")
	const wanted = "the new one that is now whole"
	put(stage, wanted)
	at, size := inode(stage)
	live, _ := inode(log)
	step, err := json.Marshal(map[string]any{
		"row": archive.Row{Path: "same", What: archive.Replaced, OldType: "f"}, "staged": "staged",
		"new": archive.State{Type: 'f', Ino: at, Size: size}, "was": archive.State{Type: 'f', Ino: live},
	})
	if err != nil {
		t.Fatal(err)
	}
	journal := `{"virtquorum-journal":1,"tree":"` + configure.Trees[0].Name + `","entry":"verdict-1","single":true}` + "\n"
	put(filepath.Join(own[0], "open-staged"), fmt.Sprintf(`{"path":"same","ino":%d}`, live))

	put(filepath.Join(own[0], "applying"), journal+"no step\n") // so that it cannot be ended
	again, _ := newService(t)
	answer := mustDo(t, again, configure)
	if _, _, err := do(t, again, &wire.Rows{}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Error("its rows were told:", err)
	}
	if state := answer.GetConfigured().Trees[0]; !strings.Contains(state.Sentence, "a repair was interrupted") {
		t.Error(state)
	}
	again.Close()

	put(filepath.Join(own[0], "applying"), journal+string(step)+"\n")
	last, _ := newService(t)
	mustDo(t, last, configure)
	mustDo(t, last, &wire.Look{Walk: true})
	if now, err := os.ReadFile(log); err != nil || string(now) != wanted {
		t.Errorf("%q, %v", now, err)
	}
	if left, _ := filepath.Glob(filepath.Join(own[0], "*")); len(left) != 0 {
		t.Error(left)
	}
}
