package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/watch"
)

// The files of a guest; "-> TARGET" is a link, and what ends with a slash a directory.
type files map[string]string

// A member with systemd, whose program serves and whose sync NIC is eth1.
func healthy() files {
	return files{
		"proc/sys/kernel/osrelease":                       "6.1.0\n",
		"sys/class/virtio-ports/vport1p2/name":            "io.virtquorum.agent.0\n",
		"dev/virtio-ports/io.virtquorum.agent.0":          "-> ../vport1p2",
		"proc/77/comm":                                    "virtquorum-guest\n",
		"proc/77/cmdline":                                 "/usr/sbin/virtquorum-guest\x00run\x00",
		"proc/77/fd/5":                                    "-> /dev/vport1p2",
		"proc/88/comm":                                    "qemu-ga\n",
		"proc/88/cmdline":                                 "qemu-ga\x00-p\x00/dev/virtio-ports/org.qemu.guest_agent.0\x00",
		"proc/88/fd/5":                                    "-> /dev/vport1p1",
		"run/systemd/system/":                             "",
		"usr/lib/systemd/system/virtquorum-guest.service": "[Service]\n",
		"usr/lib/udev/rules.d/99-virtquorum-guest.rules":  `ENV{SYSTEMD_WANTS}="virtquorum-guest.service"`,
		"usr/lib/udev/rules.d/98-virtquorum-sync.rules":   "x\n",
		"proc/net/route":                                  "Iface\tDestination\tGateway\neth0\t00000000\t0102000A\n",
		"proc/self/mountinfo":                             "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
		"sys/class/net/eth0/address":                      "52:54:00:00:00:01\n",
		"sys/class/net/eth0/device/":                      "",
		"sys/class/net/eth1/address":                      "0e:76:01:02:03:04\n",
		"sys/class/net/eth1/ifindex":                      "3\n",
		"sys/class/net/eth1/device/":                      "",
		"run/virtquorum/":                                 "",
		"srv/www/":                                        "",
	}
}

func (f files) and(more files) files {
	for name, content := range more {
		f[name] = content
	}
	return f
}

func (f files) without(names ...string) files {
	for _, name := range names {
		delete(f, name)
	}
	return f
}

func made(t *testing.T, f files) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range f {
		path := filepath.Join(root, name)
		directory := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			directory = path
		}
		if err := os.MkdirAll(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "-> ")
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
		case link:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func modern() Kernel {
	return Kernel{Openat2: func() error { return nil }, Watch: func(context.Context, string) (string, string, error) { return watch.Fanotify, "", nil }}
}

func TestGivenAHealthyMemberThenEverythingIsWell(t *testing.T) {
	findings := Examine(t.Context(), Options{Root: made(t, healthy()), Trees: []string{"/srv/www"}, Kernel: modern()})
	if ExitCode(findings) != 0 || len(findings) != 10 {
		t.Fatal(findings)
	}
}

