package service

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/wire"
)

// usersEvery is the time between two looks at who uses the guest: it costs some tenths of a millisecond.
const usersEvery = 2 * time.Second

// usersAsked is the same while the sidecar asks about as often.
const usersAsked = usersEvery + usersEvery/8

// UserLooker looks who uses the guest. *evidence.UserReader is one.
type UserLooker interface {
	Look() (evidence.Users, error)
	Disregard(accepted uint64)
}

// NewUserLooker makes the one for the access ports and probes of a configuration.
func NewUserLooker(guest evidence.Guest) func(*wire.Configure) (UserLooker, error) {
	return func(configure *wire.Configure) (UserLooker, error) {
		ports := make([]uint16, 0, len(configure.AccessPorts))
		for _, one := range configure.AccessPorts {
			if one == 0 || one > 65535 {
				return nil, invalid("AccessPorts", "%d is no port", one)
			}
			ports = append(ports, uint16(one))
		}
		probes := make([]netip.Prefix, 0, len(configure.Probes))
		for _, one := range configure.Probes {
			prefix, err := netip.ParsePrefix(one)
			if err != nil {
				address, err := netip.ParseAddr(one)
				if err != nil {
					return nil, invalid("Probes", "%q is neither an address nor a prefix", one)
				}
				prefix = netip.PrefixFrom(address, address.BitLen())
			}
			probes = append(probes, prefix)
		}
		return evidence.NewUserReader(guest, ports, probes), nil
	}
}

func (s *Service) users(_ context.Context, of *member, _ Call) (*wire.Answer, error) {
	list, err := s.lookForUsers(of)
	if err != nil {
		return nil, err
	}
	return &wire.Answer{Piece: &wire.Answer_Users{Users: list}}, nil
}

// lookForUsers looks for a sidecar that asked, who needs no push of the same.
func (s *Service) lookForUsers(of *member) (*wire.UserList, error) {
	seen, err := of.users.Look()
	if err != nil {
		return nil, fmt.Errorf("looking who uses the guest: %w", err)
	}
	for told := false; !told; {
		select {
		case of.answered <- seen:
			told = true
		case <-of.answered: // an older one
		}
	}
	return listOf(seen), nil
}

func listOf(seen evidence.Users) *wire.UserList {
	list := &wire.UserList{
		Sessions: uint32(seen.Sessions), Connections: uint32(seen.Connections), PassiveOpens: seen.PassiveOpens,
		LastInput: seen.LastInput, Words: seen.Who[:min(len(seen.Who), evidence.MostNamed)],
	}
	if seen.LastInput > 0 {
		age := uint64(max(0, time.Since(time.Unix(seen.LastInput, 0)).Milliseconds()))
		list.InputAgeMillis = &age
	}
	return list
}

// watchUsers pushes who uses the guest whenever that is something else than it was, or asked for, until the context ends.
func (s *Service) watchUsers(ctx context.Context, of *member) {
	next := time.NewTimer(usersEvery)
	defer next.Stop()
	var before evidence.Users
	said := ""
	for told := false; ; next.Reset(usersEvery) {
		seen, err := of.users.Look()
		switch {
		case err != nil && text(err) != said:
			s.options.Log.Warn("looking who uses the guest", "why", err)
		case err == nil && (!told || !sameUsers(seen, before)):
			s.push(&wire.Push{Kind: &wire.Push_Users{Users: listOf(seen)}})
			before, told = seen, true
		}
		said = text(err)
		for asked := true; asked; {
			select {
			case <-ctx.Done():
				return
			case <-of.newSession:
				told, asked = false, false
			case before = <-of.answered:
				next.Reset(usersAsked)
			case <-next.C:
				asked = false
			}
		}
	}
}

func sameUsers(a, b evidence.Users) bool {
	return a.Sessions == b.Sessions && a.Connections == b.Connections && a.PassiveOpens == b.PassiveOpens && a.LastInput == b.LastInput &&
		slices.Equal(a.Who, b.Who)
}
