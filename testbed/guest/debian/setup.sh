#!/bin/sh
# Runs in guest-debian's root file system when it is built: makes it boot fast under emulation, and reachable.
set -eu

systemctl enable data-disk.service eth0.service web.service ssh.service
# sshd itself, not a socket in front of it
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  systemd-tmpfiles-clean.timer getty@tty1.service getty-static.service systemd-timesyncd.service networking.service \
  systemd-networkd.service systemd-networkd-wait-online.service systemd-network-generator.service systemd-resolved.service \
  systemd-pstore.service systemd-binfmt.service systemd-machine-id-commit.service systemd-firstboot.service \
  systemd-random-seed.service systemd-update-utmp-runlevel.service systemd-remount-fs.service \
  modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@dm_mod.service \
  modprobe@loop.service kmod-static-nodes.service systemd-modules-load.service systemd-sysctl.service \
  systemd-rfkill.socket systemd-initctl.socket \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount > /dev/null 2>&1
systemctl set-default multi-user.target > /dev/null 2>&1

# devices: only what somebody waits for, instead of everything that the kernel has
mkdir -p /etc/systemd/system/systemd-udev-trigger.service.d /etc/systemd/journald.conf.d /etc/systemd/system.conf.d
printf '[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=virtio-ports --subsystem-match=input --subsystem-match=tty --sysname-match=vd* --sysname-match=vport* --sysname-match=event* --sysname-match=ttyS0\n' > /etc/systemd/system/systemd-udev-trigger.service.d/fast.conf
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' > /etc/systemd/journald.conf.d/volatile.conf
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > /etc/systemd/system.conf.d/stop.conf

echo 'root:virtquorum' | chpasswd # on the serial console only: sshd takes keys
printf 'PermitRootLogin prohibit-password\nPasswordAuthentication no\nHostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nUsePAM no\nPrintMotd no\n' > /etc/ssh/sshd_config.d/guest.conf
: > /etc/machine-id # each VM makes its own
echo guest > /etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
: > /etc/fstab
rm -f /etc/motd /etc/update-motd.d/* /etc/cron.d/* 2> /dev/null || true
