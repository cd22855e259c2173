// Package fingerprint says what is in a file tree: every entry as a row, whose keyed digest speaks of all that must be equal
// about it and tells nothing outside the cluster. A walk looks at metadata only; contents are read where those moved.
package fingerprint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// Key is an HACluster's secret for fingerprints. The zero value is none. Immutable, so safe for many goroutines.
type Key struct{ secret string }

// NewKey takes 16 to 64 bytes.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < 16 || len(secret) > 64 {
		return Key{}, fmt.Errorf("a fingerprint key has 16 to 64 bytes, not %d", len(secret))
	}
	return Key{string(secret)}, nil
}

// String keeps the secret out of logs.
func (Key) String() string { return "(key)" }

// Mac begins an HMAC-SHA-256 under the key. The caller writes and sums it; for one goroutine.
func (k Key) Mac() hash.Hash { return hmac.New(sha256.New, []byte(k.secret)) }

// Fingerprint hashes fields, each with its length before it, so that no two lists of fields look alike.
func (k Key) Fingerprint(fields ...string) Digest {
	h := k.fields()
	for _, field := range fields {
		h.add(field)
	}
	return h.digest()
}

// fields takes one field after the other.
func (k Key) fields() *fieldHash { return &fieldHash{mac: k.Mac()} }

type fieldHash struct {
	mac    hash.Hash
	buffer []byte
}

func (h *fieldHash) add(field string) {
	h.buffer = binary.BigEndian.AppendUint32(h.buffer[:0], uint32(len(field)))
	h.buffer = append(h.buffer, field...)
	h.mac.Write(h.buffer)
}

func (h *fieldHash) digest() (d Digest) {
	h.mac.Sum(d[:0])
	return d
}

// Digest is a 256-bit keyed one-way hash.
type Digest [32]byte

// String is all 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero is true for no digest.
func (d Digest) IsZero() bool { return d == Digest{} }
