package fingerprint

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// gnuFind is find as the oracle of what today's excludes mean.
func gnuFind(t testing.TB) string {
	path, err := exec.LookPath("find")
	if err != nil {
		t.Skip("no find here")
	}
	if said, err := exec.Command(path, "--version").Output(); err != nil || !bytes.Contains(said, []byte("GNU")) {
		t.Skip("find is not GNU's")
	}
	return path
}

func found(t testing.TB, find, dir string, expression ...string) []string {
	t.Helper()
	cmd := exec.Command(find, append([]string{".", "-mindepth", "1"}, expression...)...)
	cmd.Dir, cmd.Env = dir, []string{"LC_ALL=C"}
	out, err := cmd.Output()
	must(t, err)
	names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	slices.Sort(names)
	return names
}

// A test of one pattern on all names of a directory with each byte that can be in a name, and some longer ones.
func TestGivenPatternsThenTheyMatchWhatFindMatches(t *testing.T) {
	find, dir := gnuFind(t), t.TempDir()
	var names []string
	for b := 1; b < 256; b++ {
		if b != '/' && b != '.' {
			names = append(names, string([]byte{byte(b)}))
		}
	}
	names = append(names, "ab", "a-", "a]", "[a", "[a]", ".hidden", "a.tmp", "x.tmp.y", "\xff\xfe", "aab", "abab", "\\a", "[[", "[:", "a\nb", "**", "[]a")
	for _, name := range names {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	fixed := []string{
		"*", "?", "*.tmp", ".*", "[abc]", "[!abc]", "[^abc]", "[a-f]", "[]a]", "[!]a]", "[a-]", "[-a]", "[\\]a]", "\\*", "\\[a]", "[[:alpha:]]", "[[:digit:][:punct:]]",
		"[![:space:]]", "[[:nonsense:]]", "[[.a.]]", "[[=a=]]", "[[.a.]-c]", "[a", "[", "[!", "[[:alpha:]", "a\\", "[\xf0-\xff]", "*[!b]", "a*b", "a*b*", "**", "[a-c-e]", "[z-a]", "[a\\-c]",
		"[[.space.]]", "[[.-.]]", "[[.-.]-a]", "[+--]", "[[a]", "[[:", "[[:a]", "?\n?", "[\xff][\xfe]",
	}
	pieces := []string{"a", "b", "*", "?", "[", "]", "!", "^", "-", "\\", "[:alpha:]", "[:upper:]", "[a-c]", "[!b]", ".", "\xff"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		var pattern strings.Builder
		for range 1 + random.IntN(5) {
			pattern.WriteString(pieces[random.IntN(len(pieces))])
		}
		fixed = append(fixed, pattern.String())
	}
	for _, pattern := range fixed {
		var mine []string
		for _, name := range names {
			if fnmatch(pattern, name) {
				mine = append(mine, name)
			}
		}
		slices.Sort(mine)
		his := found(t, find, dir, "-name", pattern, "-printf", "%P\\0")
		if strings.Join(mine, "\x00") != strings.Join(his, "\x00") {
			t.Errorf("%q: %d and find %d: %q", pattern, len(mine), len(his), difference(mine, his))
		}
	}
}

func difference(a, b []string) []string {
	var only []string
	for _, x := range a {
		if !slices.Contains(b, x) {
			only = append(only, "+"+x)
		}
	}
	for _, x := range b {
		if !slices.Contains(a, x) {
			only = append(only, "-"+x)
		}
	}
	return only
}

func TestGivenExcludesThenWholePathsAndNamesAreToldApart(t *testing.T) {
	e := newExcludes([]string{"*.tmp", "/log", "cache/", "a/*/c", "/", ""})
	for path, wanted := range map[string]bool{
		"x.tmp": true, "d/x.tmp": true, "x.tmp/y": false, "log": true, "d/log": false, "cache": true, "d/cache": false, "a/b/c": true, "a/b/x/c": true,
		".virtquorum": true, "d/.virtquorum": false, "plain": false,
	} {
		if e.match(path) != wanted {
			t.Errorf("%s: %v", path, !wanted)
		}
	}
	if !e.above("x.tmp/y") || !e.above("d/x.tmp/y/z") || e.above("") || e.above("a/b") || !e.above(".virtquorum/memory") {
		t.Error("what is below is not told")
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("[a-", "a")
	f.Add("*[[:alpha:]]\\", "xy")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		fnmatch(pattern, name)
		if !fnmatch("*", name) || !fnmatch(quoted(name), name) {
			t.Fatalf("%q does not match itself", name)
		}
	})
}

func quoted(name string) string {
	var q strings.Builder
	for i := range len(name) {
		q.WriteByte('\\')
		q.WriteByte(name[i])
	}
	return q.String()
}
