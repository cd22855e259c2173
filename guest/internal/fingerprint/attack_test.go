package fingerprint

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/scratchfs"
)

func TestAsAttacker(t *testing.T) { scratchfs.RunAttacker(t) }

func TestGivenATreesOwnerWhoSwapsAllInItThenLookingAndReadingStayInsideAndTheRestIsRead(t *testing.T) {
	for name, kernel := range map[string]beneath.Kernel{"today": {}, "before5": {NoOpenat2: true, NoStatx: true}} {
		t.Run(name, func(t *testing.T) {
			point := scratchfs.Mount(t, "ext4", 64)
			path := filepath.Join(point, "tree")
			must(t, os.MkdirAll(filepath.Join(path, "rest"), 0o755))
			must(t, os.WriteFile(filepath.Join(path, "rest", "calm"), []byte("x"), 0o600))
			canary := scratchfs.NewCanary(t, filepath.Join(point, "canary"))
			stop := scratchfs.Attack(t, path, canary)
			s := scanner(t, Tree{Name: "t", Path: path}, Options{Kernel: kernel})
			random := rand.New(rand.NewPCG(1, 1))
			reads := 0
			for until := time.Now().Add(scratchfs.AttackTime(t, 2*time.Second)); time.Now().Before(until); {
				_, err := s.Walk(t.Context())
				must(t, err)
				done, err := s.Read(t.Context(), Reading{})
				must(t, err)
				_, err = s.Look(t.Context(), slices.Values([]string{scratchfs.AttackedName(random), scratchfs.AttackedName(random), "rest"}))
				must(t, err)
				_, err = s.Read(t.Context(), Reading{Paths: s.Files(), PastCache: true})
				must(t, err)
				reads += done.Files
				if row, known := s.Row("rest/calm"); !known || row.Unread {
					t.Fatalf("the rest is not read: %+v", row)
				}
				if _, known := s.Row("d0/secret"); known {
					t.Fatal("what is outside is a row")
				}
			}
			stop()
			canary.Untouched(t)
			got := scan(t, s)
			other := scanner(t, s.Tree(), Options{Kernel: kernel})
			fresh := scan(t, other)
			if len(got) != len(fresh) {
				t.Fatal(first(got, fresh))
			}
			for path, row := range fresh {
				if got[path].Digest != row.Digest {
					t.Errorf("%q: %+v, the same as %q, and afresh %+v, the same as %q", path, got[path], s.LinkTo(path), row, other.LinkTo(path))
				}
			}
			t.Log(reads, " files read")
		})
	}
}
