package memory

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/scratchfs"
)

var me = Owner{Cluster: "shop/web", Tree: "site", Member: "web-0"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("got %v, wanted %v", err, wanted)
	}
}

func testKey(t testing.TB) fingerprint.Key {
	t.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i*7 + 1)
	}
	key, err := fingerprint.NewKey(secret)
	must(t, err)
	return key
}

func openDir(t testing.TB, path string) *beneath.Dir {
	t.Helper()
	dir, err := beneath.Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, dir.Close()) })
	return dir
}

func openStore(t testing.TB, path string, owner Owner) *Store {
	t.Helper()
	store, err := Open(openDir(t, path), testKey(t), owner)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

// some is a state with a few rows.
func some(t testing.TB, sequence uint64) (State, []Row) {
	key := testKey(t)
	state := State{Position{3, sequence}, key.Fingerprint("root"), key.Fingerprint("configuration")}
	return state, []Row{
		{"", key.Fingerprint("1"), Unknown, 2}, {"a\nb", key.Fingerprint("2"), -5, 1 << 63}, {strings.Repeat("long/", 2000) + "\xff", key.Fingerprint("3"), 1e18, 4},
	}
}

func check(t testing.TB, store *Store, wanted State, rows []Row) {
	t.Helper()
	m, err := store.Load(t.Context())
	must(t, err)
	defer m.Close()
	if m.State != wanted {
		t.Fatalf("%+v", m.State)
	}
	for range 2 {
		var got []Row
		for row, err := range m.Rows(t.Context()) {
			must(t, err)
			got = append(got, row)
		}
		if !slices.Equal(got, rows) {
			t.Fatalf("%d rows", len(got))
		}
	}
}

func needsRoot(t testing.TB) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func onEachFileSystem(t *testing.T, test func(t *testing.T, point string)) {
	for _, kind := range scratchfs.Kinds {
		t.Run(kind, func(t *testing.T) { test(t, scratchfs.Mount(t, kind, 320)) })
	}
}

func TestGivenAStateThenItIsRememberedAtTheMountPointAndReadBack(t *testing.T) {
	onEachFileSystem(t, func(t *testing.T, point string) {
		tree := filepath.Join(point, "srv", "www")
		must(t, os.MkdirAll(tree, 0o755))
		store := openStore(t, tree, me)
		_, err := store.Load(t.Context())
		expect(t, err, ErrNone)
		for sequence := range uint64(3) {
			state, rows := some(t, sequence)
			must(t, store.Save(t.Context(), state, slices.Values(rows[:sequence])))
			check(t, store, state, rows[:sequence])
			check(t, openStore(t, tree, me), state, rows[:sequence])
		}
		info, err := os.Stat(filepath.Join(point, ".virtquorum"))
		must(t, err)
		if info.Mode() != fs.ModeDir|0o700 {
			t.Fatal(info.Mode())
		}
		if _, err := os.Stat(filepath.Join(tree, ".virtquorum")); err == nil {
			t.Fatal("something was made in the tree itself")
		}
		for _, kind := range []string{Stage, Archive, Journal, Stage} {
			dir, err := store.Dir(kind)
			must(t, err)
			must(t, dir.Close())
		}
		_, err = store.Dir("other")
		expect(t, err, unix.EINVAL)
		must(t, store.Forget())
		_, err = store.Load(t.Context())
		expect(t, err, ErrNone)
	})
}

func TestGivenSeveralClustersAndTreesOnOneFileSystemThenEachHasItsOwn(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	others := []Owner{me, {"shop/web", "data", "web-0"}, {"shop-web", "site", "web-0"}, {"shop", "web+site", "web-0"}, {"Shop/web", "site", "web-0"}, {strings.Repeat("x", 300), "site", "web-0"}}
	for n, owner := range others {
		state, rows := some(t, uint64(n))
		must(t, openStore(t, point, owner).Save(t.Context(), state, slices.Values(rows)))
	}
	for n, owner := range others {
		state, rows := some(t, uint64(n))
		check(t, openStore(t, point, owner), state, rows)
	}
	for _, owner := range []Owner{{}, {"c", "t", ""}, {"c", "t", strings.Repeat("m", 1025)}} {
		if _, err := Open(openDir(t, point), testKey(t), owner); err == nil {
			t.Error("a name was taken: ", owner)
		}
	}
}

func TestGivenSomebodyElsesMemoryThenItIsNoneAndSaysWhy(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	store := openStore(t, point, me)
	state, rows := some(t, 1)
	must(t, store.Save(t.Context(), state, slices.Values(rows)))

	clone := openStore(t, point, Owner{me.Cluster, me.Tree, "web-1"})
	_, err := clone.Load(t.Context())
	expect(t, err, ErrAnothers)
	if !strings.Contains(err.Error(), `of the member "web-0"`) {
		t.Error(err)
	}

	key, err := fingerprint.NewKey(make([]byte, 16))
	must(t, err)
	stranger, err := Open(openDir(t, point), key, me)
	must(t, err)
	defer stranger.Close()
	_, err = stranger.Load(t.Context())
	expect(t, err, ErrDamaged)

	other := scratchfs.Mount(t, "ext4", 16)
	copied := openStore(t, other, me)
	path := filepath.Join(".virtquorum", "shop%2fweb+site", "memory")
	content, err := os.ReadFile(filepath.Join(point, path))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(other, path), content, 0o600))
	_, err = copied.Load(t.Context())
	expect(t, err, ErrAnothers)
	if !strings.Contains(err.Error(), "another file system") {
		t.Error(err)
	}
}

