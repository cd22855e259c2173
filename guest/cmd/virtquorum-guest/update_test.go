package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/wire"
)

func TestGivenANewerProgramThatWorksThenItTakesThePlaceAndThePreviousOneIsKept(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot()
	pid := v.process.Process.Pid
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0"})); err != nil || message.GetAnswer().GetUpdating() == nil {
		t.Fatal(message, err)
	}
	trial := v.sidecar()
	if trial.welcome.Version != "2.0.0" || trial.welcome.GetUpdate().GetState() != wire.UpdateState_UPDATE_STATE_ON_TRIAL || !v.inPlace("1.0.0") {
		t.Fatal(trial.welcome)
	}
	s := v.settle()
	if s.welcome.Version != "2.0.0" || s.welcome.Update != nil || !v.inPlace("2.0.0") {
		t.Fatal(s.welcome)
	}
	if running, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); err != nil || running != v.program {
		t.Fatalf("process %d is %s, %v", pid, running, err)
	}
	said, err := exec.Command(v.program+".previous", "version").Output()
	if err != nil || strings.TrimSpace(string(said)) != "1.0.0" {
		t.Fatal(string(said), err)
	}
	v.leavesNothing()
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0"})); err != nil || message.GetRefusal().GetDetail() != "NotNewer" {
		t.Fatal(message, err)
	}
}

func TestGivenANewerProgramThatDoesNotWorkThenTheOneBeforeGoesOnAndItIsNotTriedAgain(t *testing.T) {
	for how, why := range map[string]string{
		"crash":  "this program is broken",
		"hang":   "not confirmed within",
		"mute":   "not confirmed within",
		"vanish": "ended before it was confirmed",
	} {
		t.Run(how, func(t *testing.T) {
			v := newVM(t, behaviour{Version: "1.0.0"})
			v.boot()
			newer := programOf(t, behaviour{Version: "2.0.0", Run: how})
			short := func(order *wire.Update) {
				if strings.HasPrefix(why, "not") { // it never ends by itself
					order.TrialMillis = 1_000
				}
			}
			if message, err := v.push(newer, short); err != nil || message.GetAnswer().GetUpdating() == nil {
				t.Fatal(message, err)
			}
			for _, again := range []bool{false, true} {
				if again { // it is known after a boot, too
					v.boot()
				}
				s := v.sidecar()
				mark := s.welcome.GetUpdate()
				if s.welcome.Version != "1.0.0" || mark.GetState() != wire.UpdateState_UPDATE_STATE_FAILED ||
					mark.GetVersion() != "2.0.0" || !strings.Contains(mark.GetSentence(), why) {
					t.Fatal(s.welcome)
				}
			}
			if message, err := v.push(newer, short); err != nil || message.GetRefusal().GetDetail() != "FailedBefore" {
				t.Fatal(message, err)
			}
			v.leavesNothing()
			repaired := programOf(t, behaviour{Version: "2.0.1"})
			if message, err := v.push(repaired, func(order *wire.Update) { order.Version = "2.0.1" }); err != nil || message.GetAnswer() == nil {
				t.Fatal(message, err)
			}
			if s := v.settle(); s.welcome.Version != "2.0.1" || s.welcome.Update != nil {
				t.Fatal(s.welcome)
			}
		})
	}
}

func TestGivenANewerProgramThatNobodyConfirmsThenTheOneBeforeGoesOn(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot()
	short := func(order *wire.Update) { order.TrialMillis = 10_000 }
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0"}), short); err != nil || message.GetAnswer().GetUpdating() == nil {
		t.Fatal(message, err)
	}
	trial := v.sidecar()
	if trial.welcome.Version != "2.0.0" {
		t.Fatal(trial.welcome)
	}
	trial.close() // the sidecar has nothing to say until the session ends
	if s := v.sidecar(); s.welcome.Version != "1.0.0" || s.welcome.GetUpdate().GetState() != wire.UpdateState_UPDATE_STATE_FAILED {
		t.Fatal(s.welcome)
	}
}

func TestGivenAProgramThatWorksOnTrialAndNotInItsPlaceThenTheOneBeforeComesBack(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot()
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0", Run: "crash in place"})); err != nil || message.GetAnswer() == nil {
		t.Fatal(message, err)
	}
	trial := v.sidecar()
	if ends, err := trial.confirm(v.tree); err != nil || !ends {
		t.Fatal(ends, err)
	}
	trial.close()
	var s *sidecar
	<-v.ended
	for i := 0; i < 4 && s == nil; i++ { // as a service manager does
		v.boot()
		for running := true; running && s == nil; {
			s = v.attach()
			select {
			case <-v.ended:
				running = false
			default:
			}
		}
	}
	if s == nil {
		t.Fatal("it does not come back")
	}
	if s.welcome.Version != "1.0.0" || !strings.Contains(s.welcome.GetUpdate().GetSentence(), "in its place") || !v.inPlace("1.0.0") {
		t.Fatal(s.welcome)
	}
}