func TestGivenWhatIsMissingThenItIsNamedAndWhatToDo(t *testing.T) {
	const enforcing = "1"
	for _, c := range []struct {
		name     string
		guest    files
		check    string
		state    State
		sentence string
	}{
		{"no port", healthy().without("sys/class/virtio-ports/vport1p2/name"), "port", Warn, "was not restarted"},
		{"no link of the port", healthy().without("dev/virtio-ports/io.virtquorum.agent.0"), "port", Fail, "install the udev rule"},
		{"another has the port", healthy().and(files{"proc/99/comm": "qemu-ga", "proc/99/fd/3": "-> /dev/vport1p2"}), "port", Fail, "process 99 (qemu-ga)"},
		{"nobody serves", healthy().without("proc/77/fd/5", "proc/77/comm"), "port", Warn, "systemctl start"},
		{"the program does not open it", healthy().without("proc/77/fd/5"), "port", Warn, "journalctl"},
		{"no unit", healthy().without("usr/lib/systemd/system/virtquorum-guest.service"), "service", Fail, "install the package"},
		{"a masked unit", healthy().and(files{"etc/systemd/system/virtquorum-guest.service": "-> /dev/null"}), "service", Fail, "unmask"},
		{"no udev rule", healthy().without("usr/lib/udev/rules.d/99-virtquorum-guest.rules"), "service", Fail, "No udev rule"},
		{"an empty udev rule hides it", healthy().and(files{"etc/udev/rules.d/99-virtquorum-guest.rules": ""}), "service", Fail, "No udev rule"},
		{"no systemd and no script", healthy().without("run/systemd/system/"), "service", Fail, "init script"},
		{"OpenRC", healthy().and(files{"etc/init.d/virtquorum-guest": "x"}).without("run/systemd/system/"), "service", OK, "init script"},
		{"busybox", healthy().and(files{"etc/inittab": "::respawn:/usr/share/virtquorum-guest/virtquorum-guest-respawn"}).without("run/systemd/system/"), "service", OK, "inittab"},
		{"the old agent may start", healthy().and(files{"etc/systemd/system/virtquorum-agent.service": "x"}), "old-agent", Warn, "remove it and its udev rule"},
		{"the old agent is off", healthy().and(files{"etc/systemd/system/virtquorum-agent.service": "x",
			"usr/lib/systemd/system/virtquorum-agent.service.d/50-virtquorum-guest.conf": "ConditionPathExists=!/usr/sbin/virtquorum-guest"}), "old-agent", OK, "may go"},
		{"the old agent is masked", healthy().and(files{"etc/systemd/system/virtquorum-agent.service": "-> /dev/null"}), "old-agent", OK, "masked"},
		{"the old agent runs", healthy().and(files{"proc/99/comm": "qemu-ga", "proc/99/cmdline": "qemu-ga\x00-p\x00/dev/virtio-ports/io.virtquorum.agent.0"}),
			"old-agent", Fail, "disable --now"},
		{"no sync NIC", healthy().without("sys/class/net/eth1/address"), "sync-nic", Warn, "No interface"},
		{"a bridge with such a MAC", healthy().without("sys/class/net/eth1/device/"), "sync-nic", Warn, "No interface"},
		{"NetworkManager sets it up", healthy().and(files{"run/NetworkManager/": ""}), "sync-nic", Fail, "nmcli device set eth1 managed no"},
		{"NetworkManager sets it up all the same", healthy().and(files{"run/NetworkManager/devices/3": "[device]\nmanaged=true\n", "run/udev/data/n3": "E:NM_UNMANAGED=1\n"}),
			"sync-nic", Fail, "nmcli device set eth1 managed no"},
		{"NetworkManager leaves it alone", healthy().and(files{"run/NetworkManager/": "", "run/udev/data/n3": "E:NM_UNMANAGED=1\n"}), "sync-nic", OK, "left to the program"},
		{"networkd sets it up", healthy().and(files{"run/systemd/netif/links/3": "ADMIN_STATE=configured\n"}), "sync-nic", Fail, "networkctl reload"},
		{"networkd leaves it alone", healthy().and(files{"run/systemd/netif/links/3": "ADMIN_STATE=unmanaged\n"}), "sync-nic", OK, "left to the program"},
		{"netplan names its MAC", healthy().and(files{"etc/netplan/50.yaml": "match: {macaddress: '0e:76:01:02:03:04'}\n"}), "sync-nic", Warn, "/etc/netplan/50.yaml"},
		{"netplan names it", healthy().and(files{"etc/netplan/50.yaml": "# eth0\n  eth1:\n    dhcp4: true\n"}), "sync-nic", Warn, "/etc/netplan/50.yaml"},
		{"netplan names another", healthy().and(files{"etc/netplan/50.yaml": "eth10: # eth1\n"}), "sync-nic", OK, "left to the program"},
		{"ifupdown names it", healthy().and(files{"etc/network/interfaces": "iface eth1 inet dhcp\n"}), "sync-nic", Warn, "/etc/network/interfaces"},
		{"an ordinary NIC with such a MAC", healthy().and(files{"sys/class/net/eth0/address": "0e:76:00:00:00:01"}), "sync-nic", Fail, "an empty file"},
		{"one that was excepted", healthy().and(files{"sys/class/net/eth0/address": "0e:76:00:00:00:01", "etc/udev/rules.d/98-virtquorum-sync.rules": ""}),
			"sync-nic", Warn, "exact MAC"},
		{"firewalld closes the port", healthy().and(files{"proc/99/comm": "firewalld", "proc/99/cmdline": "x"}), "firewall", Warn, "firewall-cmd"},
		{"firewalld opens the port", healthy().and(files{"proc/99/comm": "python3", "proc/99/cmdline": "python3\x00/usr/sbin/firewalld\x00--nofork",
			"etc/firewalld/zones/public.xml": `<service name="virtquorum-guest"/>`}), "firewall", OK, "public.xml"},
		{"ufw closes the port", healthy().and(files{"etc/ufw/ufw.conf": "ENABLED=yes\n"}), "firewall", Warn, "ufw allow"},
		{"ufw opens the port", healthy().and(files{"etc/ufw/ufw.conf": "ENABLED=yes\n", "etc/ufw/user.rules": "--dport 7899 -j ACCEPT"}), "firewall", OK, "ufw"},
		{"ufw is off", healthy().and(files{"etc/ufw/ufw.conf": "ENABLED=no\n"}), "firewall", OK, "Neither"},
		{"no directory", healthy().without("run/virtquorum/", "run/systemd/system/"), "directory", Fail, "cannot be written"},
		{"no tree", healthy().without("srv/www/"), "tree", Fail, "does not exist"},
		{"the tree is not mounted", healthy().and(files{"etc/fstab": "/dev/sdb /srv ext4 defaults"}), "tree", Fail, "not mounted"},
		{"the own directory is somebody's link", healthy().and(files{".virtquorum": "-> /tmp"}), "tree", Fail, "not a directory"},
		{"the own directory is everybody's", healthy().and(files{".virtquorum/": ""}), "tree", Fail, "not root's alone"},
		{"SELinux is permissive", healthy().and(files{"sys/fs/selinux/enforce": "0"}), "selinux", OK, "permissive"},
		{"SELinux confines nobody yet", healthy().and(files{"sys/fs/selinux/enforce": enforcing}).without("proc/77/comm"), "selinux", OK, "bin_t"},
		{"SELinux does not confine the program", healthy().and(files{"sys/fs/selinux/enforce": enforcing,
			"proc/77/attr/current": "system_u:system_r:unconfined_service_t:s0\x00"}), "selinux", OK, "does not confine"},
		{"SELinux confines the program", healthy().and(files{"sys/fs/selinux/enforce": enforcing,
			"proc/77/attr/current": "system_u:system_r:virt_qemu_ga_t:s0\x00"}), "selinux", Warn, "restorecon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings := Examine(t.Context(), Options{Root: made(t, c.guest), Trees: []string{"/srv/www"}, Kernel: modern()})
			for _, finding := range findings {
				if finding.Check == c.check && finding.State == c.state && strings.Contains(finding.Sentence, c.sentence) {
					if ExitCode(findings) < int(c.state) {
						t.Fatal("the exit code hides it")
					}
					return
				}
			}
			t.Fatalf("not said: %v %q; said: %v", c.state, c.sentence, findings)
		})
	}
}

