package evidence

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGivenAFileThatChangedAMomentAgoThenItIsReadAgainForAnotherChangeMayLookTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "utmp")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var known remembered[int]
	reads := 0
	read := func() int { reads++; return reads }
	known.of(path, read)
	if value, fresh := known.of(path, read); !fresh || value != 2 {
		t.Fatal(value, fresh)
	}
	known.proven = true // as if that had been a while ago
	if value, fresh := known.of(path, read); fresh || value != 2 {
		t.Fatal(value, fresh)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if value, fresh := known.of(path, read); !fresh || value != 3 {
		t.Fatal(value, fresh)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if value, fresh := known.of(path, read); !fresh || value != 4 {
		t.Fatal(value, fresh)
	}
}

func TestGivenAStampThenItProvesOnlyOnceItIsOlderThanATickOfAnyClock(t *testing.T) {
	for age, want := range map[time.Duration]bool{0: false, time.Second: false, 3 * time.Second: true, -time.Second: false, -time.Hour: true} {
		now := time.Unix(1000, 0)
		if got := (stamp{changed: now.Add(-age).UnixNano()}).proves(now); got != want {
			t.Error(age, got)
		}
	}
}

// counted is what the kernel counts of TCP, as newer kernels print it.
func counted(passive, established, segments int) string {
	return fmt.Sprintf("Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs\nTcp: 1 7 %d 0 0 %d %d 9\n",
		passive, established, segments)
}

func TestGivenNoConnectionThatCameOrWentThenTheTableIsNotReadAgainAndElseItIs(t *testing.T) {
	listener := tcpHead + tcpLine(80, "0.0.0.0", 0, listening)
	user, closing := tcpLine(80, "192.0.2.7", 9, established), tcpLine(80, "192.0.2.7", 9, 0x06)
	g := guestWith(t, map[string]string{"proc/net/tcp": listener + user, "proc/net/snmp": counted(1, 1, 10)})
	r := NewUserReader(g, []uint16{80}, []netip.Prefix{netip.MustParsePrefix("10.0.2.1/32")})
	for _, step := range []struct {
		what, table, counts string
		connections         int
	}{
		{"somebody is connected", listener + user, counted(1, 1, 10), 1},
		{"only segments are counted, so nobody looks at the table", listener, counted(1, 1, 900), 1},
		{"he left", listener + closing, counted(1, 0, 901), 1},
		{"the kernel forgets that without counting it", listener, counted(1, 0, 901), 0},
		{"nothing happens", listener + user, counted(1, 0, 950), 0},
		{"somebody comes in place of another", listener + user + user, counted(2, 0, 960), 1},
		{"a kernel that counts otherwise", listener, snmp(2), 0},
		{"and goes on to", listener + user, snmp(2), 1},
	} {
		write(t, g, "proc/net/tcp", step.table)
		write(t, g, "proc/net/snmp", step.counts)
		if users := looked(t, r); users.Connections != step.connections {
			t.Fatalf("%s: %+v", step.what, users)
		}
	}
}

func TestGivenConsolesThenThoseThatTheKernelHasMadeAreLookedAtAndTheOthersWhenADeviceComesOrGoes(t *testing.T) {
	files := map[string]string{"proc/net/snmp": snmp(0)}
	for _, name := range strings.Fields("tty0 tty1 tty2 ttyS0 vcs vcs1 vcsa1 null") {
		files["dev/"+name] = ""
	}
	g := guestWith(t, files)
	look := terminals{guest: g}
	typed := func(name string, at time.Time) {
		t.Helper()
		path := filepath.Join(g.Root, "dev", name)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	first, second := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	typed("tty2", first)
	if _, at := look.look(); at != first.Unix() {
		t.Fatal("input before it was looked at is lost")
	}
	look.consoles.proven = true // as if /dev had not changed for a while
	typed("tty2", second)
	if _, at := look.look(); at != first.Unix() {
		t.Fatal("a console that the kernel has not made is looked at each time")
	}
	typed("tty1", second)
	if _, at := look.look(); at != second.Unix() {
		t.Fatal("input is not seen")
	}
	typed("tty2", second.Add(time.Hour))
	write(t, g, "dev/vcs2", "")
	if _, at := look.look(); at != second.Add(time.Hour).Unix() {
		t.Fatal("a console that was made is not looked at")
	}
}
