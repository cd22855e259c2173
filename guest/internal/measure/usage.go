package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process and its machine used until now.
type usage struct {
	at           time.Time
	cpu          time.Duration // utime + stime, of all its threads
	wakeUps      int           // times that a thread had waited
	resident     int           // KiB
	machine      time.Duration // of all cores together
	machineIdles time.Duration
}

const tick = 10 * time.Millisecond // USER_HZ is 100 on every architecture that Linux has now

func usageOf(pid int) (usage, error) {
	u := usage{at: time.Now()}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("reading what it used: %w", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	u.cpu = time.Duration(number(fields[11])+number(fields[12])) * tick
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return u, err
	}
	var exact time.Duration
	for _, thread := range threads {
		said, err := os.ReadFile(thread + "/schedstat")
		if err == nil && len(said) > 0 {
			exact += time.Duration(number(strings.Fields(string(said))[0]))
		}
		u.wakeUps += value(thread+"/status", "voluntary_ctxt_switches:")
	}
	if exact > 0 { // threads of Go do not end
		u.cpu = exact
	}
	u.resident = value(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
	cpu, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, fmt.Errorf("reading what the machine did: %w", err)
	}
	for i, field := range strings.Fields(strings.SplitN(string(cpu), "\n", 2)[0])[1:9] {
		u.machine += time.Duration(number(field)) * tick
		if i == 3 || i == 4 { // idle, and waiting for disks
			u.machineIdles += time.Duration(number(field)) * tick
		}
	}
	return u, nil
}

// value is the number behind a word of a status file.
func value(path, word string) int {
	said, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(said)) {
		if rest, is := strings.CutPrefix(line, word); is {
			return number(strings.Fields(rest)[0])
		}
	}
	return 0
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // the kernel wrote it
	return n
}

func (u usage) since(before usage) string {
	took := u.at.Sub(before.at)
	return fmt.Sprintf("%.3f %% of a core (%v in %v), %.0f wake-ups a minute, %.1f MB; the machine idles %.1f %%",
		100*float64(u.cpu-before.cpu)/float64(took), (u.cpu - before.cpu).Round(time.Millisecond), took.Round(time.Second),
		float64(u.wakeUps-before.wakeUps)/took.Minutes(), float64(u.resident)/1024,
		100*float64(u.machineIdles-before.machineIdles)/float64(max(1, u.machine-before.machine)))
}

// countCalls has strace count what the program asks of the kernel.
func countCalls(ctx context.Context, s *sidecar, pid int, lasts time.Duration) error {
	if _, err := exec.LookPath("strace"); err != nil {
		return fmt.Errorf("counting system calls: %w", err)
	}
	var said bytes.Buffer
	strace := exec.CommandContext(ctx, "strace", "-c", "-f", "-S", "calls", "-U", "calls,name", "-p", strconv.Itoa(pid))
	strace.Stderr = &said
	if err := strace.Start(); err != nil {
		return fmt.Errorf("counting system calls: %w", err)
	}
	idled := s.idle(ctx, lasts)
	_ = strace.Process.Signal(unix.SIGINT)
	_ = strace.Wait() // it ends as the signal has it
	if idled != nil {
		return idled
	}
	fmt.Printf("system calls in %v:\n", lasts)
	_, err := io.Copy(os.Stdout, &said)
	return err
}
