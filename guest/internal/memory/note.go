package memory

import (
	"errors"
	"fmt"
	"io"
	"os"

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
	_, err := s.dir.Stat(halfName)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a repair's note in %s: %w", s.where, err)
	}
	return true, nil
}

// BeginHalf notes that it may from now on. It is durable with the journal of the repair, which must come before the first change.
func (s *Store) BeginHalf() error {
	err := s.there()
	if err == nil {
		var file *os.File
		if file, err = s.dir.OpenRegular(halfName, unix.O_WRONLY|unix.O_CREAT, 0o600); err == nil {
			_, err = file.WriteString("a repair began and was not remembered yet\n") // earlier versions ask for a word
			err = errors.Join(err, file.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("writing a repair's note in %s: %w", s.where, err)
	}
	return nil
}

// EndHalf makes durable that it does not any more.
func (s *Store) EndHalf() error { return s.keepNote(halfName, "") }

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
