package doctor

import (
	"path/filepath"
	"strconv"
	"strings"
)

const (
	macPrefix = "0e:76:"
	nicRules  = "98-virtquorum-sync.rules"
	firewall  = "7899"
)

func itoa(n int) string { return strconv.Itoa(n) }

// That nobody but the program sets up the interface on the sync network.
func (d *doctor) syncNic() {
	gateways := map[string]bool{}
	for line := range strings.Lines(d.read("/proc/net/route")) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "00000000" {
			gateways[fields[0]] = true
		}
	}
	seen := false
	for _, directory := range d.glob("/sys/class/net/*") {
		name, mac := filepath.Base(directory), d.read(directory+"/address")
		if !strings.HasPrefix(mac, macPrefix) || !d.exists(directory+"/device") {
			continue
		}
		if gateways[name] {
			d.ordinary(name, mac)
			continue
		}
		seen = true
		d.leftAlone(name, mac, d.read(directory+"/ifindex"))
	}
	if !seen {
		d.say("sync-nic", Warn, "No interface has the MAC of a sync NIC (%s...): the VM is no member of an HACluster, or was not restarted since it became one", macPrefix)
	}
}

// An interface that got such a MAC by chance.
func (d *doctor) ordinary(name, mac string) {
	if path, found := d.inFirst(rulesDirectories, nicRules); found && d.read(path) != "" {
		d.say("sync-nic", Fail, "%s leads to the default gateway and has a MAC like a sync NIC's (%s), so nobody will set it up: make an empty file /etc/udev/rules.d/%s",
			name, mac, nicRules)
		return
	}
	d.say("sync-nic", Warn, "%s leads to the default gateway and has a MAC like a sync NIC's (%s): sync NICs are not left alone by themselves, tell NetworkManager or networkd by their exact MAC", name, mac)
}

func (d *doctor) leftAlone(name, mac, index string) {
	said := len(d.findings)
	mark := d.read("/run/udev/data/n" + index)
	if d.exists("/run/NetworkManager") {
		state := d.read("/run/NetworkManager/devices/" + index)
		unmanaged := strings.Contains(mark, "NM_UNMANAGED=1") || strings.Contains(state, "managed=false")
		if !unmanaged || strings.Contains(state, "managed=true") {
			d.say("sync-nic", Fail, "NetworkManager sets up the sync NIC %s, which delays the boot and may take its address: install the udev rule %s and run nmcli device set %s managed no",
				name, nicRules, name)
		}
	}
	if state := d.read("/run/systemd/netif/links/" + index); state != "" && !strings.Contains(state, "ADMIN_STATE=unmanaged") {
		d.say("sync-nic", Fail, "systemd-networkd sets up the sync NIC %s: install the udev rule %s and 05-virtquorum-sync.network in /etc/systemd/network, then run networkctl reload",
			name, nicRules)
	}
	for _, file := range append(d.glob("/etc/netplan/*.yaml"), append(d.glob("/etc/network/interfaces.d/*"), "/etc/network/interfaces")...) {
		if d.names(file, name, mac) {
			d.say("sync-nic", Warn, "%s names the sync NIC %s: take it out, the program sets its address", file, name)
		}
	}
	if len(d.findings) == said {
		d.say("sync-nic", OK, "The sync NIC %s is left to the program", name)
	}
}

// Whether a line that is no comment has one of these words.
func (d *doctor) names(file string, words ...string) bool {
	for line := range strings.Lines(strings.ToLower(d.read(file))) {
		line, _, _ = strings.Cut(line, "#")
		for _, field := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n\"'[],{}", r) }) {
			for _, word := range words {
				if field == word || field == word+":" {
					return true
				}
			}
		}
	}
	return false
}

// That others reach the port of the copy between guests.
func (d *doctor) firewall() {
	const firewalld = "firewalld"
	switch {
	case len(d.processes(func(p process) bool { return p.name == firewalld || strings.Contains(p.command, "/firewalld ") })) > 0:
		for _, zone := range d.glob("/etc/firewalld/zones/*.xml") {
			text := d.read(zone)
			if strings.Contains(text, `"`+program+`"`) || strings.Contains(text, `"`+firewall+`"`) {
				d.say("firewall", OK, "firewalld lets the members in, by %s", zone)
				return
			}
		}
		d.say("firewall", Warn, "firewalld runs, and no zone in /etc/firewalld lets the members in: run firewall-cmd --permanent --zone=ZONE --add-service=%s for the zone of the sync NIC, and firewall-cmd --reload", program)
	case strings.Contains(strings.ToLower(d.read("/etc/ufw/ufw.conf")), "enabled=yes"):
		if strings.Contains(d.read("/etc/ufw/user.rules"), firewall) {
			d.say("firewall", OK, "ufw lets the members in")
			return
		}
		d.say("firewall", Warn, "ufw is on and does not let the members in: run ufw allow 'VirtQuorum guest'")
	default:
		d.say("firewall", OK, "Neither firewalld nor ufw is at work; rules that were made otherwise must let TCP port %s in", firewall)
	}
}
