package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/scratchfs"
)

func TestGivenSparseFilesThenTheDigestIsOfTheWholeContent(t *testing.T) {
	onEachFileSystem(t, func(t *testing.T, path string) {
		random := rand.New(rand.NewPCG(9, 9))
		for n := range 6 {
			file, err := os.Create(filepath.Join(path, strconv.Itoa(n)))
			must(t, err)
			must(t, file.Truncate(int64(random.IntN(30<<20))))
			for range n {
				_, err := file.WriteAt(bytes.Repeat([]byte("x"), 1+random.IntN(1<<random.IntN(20))), int64(random.IntN(30<<20)))
				must(t, err)
			}
			must(t, file.Close())
		}
		s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later, Bandwidth: 1 << 40})
		compare(t, scan(t, s), oracle(t, testKey(t), path))
		before := s.Version()
		done, err := s.Read(t.Context(), Reading{Paths: s.Files(), PastCache: true})
		must(t, err)
		if done.Files != 6 || done.Moved != 0 || s.Version() != before {
			t.Fatalf("%+v", done)
		}
	})
}

func TestGivenAHugeSparseFileThenReadingTellsItsProgressAndCanBeCancelled(t *testing.T) {
	path := scratchfs.Mount(t, "ext4", 64)
	must(t, os.WriteFile(filepath.Join(path, "huge"), nil, 0o600))
	must(t, os.Truncate(filepath.Join(path, "huge"), 3<<40))
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
	_, err := s.Walk(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var last int64
	_, err = s.Read(ctx, Reading{Progress: func(path string, done, size int64) {
		if path != "huge" || size != 3<<40 || done < last {
			t.Error(path, done, size)
		}
		if last = done; done > 64<<20 {
			// Meanwhile the rest goes on.
			must(t, os.WriteFile(filepath.Join(filepath.Join(s.Tree().Path, "small")), []byte("x"), 0o600))
			_, err := s.Look(t.Context(), slices.Values([]string{"small"}))
			must(t, err)
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, err = s.Read(t.Context(), Reading{Paths: slices.Values([]string{"small"})})
	must(t, err)
	if row, known := s.Row("small"); !known || row.Unread {
		t.Fatalf("%+v", row)
	}
	if row, _ := s.Row("huge"); !row.Unread {
		t.Fatalf("%+v", row)
	}
}

func TestGivenRotBelowTheCacheThenOnlyReadingPastItSeesIt(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			path, image := scratchfs.MountImage(t, kind, 320)
			marker := bytes.Repeat([]byte("this is right. "), 1000)
			must(t, os.WriteFile(filepath.Join(path, "f"), marker, 0o600))
			s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
			before := scan(t, s)
			rot(t, image, path, marker[:64])
			cached := scan(t, s)
			if !maps.Equal(before, cached) {
				t.Fatal("a walk saw it")
			}
			_, err := s.Read(t.Context(), Reading{Paths: s.Files(), PastCache: true})
			must(t, err)
			if row, _ := s.Row("f"); row.Digest == before["f"].Digest || row.Ctime != before["f"].Ctime {
				t.Fatalf("%+v", row)
			}
		})
	}
}

// rot changes a file's first bytes on the disk, below the file system.
func rot(t *testing.T, image, path string, content []byte) {
	t.Helper()
	source, err := exec.Command("findmnt", "-n", "-o", "SOURCE", path).Output()
	if err != nil {
		t.Skip("no findmnt here")
	}
	disk, err := os.ReadFile(image)
	must(t, err)
	at := bytes.Index(disk, content)
	if at < 0 {
		t.Skip("the content is not found on the disk")
	}
	device, err := os.OpenFile(strings.TrimSpace(string(source)), os.O_WRONLY, 0)
	must(t, err)
	defer device.Close()
	_, err = device.WriteAt([]byte("THAT"), int64(at))
	must(t, err)
	must(t, device.Sync())
}

func TestGivenFourHundredNestedDirectoriesThenAllAreRows(t *testing.T) {
	path := scratchfs.Mount(t, "tmpfs", 0)
	s := scanner(t, Tree{Name: "t", Path: path}, Options{Now: later})
	deep := strings.Repeat("twelve-bytes/", 400)
	for end := 12; end < len(deep); end += 13 {
		must(t, s.Root().Mkdir(deep[:end], 0o755))
	}
	file, err := s.Root().OpenRegular(deep+"file", unix.O_CREAT|unix.O_WRONLY, 0o600)
	must(t, err)
	must(t, file.Close())
	rows := scan(t, s)
	if row := rows[deep+"file"]; len(rows) != 402 || row.Digest.IsZero() || row.Trouble != "" {
		t.Fatalf("%d rows, %+v", len(rows), row)
	}
}
