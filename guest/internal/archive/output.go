package archive

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

const outputName = "output"

// Keep makes an entry of what a command said before something else takes its place, and says the entry's name: another number is added
// where there is one of that name. It is durable when this returns. It has no rows: nothing of it belongs into the tree. Room is the
// caller's matter.
func (a *Archive) Keep(ctx context.Context, entry, verdict string, millis int64, content []byte) (string, error) {
	if err := checkEntry(entry); err != nil {
		return "", err
	}
	entry, err := a.free(entry)
	if err != nil {
		return "", err
	}
	if err := a.keepContent(entry, head{Version: manifestVersion, Verdict: verdict, Millis: millis, Bytes: int64(len(content))}, content); err != nil {
		_ = a.Remove(ctx, entry)
		return "", fmt.Errorf("keeping an output in the archive of %s: %w", a.tree.Name, full(err))
	}
	return entry, nil
}

// keepContent writes the manifest first: what is cut short after it is an entry that may go.
func (a *Archive) keepContent(entry string, h head, content []byte) error {
	if err := makeDirs(a.tree.Archive, entry); err != nil {
		return err
	}
	dir, err := a.tree.Archive.Sub(entry)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := writeLines(dir, manifestName, func(encode func(any) error) error { return encode(h) }); err != nil {
		return err
	}
	file, err := dir.OpenRegular(outputName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		return err
	}
	return a.tree.Archive.Sync()
}
