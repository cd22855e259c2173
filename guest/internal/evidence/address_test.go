package evidence

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Runs in a network namespace of its own, which goes with its thread.
func inNamespace(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes a network namespace")
	}
	done := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with this goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- "no network namespace can be had: " + err.Error()
			return
		}
		defer close(done)
		do()
	}()
	if skip := <-done; skip != "" {
		t.Skip(skip)
	}
}

func ip(t *testing.T, arguments ...string) string {
	t.Helper()
	said, err := exec.Command("ip", arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("ip %v: %v: %s", arguments, err, said)
	}
	return string(said)
}

func TestGivenTheSyncNicThenItGetsItsAddressUnlessTheGuestHasThatNetworkElsewhere(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("the program ip is not here to make the interfaces")
	}
	mac, err := net.ParseMAC("0e:76:01:02:03:04")
	if err != nil {
		t.Fatal(err)
	}
	address := netip.MustParsePrefix("172.31.77.11/24")
	inNamespace(t, func() {
		set := func(address netip.Prefix) (Addressed, string) {
			addressed, err := Guest{}.SetAddress(t.Context(), mac, address)
			if err != nil {
				return addressed, reason(err)
			}
			return addressed, ""
		}
		if _, why := set(address); why != NoInterface {
			t.Error(why)
		}
		ip(t, "link", "add", "sync0", "address", mac.String(), "type", "bridge")
		ip(t, "link", "add", "other", "type", "bridge")
		ip(t, "link", "set", "other", "up")
		ip(t, "addr", "add", "10.1.2.3/16", "dev", "other")
		ip(t, "route", "add", "172.16.0.0/12", "via", "10.1.0.1") // less exact, through a gateway: no obstacle
		ip(t, "route", "add", "default", "via", "10.1.0.1")
		if done, why := set(address); why != "" || done != (Addressed{"sync0", true}) {
			t.Error(done, why)
		}
		if said := ip(t, "-4", "-o", "addr", "show", "dev", "sync0"); !strings.Contains(said, "172.31.77.11/24") {
			t.Error(said)
		}
		if done, why := set(address); why != "" || done != (Addressed{"sync0", false}) {
			t.Error(done, why)
		}
		ip(t, "link", "set", "sync0", "down")
		if done, why := set(address); why != "" || !done.Changed {
			t.Error(done, why)
		}
		for _, wanted := range []string{"10.1.7.7/24", "10.0.0.1/8"} {
			if _, why := set(netip.MustParsePrefix(wanted)); why != Collides {
				t.Error(wanted, why)
			}
		}
		ip(t, "route", "add", "192.0.2.128/25", "via", "10.1.0.1")
		if _, why := set(netip.MustParsePrefix("192.0.2.1/24")); why != Collides {
			t.Error(why)
		}
		if _, why := set(netip.MustParsePrefix("2001:db8::1/64")); why != AddressFailed {
			t.Error(why)
		}
	})
}

func FuzzRoute(f *testing.F) {
	f.Add([]byte{unix.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, 0, 0, unix.RTN_UNICAST, 0, 0, 0, 0, 8, 0, unix.RTA_DST, 0, 10, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		message := syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_NEWROUTE}, Data: data}
		if r, ok := parseRoute(message); ok && !r.to.IsValid() {
			t.Fatal(r)
		}
		_ = acknowledged(data)
	})
}
