package evidence

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
)

// MostNamed is the most entries of Users.Who.
const MostNamed = 20

const sshPort = 22

// Users is who uses the guest at one look.
type Users struct {
	// Sessions are people logged in: terminals in use, or open ssh connections if there are more.
	Sessions int
	// Connections on access ports, from ESTABLISHED to TIME_WAIT, without known probes and the guest's own loopback.
	Connections int
	// PassiveOpens is how many connections were accepted since the reader's first look that may have been users' and were
	// not seen; only the difference of two looks of one reader says something.
	PassiveOpens uint64
	// LastInput is the newest input at a terminal in seconds of the guest's clock; 0 if none is known. The kernel moves it
	// on in steps of 8 s.
	LastInput int64
	// Who is what the sessions and connections are, for people; at most MostNamed.
	Who []string
}

// UsedSince says whether somebody used the guest after an earlier look of the same reader, or still does.
func (u Users) UsedSince(earlier Users) bool {
	return u.Sessions > 0 || u.Connections > 0 || u.PassiveOpens > earlier.PassiveOpens || u.LastInput > earlier.LastInput
}

// UserReader looks who uses the guest, again and again. Safe for many goroutines.
//
// A request may begin and end between two looks. The kernel counts accepted connections only for all ports together, so an
// increase counts as use if something listens on an access port and the new connections in sight do not explain it, unless a
// probe was ever seen on an access port: then the count says nothing and is left out. What the program itself accepts is taken
// out by Disregard. Too much is thus noticed rather than too little, except beside probes.
type UserReader struct {
	guest  Guest
	access map[uint16]bool
	ports  map[uint16]bool
	probes []netip.Prefix

	mutex       sync.Mutex
	terminals   terminals
	table       table
	before      map[connection]bool
	looked      bool
	opensBefore uint64
	own         uint64
	unexplained uint64
	probed      bool
}

// NewUserReader makes one. Access are the ports on which users reach the guest; probes are the addresses whose connections are not
// users': the node's own, and with masquerade the gateway that the guest sees, if the network rewrites sources to it only for
// probes.
func NewUserReader(guest Guest, access []uint16, probes []netip.Prefix) *UserReader {
	r := &UserReader{guest: guest, terminals: terminals{guest: guest}, access: map[uint16]bool{}, ports: map[uint16]bool{sshPort: true}, probes: slices.Clone(probes)}
	for _, port := range access {
		r.access[port], r.ports[port] = true, true
	}
	return r
}

// Disregard says that the program itself accepted so many connections since it was last called.
func (r *UserReader) Disregard(accepted uint64) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.own += accepted
}

// Look looks now; after an error the looks before it still count.
func (r *UserReader) Look() (Users, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.table.look(r.guest, r.ports); err != nil {
		return Users{}, err
	}
	who, lastInput := r.terminals.look()
	return r.take(r.table.sockets, r.table.opens, who, lastInput), nil
}

// Continues from what was seen before with one look.
func (r *UserReader) take(sockets []socket, opens uint64, terminals []string, lastInput int64) Users {
	now := map[connection]bool{}
	listens, ssh, used := false, 0, 0
	from := map[string]bool{}
	for _, s := range sockets {
		access := r.access[s.local]
		listens = listens || access && s.state == listening
		if !s.open() || now[s.connection] {
			continue
		}
		now[s.connection] = true
		remote := s.remote.Addr()
		if slices.ContainsFunc(r.probes, func(probe netip.Prefix) bool { return probe.Contains(remote) }) {
			r.probed = r.probed || access
			continue
		}
		if remote.IsLoopback() {
			continue
		}
		from[fmt.Sprintf("%s on port %d", remote, s.local)] = true
		if access {
			used++
		}
		if s.local == sshPort && s.state == established {
			ssh++
		}
	}
	r.countOpens(opens, now, listens)
	who := append(slices.Clone(terminals), slices.Sorted(maps.Keys(from))...)
	return Users{
		Sessions: max(len(terminals), ssh), Connections: used, PassiveOpens: r.unexplained, LastInput: lastInput,
		Who: who[:min(len(who), MostNamed)],
	}
}

func (r *UserReader) countOpens(opens uint64, now map[connection]bool, listens bool) {
	more := opens
	if opens >= r.opensBefore { // a smaller count than before is a new boot's
		more -= r.opensBefore
	}
	explained := r.own
	for c := range now {
		if !r.before[c] {
			explained++
		}
	}
	if r.looked && listens && !r.probed && more > explained {
		r.unexplained += more - explained
	}
	r.looked, r.opensBefore, r.own, r.before = true, opens, 0, now
}
