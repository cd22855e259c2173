package service

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

// serve lists the rows with their sizes if that is wanted, says where it serves, and serves until each joiner has what it wants, or the context ends.
func (s *Service) serve(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetServe()
	order, err := of.serveOrder(request)
	if err != nil {
		return nil, err
	}
	if request.Output {
		if order.Output, err = content(ctx, call, sync.MostOutput); err != nil {
			return nil, err
		}
		return s.serveOn(ctx, call, order)
	}
	targets, _, err := of.targets(ctx, call)
	if err != nil {
		return nil, err
	}
	hashing, err := of.hashing()
	if err != nil {
		return nil, err
	}
	set, release, err := of.serveFrozen(request.Frozen)
	if err != nil {
		return nil, err
	}
	defer release()
	list, size := &wire.RowList{}, 0
	add := func(one *wire.Row) error {
		list.Rows = append(list.Rows, one)
		if size += proto.Size(one) + 8; size <= rowsPiece {
			return nil
		}
		full := list
		list, size = &wire.RowList{}, 0
		return call.Send(ctx, &wire.Answer{Piece: &wire.Answer_Rows{Rows: full}})
	}
	for i, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return nil, void("%w", err)
		}
		listed := make(map[string]sync.Listed, len(targets[i]))
		for _, target := range targets[i] {
			if frozen := set.row(i, string(target.Path)); frozen != nil {
				if frozen.Digest != digestOf(target) {
					return nil, void("%q of %s was not frozen as it is to be served", target.Path, t.spec.Name)
				}
				listed[frozen.Path] = sync.Listed{Digest: frozen.Digest, LinkTo: frozen.LinkTo, Frozen: &frozen.Frozen}
				if request.Listed {
					if err := add(frozenRow(i, frozen)); err != nil {
						return nil, err
					}
				}
				continue
			}
			// Whoever fetches a row has it looked at: here thousands may be listed that nobody lacks.
			row, size, known := held.Rows.Sized(string(target.Path))
			if known && row.Unread { // it was written a moment ago, or in the same tick as it was read
				if _, err := held.Rows.Read(ctx, fingerprint.Reading{Paths: one(row.Path)}); err != nil {
					return nil, fmt.Errorf("reading %q of %s: %w", row.Path, t.spec.Name, err)
				}
				row, size, known = held.Rows.Sized(row.Path)
			}
			// One that is to be read again has the digest of what was read last; who fetches it finds out if that is not so any more.
			if !known || row.Digest != digestOf(target) {
				return nil, void("%q of %s is not as it is to be served", target.Path, t.spec.Name)
			}
			listed[row.Path] = sync.Listed{Digest: row.Digest, LinkTo: held.Rows.LinkTo(row.Path)}
			if request.Listed {
				one := rowOf(i, row)
				one.Size = uint64(size)
				if err := add(one); err != nil {
					return nil, err
				}
			}
		}
		order.Trees = append(order.Trees, sync.Served{
			Name: t.spec.Name, Dir: held.Rows.Root(), Hashing: hashing,
			Row: func(path string) (sync.Listed, bool) { one, known := listed[path]; return one, known },
		})
	}
	if len(list.Rows) > 0 {
		if err := call.Send(ctx, &wire.Answer{Piece: &wire.Answer_Rows{Rows: list}}); err != nil {
			return nil, err
		}
	}
	return s.serveOn(ctx, call, order)
}

// serveOn says where it serves, and serves until each joiner has what it wants, or the context ends.
func (s *Service) serveOn(ctx context.Context, call Call, order sync.ServeOrder) (*wire.Answer, error) {
	server, err := s.listeners.Serve(ctx, order)
	if errors.Is(err, sync.ErrTooMany) {
		return nil, port.Refuse(wire.Reason_REASON_FAILED, "TooManyServings", "%w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("beginning to serve: %w", err)
	}
	defer server.Close()
	pin := order.Identity.Pin()
	if err := call.Send(ctx, &wire.Answer{Piece: &wire.Answer_Serving{Serving: &wire.Serving{
		Address: server.Addr().Addr().String(), Port: uint32(server.Addr().Port()), Pin: pin[:],
	}}}); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
	case <-server.Fetched():
	}
	server.Close()
	return &wire.Answer{Piece: &wire.Answer_Served{Served: &wire.Served{Bytes: uint64(server.Sent())}}}, nil
}

func (of *member) serveOrder(request *wire.Serve) (sync.ServeOrder, error) {
	where := request.Address
	if where == "" {
		where = of.configure.SyncAddress
	}
	address, err := netip.ParseAddr(where)
	if err != nil {
		return sync.ServeOrder{}, invalid("SyncAddress", "%q is no address to serve on", where)
	}
	if len(request.Joiners) == 0 || len(request.Joiners) > mostJoiners || request.Port > 65535 {
		return sync.ServeOrder{}, invalid("Joiners", "%d joiners at port %d", len(request.Joiners), request.Port)
	}
	order := sync.ServeOrder{Address: address, Port: int(request.Port), BytesPerSecond: int64(request.Bandwidth)}
	if order.Port == 0 {
		order.Port = sync.DefaultPort
	}
	if order.BytesPerSecond == 0 {
		order.BytesPerSecond = int64(of.configure.GetBandwidth().GetSync())
	}
	for _, joiner := range request.Joiners {
		pin, err := pinOf(joiner)
		if err != nil {
			return sync.ServeOrder{}, invalid("Joiners", "%s: %w", joiner.Member, err)
		}
		order.Joiners = append(order.Joiners, sync.Joiner{Name: joiner.Member, Pin: pin})
	}
	if of.users != nil {
		order.Accepted = func() { of.users.Disregard(1) }
	}
	order.Identity, err = sync.NewIdentity()
	return order, err
}

// pinOf is that of the certificate which a joiner must show.
func pinOf(joiner *wire.Joiner) (sync.Pin, error) {
	if len(joiner.Pin) == 0 {
		identity, err := sync.IdentityFromSeed(joiner.Seed)
		if err != nil {
			return sync.Pin{}, err
		}
		return identity.Pin(), nil
	}
	if len(joiner.Pin) != len(sync.Pin{}) {
		return sync.Pin{}, fmt.Errorf("its pin has %d bytes", len(joiner.Pin))
	}
	return sync.Pin(joiner.Pin), nil
}
