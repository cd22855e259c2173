package watch

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func exampleFanotify() []byte {
	info := []byte{unix.FAN_EVENT_INFO_TYPE_DFID_NAME, 0, 0, 0}
	info = append(info, make([]byte, fsidSize)...)
	info = binary.NativeEndian.AppendUint32(info, 4)
	info = binary.NativeEndian.AppendUint32(info, 1)
	info = append(info, "hand"...)
	info = append(info, "name\x00\x00\x00\x00"...)
	binary.NativeEndian.PutUint16(info[2:], uint16(len(info)))
	event := binary.NativeEndian.AppendUint32(nil, uint32(metadataSize+len(info)))
	event = append(event, unix.FANOTIFY_METADATA_VERSION, 0)
	event = binary.NativeEndian.AppendUint16(event, metadataSize)
	event = binary.NativeEndian.AppendUint64(event, unix.FAN_MODIFY)
	event = binary.NativeEndian.AppendUint32(event, 0xffffffff)
	event = binary.NativeEndian.AppendUint32(event, 42)
	return append(event, info...)
}

func TestGivenAnEventOfFanotifyThenItIsUnderstood(t *testing.T) {
	event, rest, err := parseFanotify(append(exampleFanotify(), 1, 2))
	if err != nil || len(rest) != 2 || event.name != "name" || event.parent != (handle{1, "hand"}) || event.pid != 42 || event.mask != unix.FAN_MODIFY {
		t.Fatal(event, rest, err)
	}
}

func FuzzFanotify(f *testing.F) {
	f.Add(exampleFanotify())
	f.Fuzz(func(t *testing.T, read []byte) {
		for len(read) > 0 {
			_, rest, err := parseFanotify(read)
			if err != nil {
				return
			}
			if len(rest) >= len(read) {
				t.Fatal("it takes nothing")
			}
			read = rest
		}
	})
}

func FuzzInotify(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'a', 0, 0, 0})
	f.Fuzz(func(t *testing.T, read []byte) {
		for len(read) > 0 {
			event, rest, err := parseInotify(read)
			if err != nil {
				return
			}
			if len(rest) >= len(read) || strings.Contains(event.name, "\x00") {
				t.Fatal(event)
			}
			read = rest
		}
	})
}

func FuzzDirent(f *testing.F) {
	f.Add(append(make([]byte, 16), 24, 0, 4, 'a', 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, read []byte) {
		for len(read) > 0 {
			_, _, rest, ok := parseDirent(read)
			if !ok {
				return
			}
			if len(rest) >= len(read) {
				t.Fatal("it takes nothing")
			}
			read = rest
		}
	})
}

func FuzzParent(f *testing.F) {
	f.Add([]byte("12 (a ) b) S 7 12"))
	f.Fuzz(func(t *testing.T, stat []byte) { parentIn(stat) })
}

func TestGivenAProcessWithParenthesesInItsNameThenItsParentIsFound(t *testing.T) {
	if parent := parentIn([]byte("12 (a ) 3) S 7 12")); parent != 7 {
		t.Fatal(parent)
	}
}

func TestGivenPathsThenOnlyWhatIsBeneathIsBeneath(t *testing.T) {
	for _, c := range []struct {
		path, other string
		beneath     bool
	}{{"/a", "/a", true}, {"/a/b", "/a", true}, {"/ab", "/a", false}, {"/a", "/", true}, {"/", "/a", false}} {
		if beneathOf(c.path, c.other) != c.beneath {
			t.Error(c)
		}
	}
}
