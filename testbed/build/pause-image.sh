# shellcheck shell=bash
# The container that holds a pod's namespaces.

mkdir -p "$OUT/root/bin"
cp /bin/busybox "$OUT/root/bin/"
tar -C "$OUT/root" --owner=0 --group=0 -cf "$OUT/layer.tar" .
python3 "$HERE/images/docker-archive.py" "$OUT/image.tar" "$OUT/layer.tar" "testbed/pause:1|0|/bin/busybox sleep 2147483647"
rm -r "$OUT/root" "$OUT/layer.tar"
