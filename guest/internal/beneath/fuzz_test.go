package beneath

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the name, with openat2 and without: both find the same, and never what is outside.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", "a/b", "..", "/", "a/../..", "link", "link/x", "a//b", "./a", "\x00", strings.Repeat("a/", 3000) + "a"} {
		f.Add(name)
	}
	point := f.TempDir()
	tree := filepath.Join(point, "tree")
	must(f, os.MkdirAll(filepath.Join(tree, "a", "b"), 0o755))
	must(f, os.WriteFile(filepath.Join(point, "x"), nil, 0o600))
	must(f, os.Symlink("..", filepath.Join(tree, "link")))
	above := open(f, point, Kernel{})
	outside, err := above.Stat(".")
	must(f, err)
	x, err := above.Stat("x")
	must(f, err)
	today, before := open(f, tree, Kernel{}), open(f, tree, Kernel{NoOpenat2: true})
	f.Fuzz(func(t *testing.T, name string) {
		st, err := today.Stat(name)
		same, sameErr := before.Stat(name)
		if st != same || (err == nil) != (sameErr == nil) || errors.Is(err, ErrLink) != errors.Is(sameErr, ErrLink) {
			t.Fatalf("%q: %+v %v, but %+v %v", name, st, err, same, sameErr)
		}
		if err == nil && (st.Ino == outside.Ino || st.Ino == x.Ino) {
			t.Fatalf("%q led out", name)
		}
	})
}

func FuzzListings(f *testing.F) {
	f.Add([]byte("12345678abcdefgh\x18\x00\x08ab\x00\x00\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, buffer []byte) {
		total := 0
		_ = eachEntry(buffer, func(name []byte, _ byte) error {
			if total += len(name); total > len(buffer) || strings.Contains(string(name), "\x00") {
				t.Fatalf("%q of nothing", name)
			}
			return nil
		})
	})
}
