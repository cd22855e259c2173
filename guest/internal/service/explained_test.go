package service

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

// explained compares what is said of a tree with what docs/troubleshooting.md has for it.
func explained(t *testing.T, wrong, reason string, state *wire.TreeState) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if cells[0] != "| "+wrong {
			continue
		}
		says := strings.ReplaceAll(regexp.QuoteMeta(cells[2]), "…", ".*")
		if state.Reason != reason || !regexp.MustCompile("^"+says+"$").MatchString("web-2: "+state.Sentence+".") {
			t.Errorf("%s: %s, and the page has %s", state.Reason, state.Sentence, cells[2])
		}
		return
	}
	t.Errorf("the page has nothing for %q", wrong)
}

func TestGivenMoreEntriesThanATreeMayHaveThenItIsSaidWhatToDo(t *testing.T) {
	tree := newTree(t)
	for _, name := range []string{"one", "two", "three"} {
		write(t, tree, name)
	}
	s, _ := newService(t, func(o *Options) { o.Trees = Opener{Watch: []string{watch.Inotify}, Most: 3} })
	mustDo(t, s, configureOf(tree))
	seen := mustDo(t, s, &wire.Look{Walk: true}).GetLook()
	explained(t, "more files than the guest program keeps", "TooManyEntries", seen.Trees[0])
}
