package evidence

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	listening      = 0x0A // include/net/tcp_states.h
	established    = 0x01
	mostSockets    = 20_000
	mostTableLines = 2_000_000
)

// One socket of /proc/net/tcp or tcp6.
type connection struct {
	local  uint16
	remote netip.AddrPort
}

type socket struct {
	connection
	state byte
}

// From ESTABLISHED to TIME_WAIT: not SYN_SENT, SYN_RECV, CLOSE, LISTEN, NEW_SYN_RECV.
func (s socket) open() bool {
	switch s.state {
	case established, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0B:
		return true
	}
	return false
}

// A line "sl local_address rem_address st ..." as the kernel prints it; false for any other.
func parseSocket(line []byte) (socket, bool) {
	number, rest := word(line)
	local, rest := word(rest)
	remote, rest := word(rest)
	state, _ := word(rest)
	if !bytes.HasSuffix(number, []byte(":")) {
		return socket{}, false
	}
	_, localPort, ok := bytes.Cut(local, []byte(":"))
	if !ok {
		return socket{}, false
	}
	port, err := strconv.ParseUint(string(localPort), 16, 16)
	if err != nil {
		return socket{}, false
	}
	address, remotePort, ok := bytes.Cut(remote, []byte(":"))
	if !ok {
		return socket{}, false
	}
	other, err := strconv.ParseUint(string(remotePort), 16, 16)
	if err != nil {
		return socket{}, false
	}
	ip, ok := kernelAddress(address)
	if !ok {
		return socket{}, false
	}
	st, err := strconv.ParseUint(string(state), 16, 8)
	if err != nil {
		return socket{}, false
	}
	return socket{connection{uint16(port), netip.AddrPortFrom(ip, uint16(other))}, byte(st)}, true
}

// The kernel prints addresses as words in its own byte order. A mapped address becomes an IPv4 one.
func kernelAddress(text []byte) (netip.Addr, bool) {
	var words, address [16]byte
	if len(text) != 8 && len(text) != 32 {
		return netip.Addr{}, false
	}
	n, err := hex.Decode(words[:], text)
	if err != nil {
		return netip.Addr{}, false
	}
	for at := 0; at < n; at += 4 {
		binary.NativeEndian.PutUint32(address[at:], binary.BigEndian.Uint32(words[at:]))
	}
	ip, _ := netip.AddrFromSlice(address[:n])
	return ip.Unmap(), true
}

// The first word of a line, and what follows it.
func word(line []byte) (first, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	if end := bytes.IndexAny(line, " \t\n"); end >= 0 {
		return line[:end], line[end:]
	}
	return line, nil
}

// The sockets of these local ports, at most mostSockets. A kernel without IPv6 has no second table.
func (g Guest) sockets(ports map[uint16]bool) ([]socket, error) {
	var found []socket
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(g.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the connections: %w", err)
		}
		err = lines(file, mostTableLines, func(line []byte) bool {
			if s, ok := parseSocket(line); ok && ports[s.local] {
				found = append(found, s)
			}
			return len(found) < mostSockets
		})
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return found, nil
}

// table is the guest's connections, read anew where the kernel counted one that came or went: it goes through its whole table of them
// for that, however few there are. Those that are being closed are not counted when their time runs out. For one goroutine.
type table struct {
	sockets []socket
	opens   uint64 // connections that the kernel accepted in this boot

	counts []byte // of connections, before the sockets were read
	steady bool   // none of them can go without being counted
}

func (t *table) look(g Guest, ports map[uint16]bool) error {
	counts, err := g.tcpCounts()
	if err != nil {
		return err
	}
	before := comings(counts)
	if t.steady && bytes.Equal(before, t.counts) {
		return nil
	}
	t.steady = false
	if t.sockets, err = g.sockets(ports); err != nil {
		return err
	}
	after, err := g.tcpCounts()
	if err != nil {
		return err
	}
	t.opens = passiveOpens(after)
	t.counts, t.steady = before, len(before) > 0
	for _, s := range t.sockets {
		t.steady = t.steady && (s.state == listening || s.state == established)
	}
	return nil
}

// tcpCounts are the two lines "Tcp:" of the kernel's counts.
func (g Guest) tcpCounts() ([]byte, error) {
	counts, err := slurp(g.path("/proc/net/snmp"))
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's count of connections: %w", err)
	}
	var found []byte
	for line := range bytes.Lines(counts) {
		if bytes.HasPrefix(line, []byte("Tcp:")) {
			found = append(found, line...)
		}
	}
	return found, nil
}

// comings are the counts of connections that were opened, reset or are established: those before the counts of segments, which
// change all the time. Nil where the kernel counts otherwise.
func comings(table []byte) []byte {
	names, values, _ := bytes.Cut(table, []byte("\n"))
	before, _, known := bytes.Cut(names, []byte(" InSegs "))
	if !known {
		return nil
	}
	var found []byte
	fields := bytes.Fields(values)
	for i, name := range bytes.Fields(before) {
		if i < len(fields) {
			found = append(append(append(found, name...), fields[i]...), ' ')
		}
	}
	return found
}

// slurp reads a small file of the kernel's with as few calls as can be.
func slurp(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buffer, n := make([]byte, 8192), 0
	for n < len(buffer) {
		read, err := unix.Read(fd, buffer[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if read == 0 {
			break
		}
		n += read
	}
	return buffer[:n], nil
}

// Gives each line, until it says that it has enough. The rest of a line longer than 64 KiB is left out.
func lines(from io.Reader, most int, take func(line []byte) (more bool)) error {
	reader := bufio.NewReaderSize(from, 64<<10)
	for range most {
		line, err := reader.ReadSlice('\n')
		whole := bytes.TrimSuffix(line, []byte("\n"))
		if len(line) > 0 && !take(whole) {
			return nil
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = reader.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// How many connections the kernel accepted in this boot, by the two lines "Tcp:" of /proc/net/snmp; 0 if unknown.
func passiveOpens(table []byte) uint64 {
	var names [][]byte
	for line := range bytes.Lines(table) {
		if !bytes.HasPrefix(line, []byte("Tcp:")) {
			continue
		}
		fields := bytes.Fields(line)
		if names == nil {
			names = fields
			continue
		}
		for column, name := range names {
			if string(name) == "PassiveOpens" && column < len(fields) {
				count, _ := strconv.ParseUint(string(fields[column]), 10, 64)
				return count
			}
		}
	}
	return 0
}
