package scratchfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGivenACanaryThenEachTouchOfItIsSeen(t *testing.T) {
	for what, touch := range map[string]func(path string) error{
		"reading": func(path string) error { _, err := os.ReadFile(filepath.Join(path, "d0", "f0")); return err },
		"listing": func(path string) error { _, err := os.ReadDir(filepath.Join(path, "d1")); return err },
		"writing": func(path string) error { return os.WriteFile(filepath.Join(path, "new"), nil, 0o600) },
		"a mode":  func(path string) error { return os.Chmod(path, 0o711) },
		"an owner": func(path string) error {
			return os.Lchown(filepath.Join(path, "secret"), os.Geteuid(), os.Getegid())
		},
	} {
		canary := NewCanary(t, filepath.Join(t.TempDir(), "canary"))
		if err := touch(canary.Path); err != nil {
			t.Fatal(err)
		}
		if canary.Touched(t) == "" {
			t.Error(what, " was not seen")
		}
	}
	NewCanary(t, filepath.Join(t.TempDir(), "canary")).Untouched(t)
}