func TestGivenAMemoryThatIsDamagedAnywhereThenItIsNone(t *testing.T) {
	needsRoot(t)
	store := openStore(t, scratchfs.Mount(t, "tmpfs", 16), me)
	state, rows := some(t, 1)
	must(t, store.Save(t.Context(), state, slices.Values(rows[:2])))
	file, err := store.dir.OpenRegular("memory", unix.O_RDWR, 0)
	must(t, err)
	defer file.Close()
	st, err := store.dir.StatFile(file)
	must(t, err)
	for at := range st.Size {
		flip := func() {
			var b [1]byte
			_, err := file.ReadAt(b[:], at)
			must(t, err)
			b[0] ^= 0x41
			_, err = file.WriteAt(b[:], at)
			must(t, err)
		}
		flip()
		_, err := store.Load(t.Context())
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrAnothers) {
			t.Fatal(at, err)
		}
		flip()
	}
	check(t, store, state, rows[:2])
	for size := st.Size - 1; size >= 0; size-- {
		must(t, file.Truncate(size))
		_, err := store.Load(t.Context())
		expect(t, err, ErrDamaged)
	}
}

func TestGivenACrashAtAnyStepThenTheOldOrTheNewIsRemembered(t *testing.T) {
	needsRoot(t)
	crash := errors.New("crash")
	for step, newer := range map[string]bool{"made": false, "written": false, "durable": false, "renamed": true} {
		point := scratchfs.Mount(t, "ext4", 16)
		old, rows := some(t, 1)
		must(t, openStore(t, point, me).Save(t.Context(), old, slices.Values(rows)))
		store := openStore(t, point, me)
		store.step = func(at string) error {
			if at == step {
				return crash
			}
			return nil
		}
		now, _ := some(t, 2)
		err := store.prepare(t.Context(), now, slices.Values(rows[:1])) // and not Prepare: a crash cleans nothing up
		if err == nil {
			err = store.Commit(false)
		}
		expect(t, err, crash)
		after := openStore(t, point, me)
		if newer {
			check(t, after, now, rows[:1])
		} else {
			check(t, after, old, rows)
		}
		must(t, after.Save(t.Context(), now, slices.Values(rows[:2])))
		check(t, after, now, rows[:2])
	}
}

