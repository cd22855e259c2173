package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// MostOutput is how many bytes a command may say whose output is carried from one guest to another.
const MostOutput = 4 << 20

// FetchOutput takes what a command said in the donor's guest, where the donor serves that. Only donor, identity, address and patience of
// the order count. The donor's word that it was all is proven as everything it says; who fetches knows the fingerprint.
func FetchOutput(ctx context.Context, order FetchOrder) ([]byte, error) {
	if order.Patience <= 0 {
		order.Patience = defaultPatience
	}
	f := &fetch{order: &order}
	connection, err := f.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching an output: %w", err)
	}
	defer connection.Close()
	closing := context.AfterFunc(ctx, func() { _ = connection.NetConn().Close() })
	defer closing()
	output, err := io.ReadAll(io.LimitReader(connection, MostOutput+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("fetching an output from %s: %w", order.Donor.Name, context.Cause(ctx))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, f.peerError("", ErrUnreachable, "it went before it had said all")
	case err != nil:
		return nil, f.lost("", err)
	case len(output) > MostOutput:
		return nil, f.peerError("", ErrMisbehaved, "more than %d bytes", MostOutput)
	}
	_ = goodbye(connection, newFrameWriter(connection)) // the donor waits for it no longer than for anything
	return output, nil
}
