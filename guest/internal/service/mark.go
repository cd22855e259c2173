package service

import (
	"context"
	"encoding/hex"
	"fmt"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/wire"
)

// markUsers keeps on the first tree's file system, beside its memory, whether users were seen since that was held.
func (s *Service) markUsers(_ context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetMarkUsers()
	held := ""
	if request.Held != nil {
		if len(request.Held.Root) != len(fingerprint.Digest{}) || request.Held.Position == nil {
			return nil, invalid("Held", "a root of %d bytes, or no position", len(request.Held.Root))
		}
		held = fmt.Sprintf("%d %d %s", request.Held.Position.Tenure, request.Held.Position.Sequence, hex.EncodeToString(request.Held.Root))
	}
	if len(of.trees) == 0 {
		return nil, invalid("Trees", "there is no tree to keep it on")
	}
	first, err := of.trees[0].use()
	if err != nil {
		return nil, err
	}
	if first.Store == nil {
		return nil, fmt.Errorf("keeping it: %w", first.Why)
	}
	mark := evidence.Mark{Load: first.Store.Note, Save: first.Store.SaveNote}
	seen, err := mark.Look(held, request.Seen)
	if err != nil {
		return nil, err
	}
	return &wire.Answer{Piece: &wire.Answer_UsersMarked{UsersMarked: &wire.UsersMarked{Seen: seen}}}, nil
}
