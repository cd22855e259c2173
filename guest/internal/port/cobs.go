package port

import "bytes"

// Consistent overhead byte stuffing: the bytes between two zeros hold no zero, so that a zero always is the end of a frame, and
// nothing inside a frame, whoever chose it, can be taken for one. It costs one byte in 254.

// maxStuffed is the size of n bytes after stuffing, at most.
func maxStuffed(n int) int { return n + n/254 + 1 }

// appendStuffed appends raw to dst without any zero byte.
func appendStuffed(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, 0)
		end := n < 0
		if end {
			n = len(raw)
		}
		for n >= 254 {
			dst = append(append(dst, 255), raw[:254]...)
			raw, n = raw[254:], n-254
		}
		dst = append(append(dst, byte(n+1)), raw[:n]...)
		if end {
			return dst
		}
		raw = raw[n+1:]
	}
}

// unstuff undoes appendStuffed in place. False: these bytes are not what it makes.
func unstuff(b []byte) ([]byte, bool) {
	to := 0
	for from := 0; from < len(b); {
		code := int(b[from])
		if code == 0 || from+code > len(b) {
			return nil, false
		}
		to += copy(b[to:], b[from+1:from+code])
		from += code
		if code < 255 && from < len(b) {
			b[to] = 0
			to++
		}
	}
	return b[:to], true
}
