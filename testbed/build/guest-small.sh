# shellcheck shell=bash
# guest-small: kernel and initramfs, nothing else; up in seconds.
# shellcheck source=testbed/build/debian.sh
source "$HERE/build/debian.sh"
# shellcheck source=testbed/build/boot-files.sh
source "$HERE/build/boot-files.sh"

root=$OUT/root image=$OUT/image
kernel_files "$OUT/kernel"
mkdir -p "$root"/{bin,sbin,etc/acpi/PWRF,proc,sys,dev,run,tmp,var,root,srv,usr/bin,usr/sbin,lib} "$image/boot"
ln -s ../run "$root/var/run"
ln -s ../tmp "$root/var/tmp"
install_modules "$OUT/kernel" "$root"
mapfile -t coreutils < <(dpkg -L coreutils | grep -E '^(/usr)?/bin/' | sed 's#.*/##' | grep -vx -e '\[' -e dir -e vdir)
install_programs "$root" "${coreutils[@]}" qemu-ga find xargs ip ss bash dash sed mawk grep setsid blkid mkfs.ext4 \
  filefrag tune2fs debugfs blockdev pgrep tar diff cmp
ln -s mawk "$root/usr/bin/awk"
ln -s mkfs.ext4 "$root/usr/bin/mke2fs"
ln -s ../usr/bin/dash "$root/bin/sh" # busybox's own would run its applets before what is on the PATH
ln -s ../usr/bin/bash "$root/bin/bash"
cp /bin/busybox "$root/bin/busybox"
while read -r applet; do
  [ -e "$root/usr/bin/$applet" ] || [ -e "$root/bin/$applet" ] || [ -L "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done < <(/bin/busybox --list)
tar -C "$root" --keep-directory-symlink -xzf "$GUEST_PROGRAM_DIR"/virtquorum-guest-*-linux-amd64.tar.gz
install -m 755 "$HERE/guest/small/init" "$root/init"
install -m 755 "$HERE"/guest/common/{data-disk,dhcp} "$root/usr/sbin/"
install -m 755 "$HERE/guest/small/power-button" "$root/etc/acpi/PWRF/00000080"
echo 'root::0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'guest' > "$root/etc/hostname"
printf 'NAME="testbed guest-small"\nID=testbed\n' > "$root/etc/os-release"
make_initramfs "$root" "$image/boot/initrd.img"
cp "$OUT"/kernel/boot/vmlinuz-* "$image/boot/vmlinuz"
pad_for_crc "$image"/boot/*
chmod a+r "$image"/boot/*
tar -C "$image" --owner=107 --group=107 -cf "$OUT/layer.tar" .
python3 "$HERE/images/docker-archive.py" "$OUT/image.tar" "$OUT/layer.tar" "testbed/guest-small:1|107|"
rm -r "$OUT/root" "$OUT/kernel" "$OUT/image" "$OUT/layer.tar"
