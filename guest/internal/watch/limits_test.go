package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestGivenNoOtherWayThenTheWalkSaysThatAnythingMayHaveChanged(t *testing.T) {
	w, batches := opened(t, t.TempDir(), Options{Kinds: []string{Walk}, After: atOnce})
	for range 3 {
		if batch := <-batches; !batch.Overflow || batch.Why == "" {
			t.Fatal(batch)
		}
	}
	if w.Kind() != Walk {
		t.Fatal(w.Kind())
	}
}

func TestGivenMoreDirectoriesThanMayBeWatchedThenTheTreeIsWalkedAndTheReasonSaid(t *testing.T) {
	tree := t.TempDir()
	for n := range 5 {
		if err := os.Mkdir(filepath.Join(tree, fmt.Sprint(n)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w, err := Open(t.Context(), tree, Options{Kinds: []string{Inotify}, MostDirectories: 3, After: never})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.Kind() != Walk || !strings.Contains(w.Why(), "more directories than may be watched") {
		t.Fatal(w.Kind(), w.Why())
	}

	// And when there come to be too many.
	grown, batches := opened(t, tree, Options{Kinds: []string{Inotify}, MostDirectories: 7, After: atOnce})
	for n := range 5 {
		if err := os.MkdirAll(filepath.Join(tree, "new", fmt.Sprint(n)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for batch := range batches {
		if batch.Overflow {
			break
		}
	}
	if grown.Kind() != Walk || grown.Why() == "" {
		t.Fatal(grown.Kind(), grown.Why())
	}
}

func TestGivenAMillionEventsThatNobodyTakesThenMemoryDoesNotGrow(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "tmpfs")
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce})
			held := func() uint64 {
				runtime.GC()
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				return memory.HeapAlloc
			}
			before := held()
			fd, err := unix.Open(tree, unix.O_PATH|directoryFlags, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			for n := range 250_000 { // created, closed, changed, removed
				name := fmt.Sprint("a-name-of-some-length-", n)
				if err := unix.Mknodat(fd, name, unix.S_IFREG|0o600, 0); err != nil {
					t.Fatal(err)
				}
				if err := unix.Fchmodat(fd, name, 0o640, 0); err != nil {
					t.Fatal(err)
				}
				if err := unix.Fchownat(fd, name, 1, 1, 0); err != nil {
					t.Fatal(err)
				}
				if err := unix.Unlinkat(fd, name, 0); err != nil {
					t.Fatal(err)
				}
			}
			grown := int64(held()) - int64(before)
			t.Logf("%d KiB more after a million events", grown>>10)
			if grown > 16<<20 {
				t.Fatalf("the heap grew by %d bytes", grown)
			}
			if batch := <-batches; len(batch.Events) > 8192 {
				t.Fatal(len(batch.Events))
			}
		})
	}
}

func TestGivenChangesWithinTheTimeOfGatheringThenTheyAreToldTogether(t *testing.T) {
	tree := fileSystem(t, "tmpfs")
	begun, pass := make(chan time.Duration), make(chan time.Time)
	after := func(d time.Duration) <-chan time.Time {
		begun <- d
		return pass
	}
	_, batches := opened(t, tree, Options{Kinds: []string{Fanotify}, Gather: 20 * time.Millisecond, After: after})
	if err := os.WriteFile(filepath.Join(tree, "first"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if gathered := <-begun; gathered != 20*time.Millisecond {
		t.Fatal(gathered)
	}
	if err := os.WriteFile(filepath.Join(tree, "second"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pass <- time.Time{}
	if batch := <-batches; batch.Overflow || len(batch.Events) != 2 {
		t.Fatal(batch)
	}
}

func TestGivenTheContextEndsThenTheChannelIsClosedAndCloseIsHarmless(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify, Walk} {
		w, err := Open(t.Context(), t.TempDir(), Options{Kinds: []string{kind}, After: never})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		batches, err := w.Changes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if batch, open := <-batches; open {
			t.Fatal(batch)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Changes(t.Context()); err == nil {
			t.Fatal("a closed watcher began")
		}
	}
}
