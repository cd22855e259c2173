package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	selfCheck   = 10 * time.Second
	textBusyFor = 2 * time.Second
)

// write puts the program beside the one that runs, as it comes: never more than its size.
func (u *Updater) write(ctx context.Context, order Order, next func(context.Context) ([]byte, error), progress func(uint64)) error {
	path := u.place.next()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what an earlier update left: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("making room for the newer program: %w", err)
	}
	err = copyPieces(ctx, file, order.Size, next, progress)
	if err == nil {
		err = u.step("written", file.Sync())
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}

func copyPieces(ctx context.Context, to io.Writer, size int64, next func(context.Context) ([]byte, error), progress func(uint64)) error {
	came := int64(0)
	for {
		piece, err := next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("taking the newer program: %w", err)
		}
		if came += int64(len(piece)); came > size {
			return refuse("Size", "more than the %d bytes came that were announced", size)
		}
		if _, err := to.Write(piece); err != nil {
			return fmt.Errorf("writing the newer program: %w", err)
		}
		progress(uint64(came))
	}
	if came != size {
		return refuse("Size", "%d bytes came of %d that were announced", came, size)
	}
	return nil
}

// prove reads back from the disk what was written, and asks the program who it is.
func (u *Updater) prove(ctx context.Context, order Order) error {
	path := u.place.next()
	digest, err := digestOf(path)
	if err != nil {
		return fmt.Errorf("reading the newer program back: %w", err)
	}
	if !bytes.Equal(digest, order.Digest) {
		return refuse("Digest", "what came has not the digest that was announced")
	}
	if err := checkMachine(path); err != nil {
		return refuse("Machine", "%w", err)
	}
	if err := u.place.dress(path); err != nil {
		return fmt.Errorf("making the newer program one that can be run: %w", err)
	}
	said, err := versionOf(ctx, path)
	if err != nil {
		return refuse("SelfCheck", "the newer program cannot be run: %w", err)
	}
	if said != order.Version {
		return refuse("Version", "what came calls itself %.100q and was announced as %q", said, order.Version)
	}
	return u.step("proven", syncDirectory(filepath.Dir(path)))
}

// digestOf reads a file from its disk, as far as the kernel lets one choose.
func digestOf(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(file, MostBytes+1)); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// versionOf asks a program for its version.
func versionOf(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, selfCheck)
	defer cancel()
	begun := time.Now()
	for {
		command := exec.CommandContext(ctx, path, "version")
		command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		command.Dir = "/"
		command.WaitDelay = time.Second
		said := &tail{most: 1024}
		command.Stdout, command.Stderr = said, said
		err := command.Run()
		// Whoever was forked while the file was open for writing has it open until it runs something else (golang/go#22315).
		if errors.Is(err, unix.ETXTBSY) && time.Since(begun) < textBusyFor {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("it did not say its version within %v", selfCheck)
		}
		if err != nil {
			return "", fmt.Errorf("%w%s", err, said.words())
		}
		return strings.TrimSpace(said.text.String()), nil
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	most int
	text bytes.Buffer
}

func (t *tail) Write(words []byte) (int, error) {
	t.text.Write(words)
	if more := t.text.Len() - t.most; more > 0 {
		t.text.Next(more)
	}
	return len(words), nil
}

// words is the last line, to be put behind a sentence.
func (t *tail) words() string {
	lines := strings.Split(strings.TrimSpace(t.text.String()), "\n")
	last := strings.ToValidUTF8(lines[len(lines)-1], "?")
	if last == "" {
		return ""
	}
	return ": " + last[max(0, len(last)-300):]
}
