package fingerprint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGivenASizeThenTheFilesThatStillHaveItAreNamed(t *testing.T) {
	path := t.TempDir()
	write := func(name string, size int) {
		must(t, os.WriteFile(filepath.Join(path, name), make([]byte, size), 0o600))
	}
	for _, name := range []string{"b", "a", "grows", "goes"} {
		write(name, 2000)
	}
	write("small", 10)
	write("other", 3000)
	must(t, os.Mkdir(filepath.Join(path, "directory"), 0o700))
	must(t, os.Link(filepath.Join(path, "other"), filepath.Join(path, "z")))
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
	scan(t, s)
	sizes := s.Sizes(1000)
	of := func(size int64) (names []string) {
		for row, link := range sizes.Of(size, Digest{}) {
			names = append(names, row.Path+">"+link)
		}
		slices.Sort(names)
		return names
	}
	if got := of(2000); !slices.Equal(got, []string{"a>", "b>", "goes>", "grows>"}) {
		t.Error(got)
	}
	if got := of(3000); !slices.Equal(got, []string{"other>", "z>other"}) {
		t.Error(got)
	}
	if got := append(of(10), of(2500)...); len(got) > 0 {
		t.Error(got)
	}
	must(t, os.WriteFile(filepath.Join(path, "b"), bytes.Repeat([]byte("b"), 2000), 0o600))
	rows := scan(t, s)
	sizes = s.Sizes(1000)
	for _, path := range []string{"a", "b"} {
		for row := range sizes.Of(2000, rows[path].Digest) {
			if row.Digest != rows[path].Digest {
				t.Errorf("%q comes before %q", row.Path, path)
			}
			break
		}
	}
	write("grows", 2001)
	write("new", 2000)
	must(t, os.Remove(filepath.Join(path, "goes")))
	scan(t, s)
	if got := of(2000); !slices.Equal(got, []string{"a>", "b>"}) {
		t.Error(got)
	}
	must(t, s.Close())
	if got := of(2000); len(got) > 0 {
		t.Error(got)
	}
}
