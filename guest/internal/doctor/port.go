package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	portName  = "io.virtquorum.agent.0"
	portLink  = "/dev/virtio-ports/" + portName
	program   = "virtquorum-guest"
	unit      = program + ".service"
	oldUnit   = "virtquorum-agent.service"
	portRules = "99-virtquorum-guest.rules"
)

var (
	unitDirectories  = []string{"/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"}
	rulesDirectories = []string{"/etc/udev/rules.d/", "/run/udev/rules.d/", "/usr/local/lib/udev/rules.d/", "/usr/lib/udev/rules.d/", "/lib/udev/rules.d/"}
)

// The first of several directories that has a file: it hides the others.
func (d *doctor) inFirst(directories []string, name string) (path string, found bool) {
	for _, directory := range directories {
		if d.exists(directory + name) {
			return directory + name, true
		}
	}
	return "", false
}

// The device of the port, such as /dev/vport1p1; "" if this machine has none.
func (d *doctor) portDevice() string {
	for _, directory := range d.glob("/sys/class/virtio-ports/*") {
		if d.read(directory+"/name") == portName {
			return "/dev/" + filepath.Base(directory)
		}
	}
	return ""
}

// Whether a process is the program, and not as a doctor.
func serves(p process) bool { return p.name == program && strings.Contains(p.command+" ", " run ") }

func (d *doctor) port() {
	device := d.portDevice()
	if device == "" {
		d.say("port", Warn, "This machine has no port %s: it is no member of an HACluster, or was not restarted since it became one", portName)
		return
	}
	if !d.exists(portLink) {
		d.say("port", Fail, "%s is not linked as %s: install the udev rule %s, then run udevadm trigger --subsystem-match=virtio-ports", device, portLink, portRules)
		return
	}
	holders := d.processes(func(p process) bool { return d.hasOpen(p, device, portLink) })
	own := func(p process) bool { return p.name == program }
	others := slices.DeleteFunc(slices.Clone(holders), own)
	switch {
	case len(others) > 0:
		d.say("port", Fail, "%s has the port open, which opens once: stop it and keep its unit from starting (systemctl disable --now %s)", others[0], oldUnit)
	case len(holders) > 0:
		d.say("port", OK, "The program serves the port, as %s", holders[0])
	case len(d.processes(serves)) > 0:
		d.say("port", Warn, "The port is free, and the program runs without having opened it: see journalctl -u %s", unit)
	default:
		d.say("port", Warn, "The port is free, and nobody serves it: run systemctl start %s, or start the init script", unit)
	}
}

func (d *doctor) hasOpen(p process, devices ...string) bool {
	for _, descriptor := range d.glob("/proc/" + itoa(p.id) + "/fd/*") {
		if target, err := os.Readlink(d.path(descriptor)); err == nil && slices.Contains(devices, target) {
			return true
		}
	}
	return false
}

// That the program is started when the port appears.
func (d *doctor) service() {
	if !d.exists("/run/systemd/system") {
		switch {
		case d.exists("/etc/init.d/" + program):
			d.say("service", OK, "The program has an init script")
		case strings.Contains(d.read("/etc/inittab"), program):
			d.say("service", OK, "The program is in /etc/inittab")
		default:
			d.say("service", Fail, "Nothing starts the program: this guest has no systemd, so add the init script of the package's share directory")
		}
		return
	}
	path, found := d.inFirst(unitDirectories, unit)
	if !found {
		d.say("service", Fail, "systemd has no %s: install the package", unit)
		return
	}
	if target, err := os.Readlink(d.path(path)); err == nil && target == "/dev/null" {
		d.say("service", Fail, "%s is masked: run systemctl unmask %s", unit, unit)
		return
	}
	rules, found := d.inFirst(rulesDirectories, portRules)
	switch {
	case !found || !strings.Contains(d.read(rules), unit):
		d.say("service", Fail, "No udev rule starts %s when the port appears: install the package, or the file %s", unit, portRules)
	default:
		d.say("service", OK, "systemd starts the program when its port appears")
	}
}

// That the second guest agent of an earlier version does not come back.
func (d *doctor) oldAgent() {
	running := d.processes(func(p process) bool { return p.name == "qemu-ga" && strings.Contains(p.command, portName) })
	if len(running) > 0 {
		d.say("old-agent", Fail, "%s is the guest agent of an earlier version: run systemctl disable --now %s", running[0], oldUnit)
		return
	}
	path, found := d.inFirst(unitDirectories, oldUnit)
	if !found {
		d.say("old-agent", OK, "No second guest agent of an earlier version is installed")
		return
	}
	if target, err := os.Readlink(d.path(path)); err == nil && target == "/dev/null" {
		d.say("old-agent", OK, "The second guest agent of an earlier version is masked")
		return
	}
	for _, directory := range unitDirectories {
		for _, dropIn := range d.glob(directory + oldUnit + ".d/*.conf") {
			if strings.Contains(d.read(dropIn), "ConditionPathExists=!") {
				d.say("old-agent", OK, "The second guest agent of an earlier version is there and does not start beside the program; %s may go", path)
				return
			}
		}
	}
	d.say("old-agent", Warn, "%s may start the guest agent of an earlier version, which takes the port: remove it and its udev rule", path)
}