func TestGivenARepairThatBeganThenTheTreeIsHalfUntilItIsRememberedWhateverAPowerCutLeaves(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			point, image := scratchfs.MountImage(t, kind, 320)
			store := openStore(t, point, me)
			old, rows := some(t, 1)
			must(t, store.Save(t.Context(), old, slices.Values(rows)))
			is := func(store *Store, wanted bool) {
				t.Helper()
				if half, err := store.IsHalf(); err != nil || half != wanted {
					t.Fatal(half, err)
				}
			}
			is(store, false)
			must(t, store.BeginHalf())
			is(store, true)
			notes, err := filepath.Glob(filepath.Join(point, ".virtquorum", "*", halfName))
			if err != nil || len(notes) != 1 {
				t.Fatal(notes, err)
			}
			must(t, os.Truncate(notes[0], 0)) // its content need not be on the disk when its name is
			is(store, true)
			disk := filepath.Join(t.TempDir(), "disk")
			store.step = func(at string) error {
				if at == "renamed" {
					return exec.Command("cp", "--sparse=always", image, disk).Run()
				}
				return nil
			}
			now, _ := some(t, 2)
			must(t, store.Prepare(t.Context(), now, slices.Values(rows)))
			must(t, store.Commit(true))
			is(store, false)
			check(t, store, now, rows)
			other := t.TempDir()
			scratchfs.MountAt(t, kind, disk, other)
			cut := openStore(t, other, me)
			m, err := cut.Load(t.Context())
			must(t, err)
			defer m.Close()
			is(cut, m.State == old) // one does not become durable without the other
		})
	}
}

func TestGivenAFailedSaveThenTheOldIsRememberedAndNothingIsLeft(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	store := openStore(t, point, me)
	old, rows := some(t, 1)
	must(t, store.Save(t.Context(), old, slices.Values(rows)))
	now, _ := some(t, 2)
	expect(t, store.Save(t.Context(), now, slices.Values([]Row{rows[1], rows[0]})), errOrder)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	expect(t, store.Save(ctx, now, slices.Values(rows)), context.Canceled)
	full := func(yield func(Row) bool) {
		row := rows[2]
		for n := range 3000 {
			row.Path = rows[2].Path + string(rune(0x10000+n))
			if !yield(row) {
				return
			}
		}
	}
	expect(t, store.Save(t.Context(), now, full), unix.ENOSPC)
	check(t, store, old, rows)
	if _, err := store.dir.Stat(temporary); !errors.Is(err, unix.ENOENT) {
		t.Fatal("the temporary file is left: ", err)
	}
}

func TestGivenSomethingElseInPlaceOfTheOwnDirectoryThenItIsRefused(t *testing.T) {
	needsRoot(t)
	elsewhere := t.TempDir()
	for what, put := range map[string]func(path string) error{
		"a link":         func(path string) error { return os.Symlink(elsewhere, path) },
		"a file":         func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a fifo":         func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a user's":       func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 1000, 1000)) },
		"open to others": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o750)) },
		"a mount of a disk": func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700), unix.Mount("none", path, "tmpfs", 0, ""))
		},
	} {
		t.Run(what, func(t *testing.T) {
			point := scratchfs.Mount(t, "tmpfs", 16)
			must(t, put(filepath.Join(point, ".virtquorum")))
			if strings.HasPrefix(what, "a mount") {
				t.Cleanup(func() { must(t, unix.Unmount(filepath.Join(point, ".virtquorum"), 0)) })
			}
			_, err := Open(openDir(t, point), testKey(t), me)
			expect(t, err, ErrInTheWay)
		})
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Fatal("something was made behind the link: ", left, err)
	}
}

func TestGivenTheOwnDirectoryIsMovedAwayThenTheMemoryIsLostAndNothingIsWrittenToWhatCameInstead(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	store := openStore(t, point, me)
	state, rows := some(t, 1)
	must(t, store.Save(t.Context(), state, slices.Values(rows)))
	own, elsewhere := filepath.Join(point, ".virtquorum"), t.TempDir()
	must(t, os.Rename(own, own+".away"))
	must(t, os.Symlink(elsewhere, own))
	_, err := store.Load(t.Context())
	expect(t, err, ErrMoved)
	expect(t, store.Save(t.Context(), state, slices.Values(rows)), ErrMoved)
	_, err = store.Dir(Stage)
	expect(t, err, ErrMoved)
	must(t, os.Remove(own))
	_, err = openStore(t, point, me).Load(t.Context())
	expect(t, err, ErrNone)
}

