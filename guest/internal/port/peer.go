package port

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/wire"
)

// Peer is the sidecar's side of a line, for tests and measurements. One goroutine may send while another one waits.
type Peer struct {
	conn   io.ReadWriter
	frames *frameReader
	raw    []byte
	frame  []byte
}

// NewPeer speaks over a connection that the caller closes.
func NewPeer(conn io.ReadWriter) *Peer {
	return &Peer{conn: conn, frames: newFrameReader(conn, func() {})}
}

// Send writes one message.
func (p *Peer) Send(message *wire.ToGuest) error {
	var err error
	if p.raw, err = (proto.MarshalOptions{}).MarshalAppend(beginFrame(p.raw), message); err != nil {
		return fmt.Errorf("packing a message: %w", err)
	}
	if p.frame, err = appendFrame(p.frame[:0], p.raw); err != nil {
		return err
	}
	if _, err := p.conn.Write(p.frame); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	return nil
}

// Next waits for the next message.
func (p *Peer) Next() (*wire.FromGuest, error) {
	payload, err := p.frames.next()
	if err != nil {
		return nil, fmt.Errorf("waiting for a message: %w", err)
	}
	message := &wire.FromGuest{}
	if err := proto.Unmarshal(payload, message); err != nil {
		return nil, fmt.Errorf("unpacking a message: %w", err)
	}
	return message, nil
}
