package fingerprint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The table is compared with a plain map under random additions and removals.
func TestGivenManyAdditionsAndRemovalsThenTheTableIsAsAMap(t *testing.T) {
	table, wanted := newTable(), map[string]uint32{}
	defer table.close()
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 40 {
		for range 2000 {
			path := fmt.Sprintf("d%d/%s%d", random.IntN(50), strings.Repeat("x", random.IntN(300)), random.IntN(20))
			i, known := table.get(path)
			number, there := wanted[path]
			if known != there || known && i != number {
				t.Fatalf("%s: %v %v", path, known, there)
			}
			if known && (random.IntN(3) == 0 || round%10 == 9) {
				table.remove(i)
				delete(wanted, path)
			} else if !known {
				i, err := table.add(path)
				must(t, err)
				table.at(i).size = int64(len(path))
				wanted[path] = i
			}
		}
		must(t, table.sort())
		paths := make([]string, 0, len(wanted))
		for path := range wanted {
			paths = append(paths, path)
		}
		slices.Sort(paths)
		if len(table.order) != len(paths) || table.count != len(paths) {
			t.Fatal(len(table.order), table.count, len(paths))
		}
		for n, i := range table.order {
			if string(table.path(i)) != paths[n] || table.at(i).size != int64(len(paths[n])) {
				t.Fatalf("%q instead of %q", table.path(i), paths[n])
			}
		}
		from, to := table.below("d7")
		for n, path := range paths {
			if strings.HasPrefix(path, "d7/") != (n >= from && n < to) {
				t.Fatal(path, from, to)
			}
		}
	}
	if table.end > 3*arenaChunk*8 {
		t.Fatal("nothing is given back: ", table.end)
	}
}
