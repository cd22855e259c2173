# shellcheck shell=bash
# KubeVirt's five images over one layer: the launcher's root filesystem and KubeVirt's programs.

version=$(cat "$KUBEVIRT_DIR/version")
root=$OUT/root
cp -a --reflink=auto "$LAUNCHER_ROOT_DIR/root" "$root"
install -m 755 "$KUBEVIRT_DIR"/bin/* "$HERE/images/node-labeller.sh" "$root/usr/bin/"
install -m 755 "$HERE/images/virtqemud" "$root/usr/sbin/"
install -m 644 "$KUBEVIRT_DIR"/*.conf "$root/etc/libvirt/"
chmod 644 "$root"/etc/libvirt/*.conf
setcap cap_net_bind_service=+eip "$root/usr/bin/virt-launcher-monitor"
tar -C "$root" --xattrs --xattrs-include=security.capability --format=posix -cf "$OUT/layer.tar" .
rm -rf "$root"
python3 "$HERE/images/docker-archive.py" "$OUT/image.tar" "$OUT/layer.tar" \
  "testbed/virt-operator:$version|1001|/usr/bin/virt-operator" "testbed/virt-api:$version|1001|/usr/bin/virt-api" \
  "testbed/virt-controller:$version|1001|/usr/bin/virt-controller" "testbed/virt-handler:$version|0|/usr/bin/virt-handler" \
  "testbed/virt-launcher:$version|0|/usr/bin/virt-launcher-monitor"
rm "$OUT/layer.tar"
