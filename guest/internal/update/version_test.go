package update

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGivenTwoVersionsThenTheyAreComparedAsJavaDoes(t *testing.T) {
	words, err := os.ReadFile("testdata/versions.txt")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for line := range strings.Lines(string(words)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		examples++
		if got := Newer(fields[0], fields[2]); got != (fields[1] == "newer") {
			t.Error(line, got)
		}
	}
	if examples < 20 {
		t.Fatal(examples)
	}
}

func FuzzNewer(f *testing.F) {
	f.Add("1.0.0", "1.0.0-rc.1")
	f.Fuzz(func(t *testing.T, one, other string) {
		if Newer(one, other) && Newer(other, one) || Newer(one, one) {
			t.Fatal(one, other)
		}
	})
}

func TestGivenAMarkThatIsNoneThenItIsAnErrorAndAnUpdateGoesOnWithoutIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mark")
	if m, err := loadMark(path); m != nil || err != nil {
		t.Fatal(m, err)
	}
	want := &mark{State: failed, Version: "2.0.0", Digest: []byte{1}, Tries: 2, Why: "it hung"}
	if err := want.save(path); err != nil {
		t.Fatal(err)
	}
	if m, err := loadMark(path); err != nil || m.Why != want.Why || m.Tries != 2 {
		t.Fatal(m, err)
	}
	for _, words := range []string{"", "{", "\x00\x00"} {
		if err := os.WriteFile(path, []byte(words), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := loadMark(path); m != nil || err == nil {
			t.Fatal(words, m, err)
		}
	}
}
