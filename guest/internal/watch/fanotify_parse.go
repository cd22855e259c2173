package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A file handle as the kernel gave it, good as the key of a map.
type handle struct {
	kind  int32
	bytes string
}

func (h handle) known() bool { return h.bytes != "" }

// One event of fanotify. Either handle may be unknown.
type fanotifyEvent struct {
	mask   uint64
	pid    int32
	parent handle // the directory
	name   string // in it; "" or "." is the directory itself
	target handle // what changed
}

const (
	metadataSize   = 24 // struct fanotify_event_metadata
	infoHeaderSize = 4
	fsidSize       = 8
	handleHeadSize = 8
	mostHandle     = 128 // MAX_HANDLE_SZ
)

var errFanotifyFormat = errors.New("fanotify gave an event of a form that is not known")

// Takes the first event from what was read, and gives the rest.
func parseFanotify(read []byte) (event fanotifyEvent, rest []byte, err error) {
	if len(read) < metadataSize {
		return event, nil, fmt.Errorf("%w: %d bytes", errFanotifyFormat, len(read))
	}
	length := binary.NativeEndian.Uint32(read)
	head := int(binary.NativeEndian.Uint16(read[6:]))
	if read[4] != unix.FANOTIFY_METADATA_VERSION || int64(length) > int64(len(read)) || head < metadataSize || int64(head) > int64(length) {
		return event, nil, fmt.Errorf("%w: version %d, length %d", errFanotifyFormat, read[4], length)
	}
	event.mask = binary.NativeEndian.Uint64(read[8:])
	event.pid = int32(binary.NativeEndian.Uint32(read[20:]))
	for infos := read[head:length]; len(infos) >= infoHeaderSize; {
		size := int(binary.NativeEndian.Uint16(infos[2:]))
		if size < infoHeaderSize || size > len(infos) {
			return event, nil, fmt.Errorf("%w: an information of %d bytes", errFanotifyFormat, size)
		}
		if err := event.info(infos[0], infos[infoHeaderSize:size]); err != nil {
			return event, nil, err
		}
		infos = infos[size:]
	}
	return event, read[length:], nil
}

func (e *fanotifyEvent) info(kind byte, body []byte) error {
	switch kind {
	case unix.FAN_EVENT_INFO_TYPE_FID, unix.FAN_EVENT_INFO_TYPE_DFID, unix.FAN_EVENT_INFO_TYPE_DFID_NAME:
	default:
		return nil
	}
	if len(body) < fsidSize+handleHeadSize {
		return fmt.Errorf("%w: a handle of %d bytes", errFanotifyFormat, len(body))
	}
	body = body[fsidSize:]
	size := binary.NativeEndian.Uint32(body)
	if size > mostHandle || int(size) > len(body)-handleHeadSize {
		return fmt.Errorf("%w: a handle that says %d bytes", errFanotifyFormat, size)
	}
	found := handle{int32(binary.NativeEndian.Uint32(body[4:])), string(body[handleHeadSize : handleHeadSize+size])}
	if kind == unix.FAN_EVENT_INFO_TYPE_FID {
		e.target = found
		return nil
	}
	e.parent = found
	if kind == unix.FAN_EVENT_INFO_TYPE_DFID_NAME {
		name, _, _ := bytes.Cut(body[handleHeadSize+size:], []byte{0})
		e.name = string(name)
	}
	return nil
}
