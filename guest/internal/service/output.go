package service

import (
	"context"
	"errors"
	"fmt"
	"io"

	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

// content is what a request's body carries, which no command said or reads more of.
func content(ctx context.Context, call Call, most int) ([]byte, error) {
	content := []byte{}
	for {
		piece, err := call.Body(ctx)
		if errors.Is(err, io.EOF) {
			return content, nil
		}
		if err != nil {
			return nil, fmt.Errorf("taking the content: %w", err)
		}
		if len(content)+len(piece.Content) > most {
			return nil, invalid("Content", "the content has more than %d bytes", most)
		}
		content = append(content, piece.Content...)
	}
}

// fetchOutput sends the sidecar what a command said in the donor's guest.
func fetchOutput(ctx context.Context, call Call, order sync.FetchOrder) (*wire.Answer, error) {
	said, err := sync.FetchOutput(ctx, order)
	if err != nil {
		return nil, fetchFailed(err)
	}
	if err := sendOutput(ctx, call, said); err != nil {
		return nil, err
	}
	return &wire.Answer{Piece: &wire.Answer_Fetched{Fetched: &wire.Fetched{Received: uint64(len(said))}}}, nil
}
