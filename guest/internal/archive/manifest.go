package archive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

// Path is a row's path as JSON has it: a byte that is part of no printable character, and a backslash, is three octal digits after
// a backslash, so that any bytes can be read by a person and taken back.
type Path string

// MarshalText never fails.
func (p Path) MarshalText() ([]byte, error) {
	var out []byte
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRuneInString(string(p[i:]))
		if r == '\\' || r == utf8.RuneError || !unicode.IsPrint(r) {
			for _, c := range []byte(p[i : i+n]) {
				out = append(out, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			}
		} else {
			out = append(out, p[i:i+n]...)
		}
		i += n
	}
	return out, nil
}

// UnmarshalText refuses what MarshalText does not write.
func (p *Path) UnmarshalText(text []byte) error {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		if len(text) < i+4 {
			return fmt.Errorf("the path %q ends in the middle of a byte", text)
		}
		value := 0
		for _, c := range text[i+1 : i+4] {
			if c < '0' || c > '7' {
				return fmt.Errorf("the path %q has no octal digits after a backslash", text)
			}
			value = value<<3 | int(c-'0')
		}
		if value > 255 {
			return fmt.Errorf("the path %q has a byte of more than eight bits", text)
		}
		out = append(out, byte(value))
		i += 3
	}
	*p = Path(out)
	return nil
}

// What happened to a row.
const (
	Replaced = "replaced" // the old version is in the entry
	Deleted  = "deleted"  // it is in the entry; of a directory its metadata are in the manifest
	Created  = "created"  // nothing was there
	Changed  = "changed"  // a directory's metadata; the old ones are in the manifest
)

// head is a manifest's first line.
type head struct {
	Version    int    `json:"virtquorum-archive"`
	Verdict    string `json:"verdict"`
	Millis     int64  `json:"millis"`     // the member's clock, since 1970
	Attributed int    `json:"attributed"` // rows that a user may have written
	Bytes      int64  `json:"bytes"`      // on disk
	Rows       int    `json:"rows"`
}

const manifestVersion = 2 // the first was a text file of another form

// Row is what a manifest says of a row.
type Row struct {
	Path       Path   `json:"path"` // "" is the tree's root
	What       string `json:"what"`
	OldDigest  string `json:"oldDigest,omitempty"` // hexadecimal
	Attributed bool   `json:"attributed"`          // a user may have written it
	Spared     string `json:"spared,omitempty"`    // why the old version is not in the entry
	Late       bool   `json:"late,omitempty"`      // it changed after the look that the order was made of
	OldType    string `json:"oldType,omitempty"`   // find's %y
	OldMode    string `json:"oldMode,omitempty"`   // octal
	OldUID     uint32 `json:"oldUid,omitempty"`
	OldGID     uint32 `json:"oldGid,omitempty"`
	OldSize    int64  `json:"oldSize,omitempty"` // bytes
	// OldXattrs are a directory's: other entries are in the archive with theirs.
	OldXattrs map[string][]byte `json:"oldXattrs,omitempty"`
}

// isSpared is true if no copy of it stays: somebody's write, however late it was noticed, always has one.
func (r *Row) isSpared() bool { return r.Spared != "" && !r.Late }

const (
	manifestName = "manifest"
	filesName    = "files"
)

// writeLines makes a file of JSON lines durable under its name: it is there as a whole or not at all.
func writeLines(dir *beneath.Dir, name string, lines func(encode func(any) error) error) error {
	if err := putLines(dir, name, (*os.File).Sync, lines); err != nil {
		return err
	}
	return dir.Sync()
}

// lineWriter is writeLines, or one that leaves it to others to make the file durable.
type lineWriter func(dir *beneath.Dir, name string, lines func(encode func(any) error) error) error

// notSettled writes a file that something later makes durable.
func notSettled(dir *beneath.Dir, name string, lines func(encode func(any) error) error) error {
	return putLines(dir, name, func(*os.File) error { return nil }, lines)
}

// putLines writes a file of JSON lines; settle is called before it gets its name. The name itself is not durable when it returns.
func putLines(dir *beneath.Dir, name string, settle func(*os.File) error, lines func(encode func(any) error) error) error {
	temporary := name + "~"
	if err := dir.Unlink(temporary); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	f, err := dir.OpenRegular(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	buffer := bufio.NewWriter(f)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	err = lines(func(line any) error { return encoder.Encode(line) })
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = settle(f)
	}
	if err == nil {
		err = dir.Rename(temporary, dir, name, 0)
	}
	return err
}

// readLines reads the first line into first, and calls row with the decoder for each line after it.
func readLines(dir *beneath.Dir, name string, first any, row func(decode func(any) error) error) error {
	f, err := dir.OpenRegular(name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := json.NewDecoder(bufio.NewReader(f))
	if err := decoder.Decode(first); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	for row != nil {
		err := row(decoder.Decode)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return nil
}

// makeDirs makes a directory of the program's own with those above it, and opens nothing.
func makeDirs(dir *beneath.Dir, name string) error {
	if name == "." {
		return nil
	}
	err := dir.Mkdir(name, 0o700)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := makeDirs(dir, parentOf(name)); err != nil {
		return err
	}
	if err := dir.Mkdir(name, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// parentOf is the directory that a name is in: "." at the top.
func parentOf(name string) string {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return "."
}
