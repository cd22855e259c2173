package evidence

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const tcpHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func snmp(opens int) string {
	return fmt.Sprintf("Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm ActiveOpens PassiveOpens\nTcp: 1 7 %d\n", opens)
}

// A line of the table: local port, remote address as the kernel of this machine prints it, remote port, state.
func tcpLine(port int, remote string, remotePort int, state byte) string {
	address := netip.MustParseAddr(remote).AsSlice()
	text := ""
	for ; len(address) > 0; address = address[4:] {
		text += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(address))
	}
	return fmt.Sprintf("   0: %s:%04X %s:%04X %02X 00000000:00000000 00:00000000 00000000     0        0 1\n",
		strings.Repeat("0", len(text)), port, text, remotePort, state)
}

func write(t *testing.T, g Guest, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.Root, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func looked(t *testing.T, r *UserReader) Users {
	t.Helper()
	users, err := r.Look()
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func TestGivenConnectionsThenThoseOnAccessPortsThatAreNoProbesAndNotTheGuestsOwnAreUsers(t *testing.T) {
	g := guestWith(t, map[string]string{
		"proc/net/snmp": snmp(3),
		"proc/net/tcp": tcpHead + tcpLine(80, "0.0.0.0", 0, listening) + tcpLine(80, "192.0.2.7", 1000, established) +
			tcpLine(80, "192.0.2.7", 1001, 0x06) + tcpLine(80, "192.0.2.8", 1002, 0x03) + tcpLine(80, "127.0.0.1", 1003, established) +
			tcpLine(80, "10.0.2.1", 1004, established) + tcpLine(8080, "192.0.2.7", 1005, established) + tcpLine(22, "192.0.2.9", 1, established) +
			tcpLine(22, "192.0.2.9", 2, 0x06) + "garbage\n",
		"proc/net/tcp6": tcpHead + tcpLine(80, "::ffff:192.0.2.77", 5, established) + tcpLine(80, "2001:db8::1", 6, established) + tcpLine(80, "::1", 6, established),
	})
	r := NewUserReader(g, []uint16{80}, []netip.Prefix{netip.MustParsePrefix("10.0.2.1/32")})
	users := looked(t, r)
	who := []string{"192.0.2.7 on port 80", "192.0.2.77 on port 80", "192.0.2.9 on port 22", "2001:db8::1 on port 80"}
	if users.Connections != 4 || users.Sessions != 1 || !slices.Equal(users.Who, who) {
		t.Fatalf("%+v", users)
	}
}

func TestGivenRequestsThatBeganAndEndedBetweenTwoLooksThenTheyAreNoticed(t *testing.T) {
	listener := tcpHead + tcpLine(80, "0.0.0.0", 0, listening)
	for _, c := range []struct {
		name       string
		table      string
		opens      int
		disregard  uint64
		unobserved uint64
	}{
		{"two came and went", listener, 12, 0, 2},
		{"one is in sight", listener + tcpLine(80, "192.0.2.7", 9, established), 11, 0, 0},
		{"they were the program's own", listener, 12, 2, 0},
		{"nobody listens", tcpHead, 12, 0, 0},
		{"a probe was seen", listener + tcpLine(80, "10.0.2.1", 9, established), 15, 0, 0},
		{"a new boot", listener, 3, 0, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := guestWith(t, map[string]string{"proc/net/tcp": listener, "proc/net/snmp": snmp(10)})
			r := NewUserReader(g, []uint16{80}, []netip.Prefix{netip.MustParsePrefix("10.0.2.1/32")})
			first := looked(t, r)
			write(t, g, "proc/net/tcp", c.table)
			write(t, g, "proc/net/snmp", snmp(c.opens))
			r.Disregard(c.disregard)
			second := looked(t, r)
			if first.PassiveOpens != 0 || second.PassiveOpens != c.unobserved {
				t.Fatal(first, second)
			}
			if used := second.UsedSince(first); used != (c.unobserved > 0 || second.Connections > 0) {
				t.Fatal(used)
			}
		})
	}
}

// A record of utmp as this machine keeps it.
func utmpRecord(kind int, pid int, terminal, user, host string, at int64) []byte {
	size, seconds, wide := utmpLayout(runtime.GOARCH)
	record := make([]byte, size)
	binary.NativeEndian.PutUint16(record, uint16(kind))
	binary.NativeEndian.PutUint32(record[4:], uint32(pid))
	copy(record[8:], terminal)
	copy(record[44:], user)
	copy(record[76:], host)
	if wide {
		binary.NativeEndian.PutUint64(record[seconds:], uint64(at))
	} else {
		binary.NativeEndian.PutUint32(record[seconds:], uint32(at))
	}
	return record
}

func TestGivenLoginsThenThoseWhoseProcessLivesAreSessions(t *testing.T) {
	utmp := slices.Concat(utmpRecord(2, 0, "~", "reboot", "", 1), utmpRecord(userProcess, 10, "pts/0", "eve", "192.0.2.7", 1_700_000_000),
		utmpRecord(userProcess, 11, "pts/1", "gone", "", 1), utmpRecord(8, 12, "tty1", "dead", "", 1), []byte("cut off"))
	g := guestWith(t, map[string]string{
		"run/utmp": string(utmp), "proc/10/stat": "", "proc/20/stat": "", "proc/net/snmp": snmp(0), "dev/pts/0": "", "dev/pts/7": "", "dev/pts/ptmx": "",
		"run/systemd/sessions/1": "UID=0\nUSER=root\nACTIVE=1\nSTATE=active\nTTY=tty1\nCLASS=user\nLEADER=20\nREALTIME=1700000000000000\n",
		"run/systemd/sessions/2": "USER=gdm\nSTATE=active\nTTY=tty2\nCLASS=greeter\n",
	})
	users := looked(t, NewUserReader(g, nil, nil))
	who := []string{"eve pts/0 2023-11-14 22:13 (192.0.2.7)", "root tty1 2023-11-14 22:13", "terminal pts/7"}
	if users.Sessions != 3 || !slices.Equal(users.Who, who) {
		t.Fatalf("%+v", users)
	}
}

func TestGivenATerminalThenOnlyInputPartsItsTimes(t *testing.T) {
	g := guestWith(t, map[string]string{"proc/net/snmp": snmp(0), "dev/ttyS0": ""})
	r := NewUserReader(g, nil, nil)
	path := filepath.Join(g.Root, "dev/ttyS0")
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	quiet := looked(t, r)
	if err := os.Chtimes(path, future, past); err != nil {
		t.Fatal(err)
	}
	typed := looked(t, r)
	if quiet.LastInput != 0 || typed.LastInput != future.Unix() || !typed.UsedSince(quiet) || typed.UsedSince(typed) {
		t.Fatal(quiet, typed)
	}
}

func TestGivenTheGuestItselfThenItsConnectionsAreRead(t *testing.T) {
	if _, err := NewUserReader(Guest{}, []uint16{80}, nil).Look(); err != nil {
		t.Fatal(err)
	}
}

func FuzzSocket(f *testing.F) {
	f.Add([]byte(tcpLine(80, "192.0.2.7", 1, established)))
	f.Add([]byte(tcpLine(80, "::1", 1, established)))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, ok := parseSocket(line); ok && !s.remote.IsValid() {
			t.Fatal(s)
		}
	})
}

func FuzzUtmp(f *testing.F) {
	f.Add(utmpRecord(userProcess, 10, "pts/0", "eve", "host", 1))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, architecture := range []string{"amd64", "arm64"} {
			for _, l := range parseUtmp(file, architecture) {
				if strings.ContainsAny(l.String(), "\n\x1b\x00") {
					t.Fatalf("%q", l.String())
				}
			}
		}
	})
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("USER=a\nTTY=b\nCLASS=user\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if l, ok := parseSession(file); ok && strings.ContainsAny(l.String(), "\n\x1b\x00") {
			t.Fatalf("%q", l.String())
		}
		passiveOpens(file)
	})
}
