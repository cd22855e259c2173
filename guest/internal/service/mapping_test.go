package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/wire"
)

const (
	mapperEnv = "VIRTQUORUM_MAPS"
	mapped    = 4096 // bytes of the file: the number of the newest store, and zeros
)

// TestAsMapper is what another process does: it stores through one mapping every second, until its input ends.
func TestAsMapper(t *testing.T) {
	if os.Getenv(mapperEnv) == "" {
		t.Skip("only as the process that stores")
	}
	memory, err := unix.Mmap(3, 0, mapped, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	next := time.NewTicker(time.Second)
	for stores := uint64(1); ; stores++ {
		binary.BigEndian.PutUint64(memory, stores)
		select {
		case <-ended:
			fmt.Println("stored", stores)
			return
		case <-next.C:
		}
	}
}

// mapper starts that process; the function that it returns ends it.
func mapper(t *testing.T, path string) (stop func()) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	command := exec.Command("/proc/self/exe", "-test.run=^TestAsMapper$", "-test.timeout=0")
	command.ExtraFiles, command.Env = []*os.File{file}, []string{mapperEnv + "=1"}
	said := &strings.Builder{}
	command.Stdout, command.Stderr = said, said
	input, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		input.Close()
		if err := command.Wait(); err != nil || !strings.Contains(said.String(), "stored") {
			t.Errorf("the process that stores: %v: %s", err, said)
		}
	}
}

func TestGivenAProcessThatStoresThroughOneMappingUnderAuditsThenNothingIsCalledRotAndEachStoreIsRemembered(t *testing.T) {
	tree := filepath.Join(scratchfs.Mount(t, "ext4", 64), "tree")
	path := filepath.Join(tree, "database")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, mapped), 0o644); err != nil {
		t.Fatal(err)
	}
	s, _ := newService(t, func(o *Options) { o.Writers = evidence.Guest{} })
	configure := configureOf(tree)
	mustDo(t, s, configure)
	held, err := s.member.trees[0].use()
	if err != nil {
		t.Fatal(err)
	}
	key, err := fingerprint.NewKey(configure.Key)
	if err != nil {
		t.Fatal(err)
	}
	// digestAfter is the row's after so many stores.
	digestAfter := func(stores uint64) fingerprint.Digest {
		entry, err := fingerprint.Describe(held.Rows.Root(), "database", false)
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, mapped)
		binary.BigEndian.PutUint64(content, stores)
		sum := sha256.Sum256(content)
		return key.Row(entry, hex.EncodeToString(sum[:]))
	}
	stored := func() uint64 {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return binary.BigEndian.Uint64(content)
	}
	stop := mapper(t, path)
	lasts := scratchfs.AttackTime(t, 4*time.Second)
	remembered, kept, changed := uint64(0), 0, 0
	keep := func() (rememberedNow bool) {
		seen := mustDo(t, s, &wire.Audit{}).GetLook()
		for _, change := range seen.Changes {
			changed++
			if isRot(change) {
				t.Fatalf("%q is called rot after store %d: %v", change.Path, stored(), change)
			}
		}
		_, _, err := do(t, s, &wire.Remember{Position: &wire.Position{Tenure: 1, Sequence: 1}, Root: bytes.Repeat([]byte{9}, 32), Look: seen.Number})
		if reason(err) == wire.Reason_REASON_VOID {
			return false // it changed meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		row := fingerprint.Digest{}
		s.member.trees[0].mu.Lock()
		for one, err := range s.member.trees[0].past.memory.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if one.Path == "database" {
				row = one.Digest
			}
		}
		s.member.trees[0].mu.Unlock()
		for remembered <= stored() && digestAfter(remembered) != row {
			remembered++
		}
		if remembered > stored() {
			t.Fatal("what is remembered was never stored")
		}
		kept++
		return true
	}
	next := time.NewTicker(100 * time.Millisecond)
	defer next.Stop()
	for until := time.Now().Add(lasts); time.Now().Before(until); <-next.C {
		before := stored()
		if keep() && remembered < before {
			t.Fatalf("store %d is not remembered, only %d", before, remembered)
		}
	}
	stop()
	for remembered < stored() {
		keep()
	}
	t.Logf("%d stores in %v, all remembered; remembered %d times, %d changes seen, none called rot", remembered, lasts, kept, changed)
}
