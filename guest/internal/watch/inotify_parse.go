package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// One event of inotify.
type inotifyEvent struct {
	watch int32 // -1 for an overflow
	mask  uint32
	name  string // "" is the directory itself
}

var errInotifyFormat = errors.New("inotify gave an event of a form that is not known")

// Takes the first event from what was read, and gives the rest.
func parseInotify(read []byte) (event inotifyEvent, rest []byte, err error) {
	if len(read) < unix.SizeofInotifyEvent {
		return event, nil, fmt.Errorf("%w: %d bytes", errInotifyFormat, len(read))
	}
	event.watch = int32(binary.NativeEndian.Uint32(read))
	event.mask = binary.NativeEndian.Uint32(read[4:])
	size := binary.NativeEndian.Uint32(read[12:])
	if int64(size) > int64(len(read)-unix.SizeofInotifyEvent) {
		return event, nil, fmt.Errorf("%w: a name of %d bytes", errInotifyFormat, size)
	}
	end := unix.SizeofInotifyEvent + int(size)
	name, _, _ := bytes.Cut(read[unix.SizeofInotifyEvent:end], []byte{0})
	event.name = string(name)
	return event, read[end:], nil
}
