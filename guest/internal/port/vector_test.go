package port

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// The vectors are shared with the sidecar's own frames: a line has a name, what comes in hexadecimal, and the payloads in it ("-" for
// an empty one; none where nothing is one). Of the lines that are named frame… the bytes are exactly what is written for the payload.
func TestGivenTheVectorsThatTheSidecarSharesThenTheSameFramesAreInThem(t *testing.T) {
	file, err := os.Open("testdata/frames.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if scanner.Text() == "" || scanner.Text()[0] == '#' {
			continue
		}
		lines++
		fields := strings.Fields(scanner.Text())
		stream := unhex(t, fields[1])
		got, _ := framesIn(t, bytes.NewReader(stream))
		if len(got) != len(fields)-2 {
			t.Fatalf("%s: %d frames", fields[0], len(got))
		}
		for i, payload := range got {
			want := unhex(t, strings.TrimPrefix(fields[i+2], "-"))
			if !bytes.Equal(payload, want) {
				t.Fatalf("%s: %x", fields[0], payload)
			}
			if strings.HasPrefix(fields[0], "frame") && !bytes.Equal(frameOf(t, payload), stream) {
				t.Fatalf("%s is written as %x", fields[0], frameOf(t, payload))
			}
		}
	}
	if lines < 15 {
		t.Fatalf("only %d vectors", lines)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
