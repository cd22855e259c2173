package evidence

import (
	"os"
	"path/filepath"
	"testing"
)

// A guest with these files.
func guestWith(t *testing.T, files map[string]string) Guest {
	t.Helper()
	g := Guest{Root: t.TempDir()}
	for name, content := range files {
		path := filepath.Join(g.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func linked(t *testing.T, g Guest, target, name string) {
	t.Helper()
	path := filepath.Join(g.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}
