// Package sync carries rows of file trees from one guest to another over TLS 1.3, and stages them beside the tree that they are for.
// A donor serves only what it was ordered to; a joiner believes nothing of what comes: every row, and every content, is
// checked against the digest that the order gave for it.
package sync

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// SeedSize is how many secret bytes an identity is made of.
const SeedSize = ed25519.SeedSize

// protocol is what both ends must speak: a newer one has another name.
const protocol = "virtquorum-sync/1"

// Pin is the SHA-256 of an end's certificate. The other end got it through its order, and accepts nothing else: there is no
// authority, no name and no clock to trust.
type Pin [sha256.Size]byte

// String is the pin in hexadecimal.
func (p Pin) String() string { return hex.EncodeToString(p[:]) }

// name is what a joiner calls its donor by in the handshake, where a donor serves several orders: it fits a name in DNS, and says nothing
// that the certificate does not.
func (p Pin) name() string { return hex.EncodeToString(p[:16]) }

// Identity is the key and certificate of one end for one order. It is only ever in memory. Immutable.
type Identity struct {
	certificate tls.Certificate
	pin         Pin
}

// NewIdentity makes a one-time identity.
func NewIdentity() (*Identity, error) {
	seed := make([]byte, SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("making a one-time key: %w", err)
	}
	return IdentityFromSeed(seed)
}

// IdentityFromSeed makes the identity that belongs to SeedSize secret bytes: the same bytes give the same certificate, so that an order
// can carry an identity in 32 bytes.
func IdentityFromSeed(seed []byte) (*Identity, error) {
	if len(seed) != SeedSize {
		return nil, fmt.Errorf("a one-time key has %d bytes, not %d", SeedSize, len(seed))
	}
	key := ed25519.NewKeyFromSeed(seed)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "virtquorum"},
		// Guests' clocks may say anything: the order's end is what ends an identity.
		NotBefore:   time.Unix(0, 0).UTC(),
		NotAfter:    time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a one-time certificate: %w", err)
	}
	return &Identity{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pin:         sha256.Sum256(der),
	}, nil
}

// Pin is what the other end must get through its order.
func (i *Identity) Pin() Pin { return i.pin }

var errPeerUnknown = errors.New("the other end is not the one that the order names")

// index says which of the pins the other end's certificate has; all are compared, in constant time each.
func index(state tls.ConnectionState, pins []Pin) (int, error) {
	if len(state.PeerCertificates) != 1 {
		return 0, errPeerUnknown
	}
	pin := sha256.Sum256(state.PeerCertificates[0].Raw)
	found := -1
	for i := range pins {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(pin[:], pins[i][:]), i, found)
	}
	if found < 0 {
		return 0, errPeerUnknown
	}
	return found, nil
}

// config is that of either end: TLS proves that the other end has the certificate's key, and verify that it is the pinned one.
// Both happen before the handshake ends, so before a byte of a request is read.
func (i *Identity) config(pins []Pin) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{i.certificate},
		MinVersion:             tls.VersionTLS13,
		MaxVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // no authority and no name: VerifyConnection compares the pins
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if state.NegotiatedProtocol != protocol {
				return fmt.Errorf("the other end does not speak %s", protocol)
			}
			_, err := index(state, pins)
			return err
		},
	}
}

// toward is the config of a joiner.
func (i *Identity) toward(donor Pin) *tls.Config {
	config := i.config([]Pin{donor})
	config.ServerName = donor.name()
	return config
}
