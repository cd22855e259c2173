package sync

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/scratchfs"
)

// besideRsync fetches and lets rsync -a do the same, over the whole tree or told which rows differ as the fetch is, and prints what
// crossed and how long it took. rsync neither encrypts nor makes durable nor reads back.
func besideRsync(t *testing.T, known bool, prepare func(from, to string), most float64) {
	t.Helper()
	if raced {
		t.Skip("the race detector is no part of what is compared")
	}
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("there is no rsync here to compare with")
	}
	m := newMembers(t, scratchfs.Mount(t, "ext4", 600), scratchfs.Mount(t, "ext4", 600))
	prepare(m.from, m.to)
	peer := filepath.Join(filepath.Dir(m.to), "peer")
	must(t, exec.Command("cp", "-a", m.to, peer).Run())
	order := m.order(m.serve())
	began := time.Now()
	report, err := Fetch(limited(t), order)
	took := time.Since(began)
	must(t, err)
	m.check(order, report)

	began = time.Now()
	output, err := exec.Command("rsync", "-a", "--ignore-times", "--no-whole-file", "--stats", "--no-human-readable", m.from+"/", peer+"/").CombinedOutput()
	if list := filesFrom(order); known && len(list) < 1000 { // rsync too is told which rows differ
		names := filepath.Join(t.TempDir(), "names")
		must(t, os.WriteFile(names, []byte(strings.Join(list, "\x00")), 0o600))
		must(t, os.RemoveAll(peer), exec.Command("cp", "-a", m.to, peer).Run())
		began = time.Now()
		output, err = exec.Command("rsync", "-a", "--ignore-times", "--no-whole-file", "--stats", "--no-human-readable",
			"--from0", "--files-from="+names, m.from+"/", peer+"/").CombinedOutput()
	}
	if err != nil {
		t.Fatalf("rsync: %v: %s", err, output)
	}
	must(t, exec.Command("sync", "-f", peer).Run())
	rsyncTook := time.Since(began)
	var rsync int64
	for _, line := range regexp.MustCompile(`Total bytes (?:sent|received): ([0-9]+)`).FindAllStringSubmatch(string(output), -1) {
		n, err := strconv.ParseInt(line[1], 10, 64)
		must(t, err)
		rsync += n
	}
	ours := report.Sent + report.Received
	ratio := float64(ours) / float64(rsync)
	fmt.Printf("%s: %d bytes, rsync %d: %.2f x; %v until staged, durable and read back, rsync and sync %v: %.2f x\n",
		t.Name(), ours, rsync, ratio, took.Round(time.Millisecond), rsyncTook.Round(time.Millisecond), took.Seconds()/rsyncTook.Seconds())
	if ratio > most {
		t.Errorf("%.2f times the bytes of rsync", ratio)
	}
}

func filesFrom(order FetchOrder) []string {
	var names []string
	for _, row := range order.Trees[0].Rows {
		if row.Path != "" {
			names = append(names, row.Path)
		}
	}
	return names
}

func smallFiles(t *testing.T, dir string) {
	t.Helper()
	for i := range 10_000 {
		write(t, filepath.Join(dir, fmt.Sprintf("d%02d/file%04d", i%50, i)), randomBytes(int64(i), 200+i%5000))
	}
}

func TestBytesBesideRsyncForOneByteIn100MB(t *testing.T) {
	besideRsync(t, false, func(from, to string) {
		content := randomBytes(1, 100_000_000)
		write(t, filepath.Join(to, "large"), content)
		content[50_000_000] ^= 1
		write(t, filepath.Join(from, "large"), content)
	}, 1.1)
}

func TestBytesBesideRsyncForOneNewFileAmong10000(t *testing.T) {
	besideRsync(t, false, func(from, to string) {
		smallFiles(t, to)
		must(t, exec.Command("cp", "-a", to+"/.", from).Run())
		write(t, filepath.Join(from, "d07/new"), randomBytes(9, 3000))
	}, 1.1)
}

func TestBytesBesideAnRsyncThatIsToldTheNewFileAmong10000(t *testing.T) {
	besideRsync(t, true, func(from, to string) {
		smallFiles(t, to)
		must(t, exec.Command("cp", "-a", to+"/.", from).Run())
		write(t, filepath.Join(from, "d07/new"), randomBytes(9, 3000))
	}, 3) // the handshake of TLS is most of it
}

func TestBytesBesideRsyncFor10000SmallFiles(t *testing.T) {
	besideRsync(t, false, func(from, _ string) { smallFiles(t, from) }, 1.2)
}

func TestBytesBesideRsyncFor20MBMovedAtTwoMembers(t *testing.T) {
	var both int64
	for range 2 {
		m := newMembers(t, scratchfs.Mount(t, "ext4", 100), scratchfs.Mount(t, "ext4", 100))
		content := randomBytes(1, 20_000_000)
		write(t, filepath.Join(m.to, "old/place"), content)
		write(t, filepath.Join(m.from, "new/name"), content)
		_, crossed := m.fetched()
		both += crossed
	}
	fmt.Printf("%s: %d bytes for two members\n", t.Name(), both)
	if both > 100_000 {
		t.Errorf("%d bytes for two members", both)
	}
	besideRsync(t, false, func(from, to string) {
		content := randomBytes(1, 20_000_000)
		write(t, filepath.Join(to, "old/place"), content)
		write(t, filepath.Join(from, "new/name"), content)
	}, 0.01)
}
