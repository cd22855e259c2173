package verify

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/sync"
)

// end is one member: its tree, scanned, and the program's own directories.
type end struct {
	scanner *fingerprint.Scanner
	tree    archive.Tree
	rows    map[string]fingerprint.Row
}

func newEnd(t *testing.T, base string, fill func(tree string)) *end {
	t.Helper()
	path := filepath.Join(base, "tree")
	must(t, os.Mkdir(path, 0o755))
	fill(path)
	e := &end{rows: map[string]fingerprint.Row{}}
	e.scanner, _ = scanned(t, path)
	e.tree = archive.Tree{Name: "site", Live: e.scanner.Root()}
	for name, dir := range map[string]**beneath.Dir{"stage": &e.tree.Stage, "archive": &e.tree.Archive, "journal": &e.tree.Journal} {
		must(t, os.Mkdir(filepath.Join(base, name), 0o700))
		opened, err := beneath.Open(filepath.Join(base, name))
		must(t, err)
		t.Cleanup(func() { must(t, opened.Close()) })
		*dir = opened
	}
	for row := range e.scanner.Rows() {
		e.rows[row.Path] = row
	}
	return e
}

func (e *end) state(t *testing.T, path string) (archive.State, int64) {
	t.Helper()
	if _, there := e.rows[path]; !there {
		return archive.State{}, 0
	}
	entry, err := e.scanner.Entry(path)
	must(t, err)
	return archive.StateOf(entry.Stat), entry.Size
}

func TestGivenTwoMembersThatDifferThenOneIsServedStagedAppliedAndProvenToBeTheOther(t *testing.T) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) { whole(t, kind) })
	}
}

func whole(t *testing.T, kind string) {
	ctx := context.Background()
	put := func(tree, name string, content []byte) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(tree, name)), 0o755), os.WriteFile(filepath.Join(tree, name), content, 0o644))
	}
	large := bytes.Repeat([]byte("some bytes of a large file\n"), 100_000)
	donor := newEnd(t, scratchfs.Mount(t, kind, 320), func(tree string) {
		for i := range 300 {
			put(tree, fmt.Sprintf("many/%d", i), []byte(fmt.Sprint(i)))
		}
		put(tree, "large", append(bytes.Clone(large), "more"...))
		put(tree, "moved/here", bytes.Repeat([]byte("m"), 50_000))
		put(tree, "type/inner", []byte("x"))
		must(t, os.Link(filepath.Join(tree, "many/7"), filepath.Join(tree, "zlink")), os.Symlink("large", filepath.Join(tree, "link")))
		must(t, os.Chmod(filepath.Join(tree, "many"), 0o2775), os.Chown(filepath.Join(tree, "many/8"), 7, 8))
	})
	joiner := newEnd(t, scratchfs.Mount(t, kind, 320), func(tree string) {
		put(tree, "large", large)
		put(tree, "here", bytes.Repeat([]byte("m"), 50_000))
		put(tree, "type", []byte("a file"))
		put(tree, "link/was/deep", []byte("y"))
		put(tree, "many/7", []byte("rotten"))
		put(tree, "going.tmp", []byte("excluded"))
	})
	key, err := fingerprint.NewKey(bytes.Repeat([]byte("k"), 32))
	must(t, err)
	hashing := sync.Hashing{Key: key}
	server, client := identity(t), identity(t)
	serving, err := sync.Serve(ctx, sync.ServeOrder{
		Address: netip.MustParseAddr("127.0.0.1"), Identity: server, Joiners: []sync.Joiner{{Name: "joiner", Pin: client.Pin()}},
		Trees: []sync.Served{sync.ServedBy(donor.scanner, hashing, nil)},
	})
	must(t, err)
	defer serving.Close()

	tree := sync.FetchTree{Name: "site", Live: joiner.tree.Live, Stage: joiner.tree.Stage, Hashing: hashing, Held: sync.HeldBy(joiner.scanner)}
	plan := archive.Plan{Entry: "verdict-1", Verdict: "test"}
	var wanted []Wanted
	for path, row := range donor.rows {
		if row.Digest != joiner.rows[path].Digest {
			_, size := donor.state(t, path)
			tree.Rows = append(tree.Rows, sync.Wanted{Path: path, Digest: row.Digest, Size: size})
		}
		wanted = append(wanted, Wanted{path, row.Digest})
	}
	for path, row := range joiner.rows {
		if _, stays := donor.rows[path]; !stays {
			was, _ := joiner.state(t, path)
			plan.Remove = append(plan.Remove, archive.Remove{Path: path, Was: was, OldDigest: row.Digest})
			wanted = append(wanted, Wanted{Path: path})
		}
	}
	report, err := sync.Fetch(ctx, sync.FetchOrder{
		Donor: sync.Donor{Name: "donor", Address: serving.Addr(), Pin: server.Pin()}, Identity: client, Trees: []sync.FetchTree{tree},
	})
	must(t, err)
	if report.MovedTotal > 0 || report.Copied != 50_000 {
		t.Errorf("%+v", report.Moved)
	}
	for _, row := range report.Staged[0] {
		was, _ := joiner.state(t, row.Path)
		plan.Put = append(plan.Put, archive.Put{Path: row.Path, Staged: row.Name, Mtime: row.Mtime, Was: was, OldDigest: joiner.rows[row.Path].Digest})
	}
	result, err := archive.New(joiner.tree).Apply(ctx, plan)
	must(t, err)
	if len(result.Late) > 0 || result.Entry != "verdict-1" {
		t.Errorf("%+v", result)
	}
	proof, err := Rows(ctx, joiner.scanner, wanted, nil)
	must(t, err)
	if proof.Total > 0 {
		t.Errorf("%d rows differ: %+v", proof.Total, proof.Different)
	}
}

func identity(t *testing.T) *sync.Identity {
	t.Helper()
	i, err := sync.NewIdentity()
	must(t, err)
	return i
}
