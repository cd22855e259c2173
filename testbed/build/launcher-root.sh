# shellcheck shell=bash
# One root filesystem for all of KubeVirt's images. Debian has the libvirt and QEMU versions that KubeVirt wants from trixie on.
# shellcheck source=testbed/build/debian.sh
source "$HERE/build/debian.sh"

root=$OUT/root
bootstrap trixie "$root" essential libvirt-daemon,libvirt-daemon-driver-qemu,libvirt-daemon-log,libvirt-clients,qemu-system-x86,qemu-utils,seabios,xorriso,genisoimage,passt,iproute2,nftables,bash,util-linux,acl,tar,libcap2-bin,procps
: > "$root/etc/libvirt/virtlogd.conf"
find "$root/etc/libvirt" -type d -exec chmod 755 {} +
ln -sfn ../run "$root/var/run" # absolute in Debian: virt-handler follows it through /proc/PID/root and would land in its own
sed -i '/:107:/d' "$root/etc/passwd" "$root/etc/group"
printf 'qemu:x:107:107:qemu:/home/qemu:/bin/bash\nnonroot:x:1001:1001::/home/nonroot:/bin/bash\n' >> "$root/etc/passwd"
echo 'qemu:x:107:' >> "$root/etc/group"
mkdir -p "$root/home/qemu" "$root/home/nonroot"
chown 107:107 "$root/home/qemu"
rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,man,locale} \
  "$root"/usr/share/qemu/{edk2*,hppa*,skiboot*,openbios*,opensbi*,s390*,u-boot*,palcode*}
rm -rf "${root:?}"/dev/* "${root:?}"/proc/* "${root:?}"/sys/*
