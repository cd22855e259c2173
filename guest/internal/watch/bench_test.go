package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// From a write to the batch that names it, with the 20 ms of gathering.
func BenchmarkFromWriteToBatch(b *testing.B) {
	for _, kind := range []string{Fanotify, Inotify} {
		b.Run(kind, func(b *testing.B) {
			tree := b.TempDir()
			w, err := Open(b.Context(), tree, Options{Kinds: []string{kind}, Skip: func(path string) bool { return path != "file" }})
			if err != nil || w.Kind() != kind {
				b.Skip(err)
			}
			defer w.Close()
			batches, err := w.Changes(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			file, err := os.Create(filepath.Join(tree, "file"))
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			<-batches
			for b.Loop() {
				if _, err := file.Write([]byte("x")); err != nil {
					b.Fatal(err)
				}
				<-batches
			}
		})
	}
}

// What a thousand writes to a thousand files cost, with all that the program does for them in its own thread.
func BenchmarkThousandWrites(b *testing.B) {
	for _, kind := range []string{Fanotify, Inotify, Walk} {
		b.Run(kind, func(b *testing.B) {
			tree := b.TempDir()
			w, err := Open(b.Context(), tree, Options{Kinds: []string{kind}, After: never})
			if err != nil || w.Kind() != kind {
				b.Skip(err)
			}
			defer w.Close()
			var files []*os.File
			for n := range 1000 {
				file, err := os.Create(filepath.Join(tree, fmt.Sprint(n)))
				if err != nil {
					b.Fatal(err)
				}
				defer file.Close()
				files = append(files, file)
			}
			into, buffer := newGatherer(w.(*watcher).options), make([]byte, readSize)
			for b.Loop() {
				for _, file := range files {
					if _, err := file.Write([]byte("x")); err != nil {
						b.Fatal(err)
					}
				}
				drain(b, w.(*watcher).source, into, buffer)
			}
		})
	}
}

// Takes what is in the kernel's queue, as a round does.
func drain(b *testing.B, from source, into *gatherer, buffer []byte) {
	b.Helper()
	var events *os.File
	var take func(read []byte) ([]byte, error)
	switch s := from.(type) {
	case *fanotify:
		events = s.events
		take = func(read []byte) ([]byte, error) {
			event, rest, err := parseFanotify(read)
			s.take(event, into)
			return rest, err
		}
		defer clear(s.inodes)
		defer clear(s.owners)
	case *inotify:
		events = s.events
		take = func(read []byte) ([]byte, error) {
			event, rest, err := parseInotify(read)
			return rest, errors.Join(err, s.take(b.Context(), event, into))
		}
	default:
		return
	}
	for n := 1; n > 0; {
		_ = control(events, func(fd int) error {
			n, _ = unix.Read(fd, buffer)
			return nil
		})
		for read := buffer[:max(n, 0)]; len(read) > 0; {
			var err error
			if read, err = take(read); err != nil {
				b.Fatal(err)
			}
		}
	}
	into.take()
}

// Beginning to watch ten thousand directories.
func BenchmarkOpenTenThousandDirectories(b *testing.B) {
	tree := b.TempDir()
	for n := range 10_000 {
		if err := os.MkdirAll(filepath.Join(tree, fmt.Sprint(n%100), fmt.Sprint(n)), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range []string{Fanotify, Inotify} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				w, err := Open(b.Context(), tree, Options{Kinds: []string{kind}})
				if err != nil || w.Kind() != kind {
					b.Skip(err, w.Why())
				}
				w.Close()
			}
		})
	}
}
