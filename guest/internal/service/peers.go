package service

import (
	"context"
	"errors"
	"net"
	"net/netip"
	gosync "sync"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/sync"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostPeers    = 64
	peerPatience = 2 * time.Second
)

// silentPeers are those of which no sign of life comes over the sync network, all asked at once, where a donor would serve: a refusal
// is one, for it comes from the guest's own kernel.
func silentPeers(ctx context.Context, check *wire.HealthCheck) ([]string, error) {
	if len(check.GetPeers()) > mostPeers {
		return nil, invalid("Peers", "%d peers are more than %d", len(check.Peers), mostPeers)
	}
	dialer := net.Dialer{Timeout: peerPatience}
	if check.GetOwn() != "" {
		own, err := netip.ParseAddr(check.Own)
		if err != nil {
			return nil, invalid("Own", "%q is no address", check.Own)
		}
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(own, 0))
	}
	answers := make([]bool, len(check.GetPeers()))
	var asking gosync.WaitGroup
	for i, peer := range check.GetPeers() {
		address, err := netip.ParseAddr(peer)
		if err != nil {
			return nil, invalid("Peers", "%q is no address", peer)
		}
		asking.Go(func() {
			conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(address, sync.DefaultPort).String())
			if err == nil {
				_ = conn.Close()
			}
			answers[i] = err == nil || errors.Is(err, unix.ECONNREFUSED)
		})
	}
	asking.Wait()
	var silent []string
	for i, peer := range check.GetPeers() {
		if !answers[i] {
			silent = append(silent, peer)
		}
	}
	return silent, nil
}
