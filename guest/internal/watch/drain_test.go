package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestGivenAnybodyAsksForADrainThenWhatHappenedBeforeWasLookedAtWhenItEnds(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify, Walk} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "tmpfs")
			w, batches := opened(t, tree, Options{Kinds: []string{kind}, After: never}) // neither gathering nor the interval ends by itself
			for i := range 200 {
				name := fmt.Sprintf("file-%d", i)
				if i%3 > 0 { // sometimes nothing happened
					if err := os.WriteFile(filepath.Join(tree, name), nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				done := w.Drain()
				told := i%3 == 0
				for ended := false; !ended; {
					select {
					case batch := <-batches:
						told = told || batch.Overflow
						for _, event := range batch.Events {
							told = told || event.Path == name
						}
						select {
						case <-done:
							t.Fatal("it ended before anybody had looked")
						default:
						}
						batch.Looked()
					case <-done:
						ended = true
					case <-time.After(time.Minute):
						t.Fatalf("the drain after %s did not end", name)
					}
				}
				if !told {
					t.Fatalf("%s was not told", name)
				}
			}
		})
	}
}

func TestGivenManyAskWhileEventsCannotBeReadAnyMoreThenAWalkIsAskedForAndAllGoOn(t *testing.T) {
	w, batches := opened(t, fileSystem(t, "tmpfs"), Options{Kinds: []string{Fanotify}, After: never})
	if err := w.(*watcher).source.close(); err != nil {
		t.Fatal(err)
	}
	var all []<-chan struct{}
	for range 20 {
		all = append(all, w.Drain())
	}
	walked := false
	for _, one := range all {
		for ended := false; !ended; {
			select {
			case batch := <-batches:
				walked = walked || batch.Overflow
				batch.Looked()
			case <-one:
				ended = true
			case <-time.After(time.Minute):
				t.Fatal("it did not end")
			}
		}
	}
	if !walked || w.Kind() != Walk {
		t.Fatal(walked, w.Kind(), w.Why())
	}
}

func TestGivenTheWatcherEndsThenWhoeverWaitsForADrainGoesOn(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify, Walk} {
		tree := t.TempDir()
		w, err := Open(t.Context(), tree, Options{Kinds: []string{kind}, After: never})
		if err != nil {
			t.Fatal(err)
		}
		<-w.Drain() // it has not begun
		if _, err := w.Changes(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting := w.Drain() // nobody takes its batch
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, one := range []<-chan struct{}{waiting, w.Drain()} {
			select {
			case <-one:
			case <-time.After(time.Minute):
				t.Fatal("it waits")
			}
		}
	}
}
