package fingerprint

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtquorum.io/guest/internal/scratchfs"
)

// rss is the process's resident memory in megabytes, now and at most.
func rss(t testing.TB) (now, most int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	for line := range strings.Lines(string(status)) {
		words := strings.Fields(line)
		switch words[0] {
		case "VmRSS:":
			now, _ = strconv.Atoi(words[1])
		case "VmHWM:":
			most, _ = strconv.Atoi(words[1])
		}
	}
	return now >> 10, most >> 10
}

// VIRTQUORUM_FILES says how many files (10000, 1000000); the limits are those of the product.
func TestGivenManyFilesThenTheMemoryIsBounded(t *testing.T) {
	files, err := strconv.Atoi(os.Getenv("VIRTQUORUM_FILES"))
	if err != nil {
		t.Skip("VIRTQUORUM_FILES says how many files to make; it can take minutes")
	}
	path := scratchfs.Mount(t, "tmpfs", 0)
	for n := range files {
		dir := filepath.Join(path, fmt.Sprintf("directory-%04d", n/1000))
		if n%1000 == 0 {
			must(t, os.Mkdir(dir, 0o755))
		}
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("a-file-with-a-name-%07d", n)), []byte("x"), 0o600))
	}
	debug.FreeOSMemory()
	before, _ := rss(t)
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later, Most: 2 * files})
	timed := func(what string, do func() error) {
		began := time.Now()
		must(t, do())
		now, most := rss(t)
		t.Logf("%d files, %s: %s, RSS %d MB, at most %d MB (before the first %d MB)", files, what, time.Since(began).Round(time.Millisecond), now, most, before)
	}
	walk := func() error {
		_, err := s.Walk(t.Context())
		return err
	}
	timed("the first walk", walk)
	timed("reading", func() error {
		_, err := s.Read(t.Context(), Reading{})
		return err
	})
	for range 3 {
		timed("a walk", walk)
	}
	timed("all rows", func() error {
		for range s.Rows() {
		}
		return nil
	})
	limit := 20
	if files > 20_000 {
		limit = 250
	}
	if _, most := rss(t); most > limit {
		t.Errorf("at most %d MB, not %d MB", most, limit)
	}
}
