package memory

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

const (
	noteName = "note"
	halfName = "half"
	noteNew  = "note.new"
	noteMost = 1024
)

// Note is the short text that is kept beside the memory, or "". It is not sealed: only root can have written it, and on a copy of the
// disk it is still true of what is on it.
func (s *Store) Note() (string, error) { return s.note(noteName) }

// SaveNote makes a text of at most 1,024 bytes durable; "" removes it.
func (s *Store) SaveNote(words string) error { return s.keepNote(noteName, words) }

// IsHalf is true if the tree may hold a part of another member's state that was not remembered.
func (s *Store) IsHalf() (bool, error) {
	words, err := s.note(halfName)
	return words != "", err
}

// SetHalf makes durable whether it may.
func (s *Store) SetHalf(half bool) error {
	words := ""
	if half {
		words = "a repair began and was not remembered yet"
	}
	return s.keepNote(halfName, words)
}

func (s *Store) note(name string) (string, error) {
	file, err := s.dir.OpenRegular(name, unix.O_RDONLY, 0)
	if errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the note in %s: %w", s.where, err)
	}
	defer file.Close()
	words, err := io.ReadAll(io.LimitReader(file, noteMost))
	if err != nil {
		return "", fmt.Errorf("reading the note in %s: %w", s.where, err)
	}
	return string(words), nil
}

func (s *Store) keepNote(name, words string) error {
	if err := s.saveNote(name, words); err != nil {
		_ = s.dir.Unlink(noteNew)
		return fmt.Errorf("writing the note in %s: %w", s.where, err)
	}
	return nil
}

func (s *Store) saveNote(name, words string) error {
	if len(words) > noteMost {
		return unix.E2BIG
	}
	if err := s.there(); err != nil {
		return err
	}
	if words == "" {
		if err := s.dir.Unlink(name); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return s.dir.Sync()
	}
	if err := s.dir.Unlink(noteNew); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	file, err := s.dir.OpenRegular(noteNew, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString(words); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := s.dir.Rename(noteNew, s.dir, name, 0); err != nil {
		return err
	}
	return s.dir.Sync()
}