func TestGivenAnOldKernelThenItIsSaidWhatIsSlower(t *testing.T) {
	old := Kernel{
		Openat2: func() error { return errors.New("function not implemented") },
		Watch: func(context.Context, string) (string, string, error) {
			return watch.Walk, "fanotify cannot watch it", nil
		},
	}
	findings := Examine(t.Context(), Options{Root: made(t, healthy()), Kernel: old})
	warned := 0
	for _, finding := range findings {
		if finding.State == Warn {
			warned++
		}
	}
	if warned != 2 || ExitCode(findings) != 1 {
		t.Fatal(findings)
	}
}

func TestGivenFindingsThenTheyAreLinesAndJSON(t *testing.T) {
	findings := []Finding{{"port", OK, "It is there"}, {"service", Fail, "It is \"not\" there"}}
	var text, object bytes.Buffer
	if err := WriteText(&text, findings); err != nil {
		t.Fatal(err)
	}
	if text.String() != "ok    It is there\nFAIL  It is \"not\" there\n" {
		t.Error(text.String())
	}
	if err := WriteJSON(&object, findings); err != nil {
		t.Fatal(err)
	}
	var read struct {
		State  string
		Checks []struct{ Check, State, Sentence string }
	}
	if err := json.Unmarshal(object.Bytes(), &read); err != nil || read.State != "fail" || len(read.Checks) != 2 || read.Checks[1].Sentence != findings[1].Sentence {
		t.Error(read, err)
	}
	if ExitCode(findings) != 2 || ExitCode(nil) != 0 {
		t.Error("exit codes")
	}
}

func TestGivenThisMachineThenItIsExaminedToTheEnd(t *testing.T) {
	if findings := Examine(t.Context(), Options{Trees: []string{t.TempDir()}}); len(findings) < 8 {
		t.Fatal(findings)
	}
}
