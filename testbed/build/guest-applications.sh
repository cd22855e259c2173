# shellcheck shell=bash
# guest-applications: guest-debian's root disk with nginx, logrotate, SQLite, PostgreSQL and git. Only tools/applications uses it,
# so the nodes do not have it by themselves.
# shellcheck source=testbed/build/boot-files.sh
source "$HERE/build/boot-files.sh"

files=$HERE/guest/applications root=$OUT/root
tar -xOf "$GUEST_DEBIAN_DIR/image.tar" layer.tar | tar -x -C "$OUT" ./disk/disk.qcow2
qemu-img convert -q -O raw "$OUT/disk/disk.qcow2" "$OUT/root.raw"
truncate -s 1900M "$OUT/root.raw"
e2fsck -fp "$OUT/root.raw" > /dev/null || [ $? -le 1 ]
resize2fs "$OUT/root.raw" 2> /dev/null
mkdir "$root"
mount -o loop "$OUT/root.raw" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
install -m 755 "$files/setup.sh" "$root/setup.sh"
chroot "$root" /setup.sh
rm "$root/setup.sh"
install -m 644 "$files/postgres.service" "$root/etc/systemd/system/"
install -m 644 "$files/nginx.conf" "$root/etc/nginx/nginx.conf"
install -m 644 "$files/logrotate.conf" "$root/etc/logrotate.d/nginx"
rm "$root/etc/resolv.conf"
umount "$root/dev" "$root/proc" "$root"
mkdir -p "$OUT/image/disk"
qemu-img convert -q -O qcow2 "$OUT/root.raw" "$OUT/image/disk/disk.qcow2"
pad_for_crc "$OUT/image/disk/disk.qcow2"
chmod a+r "$OUT/image/disk/disk.qcow2"
tar -C "$OUT/image" --owner=107 --group=107 -cf "$OUT/layer.tar" .
python3 "$HERE/images/docker-archive.py" "$OUT/image.tar" "$OUT/layer.tar" "testbed/guest-applications:1|107|"
rm -r "$root" "$OUT/root.raw" "$OUT/disk" "$OUT/image" "$OUT/layer.tar"
