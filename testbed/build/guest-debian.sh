# shellcheck shell=bash
# guest-debian: Debian 12 with systemd and sshd, its root on a containerDisk, booted by kernel and initramfs.
# shellcheck source=testbed/build/debian.sh
source "$HERE/build/debian.sh"
# shellcheck source=testbed/build/boot-files.sh
source "$HERE/build/boot-files.sh"

root=$OUT/root image=$OUT/image initramfs=$OUT/initramfs files=$HERE/guest/debian
bootstrap bookworm "$root" minbase systemd,systemd-sysv,udev,dbus,openssh-server,qemu-guest-agent,iproute2,iputils-ping,e2fsprogs,procps,psmisc,busybox-static,kmod,rsync
install -m 755 "$HERE"/guest/common/{data-disk,dhcp} "$root/usr/local/sbin/"
install -m 644 "$files"/*.service "$root/etc/systemd/system/"
install -m 755 -D "$files/power-button" "$root/etc/acpi/PWRF/00000080"
install -m 600 -D "$GUEST_KEY_DIR/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
chmod 700 "$root/root/.ssh"
rm -f "$root"/etc/ssh/ssh_host_*
install -m 600 "$GUEST_KEY_DIR/ssh_host_ed25519_key" "$root/etc/ssh/"
install -m 644 "$GUEST_KEY_DIR/ssh_host_ed25519_key.pub" "$root/etc/ssh/"
install -m 644 "$GUEST_PROGRAM_DIR"/virtquorum-guest_*_amd64.deb "$root/virtquorum-guest.deb"
install -m 755 "$files/setup.sh" "$root/setup.sh"
chroot "$root" /setup.sh
rm "$root/setup.sh"
rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info} "$root"/usr/lib/udev/hwdb.d "$root"/usr/lib/udev/hwdb.bin \
  "${root:?}"/dev/* "${root:?}"/proc/* "${root:?}"/sys/* "${root:?}"/run/*
truncate -s 1200M "$OUT/root.raw"
mke2fs -q -t ext4 -O ^has_journal -L guest-root -d "$root" "$OUT/root.raw"
mkdir -p "$image/disk" "$image/boot" "$initramfs"/{bin,proc,sys,dev,root}
qemu-img convert -q -O qcow2 "$OUT/root.raw" "$image/disk/disk.qcow2"

kernel_files "$OUT/kernel"
MODULES+=(xfs)
install_modules "$OUT/kernel" "$initramfs"
cp /bin/busybox "$initramfs/bin/"
install -m 755 "$files/initramfs-init" "$initramfs/init"
make_initramfs "$initramfs" "$image/boot/initrd.img"
cp "$OUT"/kernel/boot/vmlinuz-* "$image/boot/vmlinuz"
pad_for_crc "$image"/boot/* "$image/disk/disk.qcow2"
chmod a+r "$image"/boot/* "$image"/disk/*
tar -C "$image" --owner=107 --group=107 -cf "$OUT/layer.tar" .
python3 "$HERE/images/docker-archive.py" "$OUT/image.tar" "$OUT/layer.tar" "testbed/guest-debian:1|107|"
rm -r "$root" "$OUT/root.raw" "$OUT/kernel" "$initramfs" "$image" "$OUT/layer.tar"
