#!/bin/sh
# Runs in guest-debian's root file system when it is built: makes it boot fast under emulation, and reachable.
set -eu

dpkg -i /virtquorum-guest.deb > /dev/null
rm /virtquorum-guest.deb
systemctl enable data-disk.service eth0.service web.service power-button.service ssh.service serial-getty@ttyS0.service
# Every program that runs at boot costs a tenth of a second of the emulated core, or more.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  systemd-tmpfiles-clean.timer getty@tty1.service getty-static.service systemd-timesyncd.service networking.service \
  systemd-networkd.service systemd-networkd-wait-online.service systemd-network-generator.service systemd-resolved.service \
  systemd-pstore.service systemd-binfmt.service systemd-machine-id-commit.service systemd-firstboot.service \
  systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-remount-fs.service \
  systemd-sysusers.service systemd-user-sessions.service systemd-journal-flush.service systemd-journal-catalog-update.service \
  systemd-tmpfiles-setup-dev.service systemd-hwdb-update.service systemd-logind.service systemd-fsck-root.service \
  systemd-ask-password-console.path systemd-ask-password-wall.path systemd-repart.service systemd-boot-system-token.service \
  modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@dm_mod.service \
  modprobe@loop.service kmod-static-nodes.service systemd-modules-load.service systemd-sysctl.service \
  systemd-rfkill.socket systemd-initctl.socket dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount > /dev/null 2>&1
systemctl set-default multi-user.target > /dev/null 2>&1
mkdir -p /etc/systemd/system-generators
for generator in /lib/systemd/system-generators/*; do ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}"; done
for list in /usr/lib/tmpfiles.d/*.conf; do ln -sf /dev/null "/etc/tmpfiles.d/${list##*/}"; done
cat > /etc/tmpfiles.d/guest.conf << 'END'
f /run/utmp 0664 root utmp -
d /run/lock 1777 root root -
d /run/sshd 0755 root root -
END

override() { # UNIT LINE...
  directory=/etc/systemd/system/$1.d
  shift
  mkdir -p "$directory"
  printf '%s\n' "$@" > "$directory/fast.conf"
}
# devices: only those that somebody waits for
override systemd-udev-trigger.service '[Service]' 'ExecStart=' \
  'ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=virtio-ports --subsystem-match=tty --sysname-match=vport* --sysname-match=ttyS0'
override ssh.service '[Service]' 'ExecStartPre=' # it would check the configuration by starting a first sshd
override qemu-guest-agent.service '[Unit]' 'DefaultDependencies=no' 'Conflicts=shutdown.target' 'Before=shutdown.target' 'After=eth0.service' \
  '[Service]' 'Restart=always' 'RestartSec=1'
mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nAudit=no\nCompress=no\n' > /etc/systemd/journald.conf.d/fast.conf
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > /etc/systemd/system.conf.d/stop.conf

echo 'root:virtquorum' | chpasswd # for the serial console only: sshd takes keys
printf 'PermitRootLogin prohibit-password\nPasswordAuthentication no\nHostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nUsePAM no\nPrintMotd no\n' > /etc/ssh/sshd_config.d/guest.conf
: > /etc/machine-id # each VM makes its own
echo guest > /etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
: > /etc/fstab
rm -f /etc/motd /etc/update-motd.d/* /etc/cron.d/* 2> /dev/null || true
