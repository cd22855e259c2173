package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"virtquorum.io/guest/internal/archive"
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

// keepOutput archives what a command said.
func (s *Service) keepOutput(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetKeepOutput()
	said, err := content(ctx, call, sync.MostOutput)
	if err != nil {
		return nil, err
	}
	all, end, err := s.archives(ctx, of)
	if err != nil {
		return nil, err
	}
	defer end()
	if len(all) == 0 {
		return nil, invalid("Trees", "there is no tree to keep it on")
	}
	if err := archive.MakeRoom(ctx, plain(all), int64(len(said)), of.limits()); err != nil {
		return nil, applyFailed(err)
	}
	entry, err := all[0].Keep(ctx, request.ArchiveEntry, request.Verdict, time.Now().UnixMilli(), said)
	if err != nil {
		return nil, applyFailed(err)
	}
	return &wire.Answer{Piece: &wire.Answer_OutputKept{OutputKept: &wire.OutputKept{ArchiveEntry: entry}}}, nil
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
