package evidence

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reasons of a Trouble with the address of the sync NIC.
const (
	NoInterface   = "NicMissing"
	Collides      = "AddressCollides"
	AddressFailed = "AddressFailed"
)

// Addressed is an interface that has its address.
type Addressed struct {
	Interface string
	Changed   bool // it was not up, or did not have it
}

// SetAddress brings the interface with this MAC up with this IPv4 address; other addresses on it stay. It may be repeated at will.
// It sets nothing, with a Trouble of the reason Collides, if the guest has an overlapping network on another interface, or a
// route through a gateway into this one: that would cut it off from those. NoInterface: the VM has not been restarted with its
// sync NIC yet. Nobody is asked whether the address is another's: it belongs to the operator, which gives it once.
func (g Guest) SetAddress(ctx context.Context, mac net.HardwareAddr, address netip.Prefix) (Addressed, error) {
	if !address.IsValid() || !address.Addr().Is4() {
		return Addressed{}, trouble(AddressFailed, "%s is not an IPv4 address with the length of its network", address)
	}
	if err := ctx.Err(); err != nil {
		return Addressed{}, fmt.Errorf("setting the address of the sync NIC: %w", err)
	}
	nic, err := g.byMac(mac)
	if err != nil {
		return Addressed{}, err
	}
	if err := collision(nic.Index, address); err != nil {
		return Addressed{}, err
	}
	up := nic.Flags&net.FlagUp != 0
	held, err := nic.Addrs()
	if err != nil {
		return Addressed{}, fmt.Errorf("asking for the addresses of %s: %w", nic.Name, err)
	}
	has := slices.ContainsFunc(held, func(held net.Addr) bool { return held.String() == address.String() })
	if up && has {
		return Addressed{Interface: nic.Name}, nil
	}
	if !up {
		if err := bringUp(nic.Name); err != nil {
			return Addressed{}, trouble(AddressFailed, "%s cannot be brought up: %v", nic.Name, err)
		}
	}
	if !has {
		if err := addAddress(nic.Index, address); err != nil {
			return Addressed{}, trouble(AddressFailed, "%s cannot get the address %s: %v", nic.Name, address, err)
		}
	}
	return Addressed{Interface: nic.Name, Changed: true}, nil
}

// A bridge or VLAN above the NIC shares its MAC: hardware goes first.
func (g Guest) byMac(mac net.HardwareAddr) (net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return net.Interface{}, fmt.Errorf("listing the network interfaces: %w", err)
	}
	var found []net.Interface
	for _, nic := range all {
		if !slices.Equal(nic.HardwareAddr, mac) {
			continue
		}
		if _, err := os.Lstat(g.path("/sys/class/net/" + nic.Name + "/device")); err == nil {
			return nic, nil
		}
		found = append(found, nic)
	}
	if len(found) == 0 {
		return net.Interface{}, trouble(NoInterface, "no interface has the MAC address %s: restart the VM, so that it gets its sync NIC", mac)
	}
	return found[0], nil
}

func bringUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// A route of the main table that people would see.
type route struct {
	to      netip.Prefix
	nic     int // index; 0: unknown
	gateway netip.Addr
}

func (r route) String() string {
	text := r.to.String()
	if r.gateway.IsValid() {
		text += " via " + r.gateway.String()
	}
	if nic, err := net.InterfaceByIndex(r.nic); err == nil {
		text += " dev " + nic.Name
	}
	return text
}

func collision(nic int, address netip.Prefix) error {
	table, err := syscall.NetlinkRIB(unix.RTM_GETROUTE, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("asking for the routes: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return fmt.Errorf("reading the routes: %w", err)
	}
	for _, message := range messages {
		r, ok := parseRoute(message)
		if !ok || r.nic == nic || r.to.Bits() == 0 || !r.to.Overlaps(address) {
			continue
		}
		if r.gateway.IsValid() && r.to.Bits() < address.Bits() {
			continue // one that leads to much more, such as all of 172.16.0.0/12: ours is more exact and goes first
		}
		return trouble(Collides, "the guest has that network elsewhere: %s", r)
	}
	return nil
}

// A unicast route of the main table; false for any other message.
func parseRoute(message syscall.NetlinkMessage) (route, bool) {
	if message.Header.Type != unix.RTM_NEWROUTE || len(message.Data) < unix.SizeofRtMsg {
		return route{}, false
	}
	family, bits, table, kind := message.Data[0], int(message.Data[1]), message.Data[4], message.Data[7]
	if family != unix.AF_INET || kind != unix.RTN_UNICAST || table != unix.RT_TABLE_MAIN || bits > 32 {
		return route{}, false
	}
	r := route{to: netip.PrefixFrom(netip.IPv4Unspecified(), bits)}
	for rest := message.Data[unix.SizeofRtMsg:]; len(rest) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			return route{}, false
		}
		value := rest[unix.SizeofRtAttr:size]
		ip, isIP := netip.AddrFromSlice(value)
		switch binary.NativeEndian.Uint16(rest[2:]) {
		case unix.RTA_DST:
			if isIP && ip.Is4() {
				r.to = netip.PrefixFrom(ip, bits)
			}
		case unix.RTA_GATEWAY:
			r.gateway = ip
		case unix.RTA_OIF:
			if len(value) == 4 {
				r.nic = int(nativeUint32(value))
			}
		}
		rest = rest[min(len(rest), (size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
	}
	return r, true
}

func addAddress(nic int, address netip.Prefix) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		return err
	}
	if err := unix.Sendto(fd, newAddress(nic, address), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	return acknowledged(answer[:n])
}

func newAddress(nic int, address netip.Prefix) []byte {
	ip := address.Addr().As4()
	body := []byte{unix.AF_INET, byte(address.Bits()), 0, unix.RT_SCOPE_UNIVERSE}
	body = appendUint32(body, uint32(nic))
	for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		body = appendUint16(appendUint16(body, uint16(unix.SizeofRtAttr+len(ip))), kind)
		body = append(body, ip[:]...)
	}
	message := appendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = appendUint16(message, unix.RTM_NEWADDR)
	message = appendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	message = appendUint32(appendUint32(message, 1), 0)
	return append(message, body...)
}

// What the kernel answers to a request.
func acknowledged(answer []byte) error {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return err
	}
	for _, message := range messages {
		if message.Header.Type == unix.NLMSG_ERROR && len(message.Data) >= 4 {
			if code := int32(nativeUint32(message.Data)); code != 0 {
				return unix.Errno(-code)
			}
			return nil
		}
	}
	return errors.New("the kernel does not say whether it did it")
}

func nativeUint32(from []byte) uint32 { return binary.NativeEndian.Uint32(from) }

func appendUint32(to []byte, value uint32) []byte { return binary.NativeEndian.AppendUint32(to, value) }

func appendUint16(to []byte, value uint16) []byte { return binary.NativeEndian.AppendUint16(to, value) }
