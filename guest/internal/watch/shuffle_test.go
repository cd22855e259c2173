package watch

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Moves directories into and out of each other, as fast as the watcher follows or faster.
func TestGivenDirectoriesAreMovedIntoEachOtherAllTheTimeThenEachIsWatchedInTheEnd(t *testing.T) {
	for _, kind := range []string{Fanotify, Inotify} {
		t.Run(kind, func(t *testing.T) {
			tree := fileSystem(t, "tmpfs")
			random := rand.New(rand.NewPCG(3, 4))
			var directories []string
			find := func() {
				directories = directories[:0]
				err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
					if err == nil && entry.IsDir() {
						directories = append(directories, path)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for n := range 12 {
				if err := os.Mkdir(filepath.Join(tree, fmt.Sprint("d", n)), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			_, batches := opened(t, tree, Options{Kinds: []string{kind}, After: atOnce})
			for round := range 20 {
				for range 100 {
					find()
					from, to := directories[1+random.IntN(len(directories)-1)], directories[random.IntN(len(directories))]
					_ = os.Rename(from, filepath.Join(to, filepath.Base(from))) // into itself is refused
				}
				if _, overflow := toldUntilNow(t, tree, batches); overflow {
					continue
				}
				find()
				before := walked(t, tree)
				for _, directory := range directories {
					if err := os.WriteFile(filepath.Join(directory, "file"), fmt.Append(nil, round), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				after := walked(t, tree)
				events, overflow := toldUntilNow(t, tree, batches)
				if missing := untold(before, after, events); !overflow && missing != nil {
					t.Fatalf("round %d: %v", round, missing)
				}
			}
		})
	}
}
