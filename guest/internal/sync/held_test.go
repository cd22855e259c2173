package sync

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	gosync "sync"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
)

// fetched fetches all that differs, and what crossed for it.
func (m *members) fetched() (Report, int64) {
	m.t.Helper()
	order := m.order(m.serve())
	report, err := Fetch(limited(m.t), order)
	must(m.t, err)
	m.check(order, report)
	return report, report.Sent + report.Received
}

func TestGivenAnEntryThatHasItsContentHereThenTheContentDoesNotCross(t *testing.T) {
	const size = 3 << 20
	content := randomBytes(1, size)
	for name, prepare := range map[string]func(m *members){
		"copied": func(m *members) { write(m.t, filepath.Join(m.from, "copy"), content) },
		"moved and given to somebody else": func(m *members) {
			must(m.t, os.Rename(filepath.Join(m.from, "there"), filepath.Join(m.from, "elsewhere")), os.Chown(filepath.Join(m.from, "elsewhere"), 33, 33))
		},
		"of another mode": func(m *members) { must(m.t, os.Chmod(filepath.Join(m.from, "there"), 0o600)) },
		"with an attribute": func(m *members) {
			must(m.t, unix.Setxattr(filepath.Join(m.from, "there"), "user.note", []byte("x"), 0))
		},
		"with another name": func(m *members) {
			must(m.t, os.Link(filepath.Join(m.from, "there"), filepath.Join(m.from, "a-name")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryFileSystem(t, func(t *testing.T, m *members) {
				write(t, filepath.Join(m.from, "there"), content)
				write(t, filepath.Join(m.to, "there"), content)
				prepare(m)
				if report, crossed := m.fetched(); crossed > 10_000 || report.Copied != size {
					t.Errorf("%d bytes crossed, %d were copied", crossed, report.Copied)
				}
			})
		})
	}
}

func TestGivenASparseFileThatWasMovedThenItsHolesStayHoles(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *members) {
		for _, path := range []string{filepath.Join(m.from, "new"), filepath.Join(m.to, "old")} {
			file, err := os.Create(path)
			must(t, err)
			_, err = file.WriteAt([]byte("middle"), 50<<20)
			must(t, err, file.Truncate(100<<20), file.Close())
		}
		report, crossed := m.fetched()
		if crossed > 10_000 || report.Copied != 100<<20 {
			t.Errorf("%d bytes crossed, %d were copied", crossed, report.Copied)
		}
		for _, row := range report.Staged[0] {
			if st, err := m.stage.Stat(row.Name); err != nil || st.Blocks*512 > 1<<20 {
				t.Errorf("%q has %d bytes on disk: %v", row.Path, st.Blocks*512, err)
			}
		}
	})
}

func TestGivenANewContentUnderManyNamesThenItCrossesOnce(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	const size = 300 << 10
	for n := range 20 {
		write(t, filepath.Join(m.from, fmt.Sprintf("same%02d", n)), randomBytes(1, size))
	}
	if report, crossed := m.fetched(); crossed > size+30_000 || report.Copied != 19*size {
		t.Errorf("%d bytes crossed, %d were copied", crossed, report.Copied)
	}
}

func TestGivenManyNamesOfAContentWhoseFirstGoesMeanwhileThenTheOthersComeAllTheSame(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	const names, size = 10, 300 << 10
	for n := range names {
		write(t, filepath.Join(m.from, fmt.Sprintf("same%02d", n)), randomBytes(1, size))
	}
	order := m.order(m.serve())
	var once gosync.Once
	order.Progress = func(int, int64) { // for the directory, which has no content to wait for
		once.Do(func() { must(t, os.Remove(filepath.Join(m.from, "same00"))) })
	}
	report, err := Fetch(limited(t), order)
	must(t, err)
	if report.MovedTotal > 1 || report.Received > 2*size {
		t.Errorf("%+v", report)
	}
}

func TestGivenASourceThatIsWrittenMeanwhileThenItsContentCrossesInstead(t *testing.T) {
	onEveryFileSystem(t, func(t *testing.T, m *members) {
		const size = 300 << 10
		write(t, filepath.Join(m.from, "new"), randomBytes(1, size))
		write(t, filepath.Join(m.to, "old"), randomBytes(1, size))
		order := m.order(m.serve())
		write(t, filepath.Join(m.to, "old"), randomBytes(2, size)) // no row knows of it
		report, err := Fetch(limited(t), order)
		must(t, err)
		m.check(order, report)
		if report.Received < size || report.Copied != 0 {
			t.Errorf("%d bytes came, %d were copied", report.Received, report.Copied)
		}
	})
}

func TestGivenAContentInAnotherTreeOnAnotherDiskThenItIsCopiedFromThere(t *testing.T) {
	m := newMembers(t, t.TempDir(), scratchfs.Mount(t, "ext4", 64))
	const size = 3 << 20
	write(t, filepath.Join(m.from, "new"), randomBytes(1, size))
	other := newMembers(t, t.TempDir(), scratchfs.Mount(t, "tmpfs", 0))
	write(t, filepath.Join(other.to, "old"), randomBytes(1, size))
	order := m.order(m.serve())
	second := other.order(Donor{}).Trees[0]
	second.Name, second.Rows = "other", nil
	order.Trees = append(order.Trees, second)
	report, err := Fetch(limited(t), order)
	must(t, err)
	if report.Received > 10_000 || report.Copied != size || report.MovedTotal != 0 {
		t.Errorf("%d bytes came, %d were copied", report.Received, report.Copied)
	}
	for i, row := range report.Staged[0] {
		back, err := readBack(context.Background(), m.hashing, m.stage, row.Name, row.LinkTo)
		must(t, err)
		if m.hashing.digest(back) != order.Trees[0].Rows[i].Digest {
			t.Errorf("%q is not what was wanted", row.Path)
		}
	}
}

func TestGivenAFetchThatWasCutAndADiskWithRoomForOneMoreThenTheWholeFileComesAllTheSame(t *testing.T) {
	const size = 20 << 20
	m := newMembers(t, t.TempDir(), scratchfs.Mount(t, "ext4", 40))
	write(t, filepath.Join(m.from, "large"), randomBytes(1, size))
	order := m.order(m.serve())
	row := Wanted{"large", m.offered["large"].Digest, AnySize}
	write(t, filepath.Join(filepath.Dir(m.to), "stage", stageName(&row)), randomBytes(1, size-5<<20)) // as far as it came
	report, err := Fetch(limited(t), order)
	must(t, err)
	m.check(order, report)
}

func TestGivenManyFilesOfOneSizeThatWereRenamedThenNoContentCrosses(t *testing.T) {
	m := newMembers(t, t.TempDir(), t.TempDir())
	const files, size = 200, 4 << 10
	for n := range files {
		write(t, filepath.Join(m.to, fmt.Sprintf("old%03d", n)), randomBytes(int64(n), size))
		write(t, filepath.Join(m.from, fmt.Sprintf("new%03d", n*71%files)), randomBytes(int64(n), size))
	}
	if report, crossed := m.fetched(); crossed > files*300 || report.Copied != files*size {
		t.Errorf("%d bytes crossed, %d were copied", crossed, report.Copied)
	}
}