// What TreeMemory.java wrote of two rows.
const java = "56514d3100000000000000030000000000000004780d5d9462fca5e31d3b797bbe23fa1cff843ab49b842ed60a1632deb2c02911951e6de262a5874fd585a23227a6192b9d8add1abd3ee91efdddec80702e704a0000000200000000d874b912f044e85f6c3992336b6108f7afb851b3a340ca5c407105fcaff039888000000000000000000000000000000200000003ff610a2bc20a4331eea22bd7ddd045b3f40e89ce73992eacd2da17e6bedfef080d066afffffffffffffffbffffffffffffffff93a921cf23bf296958a4d89804a8c50127435a9c048f7d6322ff4f536bdc9258"

func TestGivenAnEarlierVersionsMemoryThenItIsTakenOverOnce(t *testing.T) {
	point := scratchfs.Mount(t, "ext4", 16)
	tree := filepath.Join(point, "srv")
	must(t, os.MkdirAll(filepath.Join(tree, ".virtquorum"), 0o700))
	content, err := hex.DecodeString(java)
	must(t, err)
	earlier := filepath.Join(tree, ".virtquorum", "memory")
	must(t, os.WriteFile(earlier, content, 0o600))
	key := testKey(t)
	state := State{Position{3, 4}, key.Fingerprint("root"), key.Fingerprint("conf")}
	rows := []Row{{"", key.Fingerprint("x"), Unknown, 2}, {"\xffa\n", key.Fingerprint("y"), -5, 1<<64 - 1}}
	store := openStore(t, tree, me)
	check(t, store, state, rows)
	if _, err := os.Stat(earlier); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the earlier memory is left: ", err)
	}
	// An old one that comes back is not believed any more.
	newer, more := some(t, 9)
	must(t, store.Save(t.Context(), newer, slices.Values(more)))
	must(t, os.WriteFile(earlier, content, 0o600))
	check(t, openStore(t, tree, me), newer, more)
}

func TestGivenAnEarlierMemoryThatIsNotRootsOrDamagedThenItIsNone(t *testing.T) {
	needsRoot(t)
	content, err := hex.DecodeString(java)
	must(t, err)
	for what, spoil := range map[string]func(own string) error{
		"a user's directory": func(own string) error { return os.Chown(own, 1000, 0) },
		"an open directory":  func(own string) error { return os.Chmod(own, 0o755) },
		"a user's file":      func(own string) error { return os.Chown(filepath.Join(own, "memory"), 1000, 0) },
		"a damaged file":     func(own string) error { return os.Truncate(filepath.Join(own, "memory"), int64(len(content)-1)) },
		"a fifo": func(own string) error {
			return errors.Join(os.Remove(filepath.Join(own, "memory")), unix.Mkfifo(filepath.Join(own, "memory"), 0o600))
		},
	} {
		t.Run(what, func(t *testing.T) {
			tree := filepath.Join(scratchfs.Mount(t, "tmpfs", 16), "tree")
			own := filepath.Join(tree, ".virtquorum")
			must(t, os.MkdirAll(own, 0o700))
			must(t, os.WriteFile(filepath.Join(own, "memory"), content, 0o600))
			must(t, spoil(own))
			_, err := openStore(t, tree, me).Load(t.Context())
			expect(t, err, ErrNone)
		})
	}
}

func TestGivenADiskThatLostItsContentThenTheProbeOfTheMemoryFindsItPastTheCache(t *testing.T) {
	point, image := scratchfs.MountImage(t, "ext4", 64)
	store := openStore(t, point, me)
	state, rows := some(t, 1)
	must(t, store.Save(t.Context(), state, slices.Values(rows)))
	must(t, store.Probe())
	content, err := os.ReadFile(image)
	must(t, err)
	must(t, os.Truncate(image, 0))
	if err := store.Probe(); !errors.Is(err, unix.EIO) {
		t.Error(err)
	}
	must(t, os.WriteFile(image, content, 0o600))
}
