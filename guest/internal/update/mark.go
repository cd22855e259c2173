package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

type state string

const (
	onTrial   state = "on trial"  // the newer program runs beside the one that is in place
	exchanged state = "exchanged" // it was confirmed and takes the place
	failed    state = "failed"    // it will not be tried again
)

// mark is what is known of the newest update on disk: it tells a later start what was begun, and a sidecar what failed.
type mark struct {
	State   state  `json:"state"`
	Version string `json:"version"`
	Digest  []byte `json:"digest"`
	Tries   int    `json:"tries"`            // trials that began
	Boot    string `json:"boot,omitempty"`   // in which Starts are counted
	Starts  int    `json:"starts,omitempty"` // of an exchanged program that was not confirmed in its place yet
	Why     string `json:"why,omitempty"`    // it failed
}

const mostMark = 16 << 10

// load returns nil where there is no mark.
func loadMark(path string) (*mark, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what became of an update: %w", err)
	}
	defer file.Close()
	words := make([]byte, mostMark)
	n, err := file.Read(words)
	if err != nil {
		return nil, fmt.Errorf("reading what became of an update: %w", err)
	}
	m := &mark{}
	if err := json.Unmarshal(words[:n], m); err != nil {
		return nil, fmt.Errorf("reading what became of an update: %s: %w", path, err)
	}
	return m, nil
}

func (m *mark) save(path string) error {
	words, err := json.Marshal(m)
	if err == nil {
		err = replace(path, append(words, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping what becomes of an update: %w", err)
	}
	return nil
}

func removeMark(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting an update: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

// replace has the file hold these words, durably: the old ones or the new ones are there, whatever happens.
func replace(path string, words []byte) error {
	beside := path + "~"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(words)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		_ = os.Remove(beside)
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := directory.Sync(); err != nil {
		return fmt.Errorf("making the names in %s durable: %w", path, err)
	}
	return nil
}
