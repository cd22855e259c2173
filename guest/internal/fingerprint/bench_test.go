package fingerprint

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A walk over 10,000 files that finds nothing new: most of what an idle guest pays for.
func BenchmarkWalkOverTenThousandFiles(b *testing.B) {
	tree := b.TempDir()
	for i := range 10_000 {
		directory := filepath.Join(tree, fmt.Sprintf("d%02d", i/100))
		if i%100 == 0 {
			if err := os.Mkdir(directory, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(directory, fmt.Sprintf("page-%08d.html", i)), []byte("page"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	key, err := NewKey(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Tree{Name: "site", Path: tree}, key, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Walk(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Walk(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