func TestGivenSomethingWrongWithWhatComesThenItIsRefusedAndTheProgramGoesOn(t *testing.T) {
	good := programOf(t, behaviour{Version: "2.0.0"})
	other := bytes.Clone(good)
	other[18] = 183 // e_machine
	if runtime.GOARCH == "arm64" {
		other[18] = 62
	}
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot()
	for detail, wrong := range map[string]struct {
		content []byte
		change  func(*wire.Update)
	}{
		"Digest":    {good, func(order *wire.Update) { order.Digest = make([]byte, 32) }},
		"Machine":   {other, func(*wire.Update) {}},
		"Size":      {good, func(order *wire.Update) { order.Size-- }},
		"NotNewer":  {good, func(order *wire.Update) { order.Version = "1.0.0-rc.1" }},
		"Version":   {good, func(order *wire.Update) { order.Version = "3.0.0" }},
		"SelfCheck": {programOf(t, behaviour{Version: "2.0.0", Run: "sick"}), func(*wire.Update) {}},
	} {
		message, err := v.push(wrong.content, wrong.change)
		if err != nil || message.GetRefusal().GetDetail() != detail {
			t.Fatal(detail, message, err)
		}
		v.leavesNothing()
	}
	for name, change := range map[string]func(*wire.Update){
		"another machine's": func(order *wire.Update) { order.Architecture = "riscv64" },
		"33 MiB":            func(order *wire.Update) { order.Size = 33 << 20 },
		"nothing":           func(order *wire.Update) { order.Size = 0 },
		"a short digest":    func(order *wire.Update) { order.Digest = order.Digest[:20] },
		"an endless trial":  func(order *wire.Update) { order.TrialMillis = 3_600_000 },
	} {
		if message, err := v.push(good, change); err != nil || message.GetRefusal() == nil {
			t.Fatal(name, message, err)
		}
	}
	if s := v.sidecar(); s.welcome.Version != "1.0.0" || s.welcome.Update != nil {
		t.Fatal(s.welcome)
	}
}

func TestGivenADirectoryInWhichOthersWriteThenNothingIsPutThere(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	if err := os.Chmod(filepath.Dir(v.program), 0o777); err != nil {
		t.Fatal(err)
	}
	v.boot()
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0"})); err != nil || message.GetRefusal().GetDetail() != "Place" {
		t.Fatal(message, err)
	}
	v.leavesNothing()
}

func TestGivenAPowerCutAtAnyStepThenAProgramServesAndTheUpdateIsDoneAtTheNextTry(t *testing.T) {
	for _, step := range []string{"written", "proven", "marked", "tried", "kept", "decided", "exchanged", "durable"} {
		t.Run(step, func(t *testing.T) {
			v := newVM(t, behaviour{Version: "1.0.0"})
			v.boot(killStep + "=" + step)
			newer := programOf(t, behaviour{Version: "2.0.0"})
			message, err := v.push(newer)
			if err == nil && message.GetAnswer().GetUpdating() == nil {
				t.Fatal(message)
			}
			if step == "kept" || step == "decided" || step == "exchanged" || step == "durable" {
				trial := v.sidecar()
				if _, err := trial.confirm(v.tree); err == nil {
					trial.close()
				}
			}
			<-v.ended
			v.boot()
			s := v.settle()
			if done := step == "exchanged" || step == "durable"; (s.welcome.Version == "2.0.0") != done {
				t.Fatal(s.welcome)
			}
			if s.welcome.Update != nil {
				t.Fatal(s.welcome)
			}
			v.leavesNothing()
			if s.welcome.Version == "1.0.0" {
				if message, err := v.push(newer); err != nil || message.GetAnswer().GetUpdating() == nil {
					t.Fatal(message, err)
				}
				s = v.settle()
			}
			if s.welcome.Version != "2.0.0" || !v.inPlace("2.0.0") {
				t.Fatal(s.welcome)
			}
		})
	}
}

func TestGivenAPowerCutWhileAFailureIsNotedThenTheProgramFromBeforeServes(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot(killStep + "=failed")
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0", Run: "crash"})); err != nil || message.GetAnswer() == nil {
		t.Fatal(message, err)
	}
	<-v.ended
	v.boot()
	if s := v.sidecar(); s.welcome.Version != "1.0.0" || s.welcome.GetUpdate().GetState() != wire.UpdateState_UPDATE_STATE_FAILED {
		t.Fatal(s.welcome)
	}
	v.leavesNothing()
}

func TestGivenTrialsThatAreCutOffAgainAndAgainThenTheProgramIsNotTriedAnyMore(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	newer := programOf(t, behaviour{Version: "2.0.0"})
	for range 3 {
		v.boot(killStep + "=tried")
		if message, err := v.push(newer); err == nil && message.GetAnswer() == nil {
			t.Fatal(message)
		}
		<-v.ended
	}
	v.boot()
	s := v.sidecar()
	if s.welcome.Version != "1.0.0" || !strings.Contains(s.welcome.GetUpdate().GetSentence(), "cut off 3 times") {
		t.Fatal(s.welcome)
	}
	v.leavesNothing()
}

func TestGivenAProgramThatIsToldToEndDuringATrialThenBothEnd(t *testing.T) {
	v := newVM(t, behaviour{Version: "1.0.0"})
	v.boot()
	if message, err := v.push(programOf(t, behaviour{Version: "2.0.0"})); err != nil || message.GetAnswer() == nil {
		t.Fatal(message, err)
	}
	trial := v.sidecar()
	if err := v.process.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-v.ended
	if code := v.process.ProcessState.ExitCode(); code != 0 {
		t.Fatal(code)
	}
	trial.close()
	v.boot()
	if s := v.sidecar(); s.welcome.Version != "1.0.0" || s.welcome.Update != nil {
		t.Fatal(s.welcome)
	}
}
