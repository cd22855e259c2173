# shellcheck shell=bash
# A containerd root with all images imported and unpacked. Nodes start from hard-linked copies of it: importing 650 MB into
# each node would take longer than everything else that a start does.

run=$(mktemp -d)
mkdir "$OUT/containerd"
printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' > "$run/config.toml"
containerd --config "$run/config.toml" --root "$OUT/containerd" --state "$run/state" --address "$run/containerd.sock" &
daemon=$!
trap 'kill $daemon 2>/dev/null || true; rm -rf "$run"' EXIT
for ((i = 0; i < 100; i++)); do
  ctr --address "$run/containerd.sock" version > /dev/null 2>&1 && break
  sleep 0.1
done
for part in "$KUBEVIRT_IMAGE_DIR" "$PAUSE_IMAGE_DIR" "$GUEST_SMALL_DIR" "$GUEST_DEBIAN_DIR"; do
  ctr --address "$run/containerd.sock" -n k8s.io images import "$part/image.tar"
done
kill "$daemon"
wait "$daemon" || true
