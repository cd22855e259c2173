# shellcheck shell=bash
# Sourced by the guests' pieces: kernel, modules and initramfs.

MODULES=(virtio_pci virtio_console virtio_blk virtio_net virtio_rng crc32c_generic ext4 button evdev tcp_diag)

# install_modules KERNEL_TREE ROOT: copies the modules, and writes lib/modules/order, in which they are to be loaded
install_modules() {
  local version module line
  version=$(basename "$1"/lib/modules/*)
  depmod -b "$1" "$version"
  mkdir -p "$2/lib/modules"
  for module in "${MODULES[@]}"; do
    modprobe -d "$1" -S "$version" --show-depends "$module" | awk '$1 == "insmod" {print $2}'
  done | awk '!seen[$0]++' | while read -r line; do
    cp "$line" "$2/lib/modules/"
    basename "$line"
  done > "$2/lib/modules/order"
}

# install_programs ROOT PROGRAM...: with the libraries that they need
install_programs() {
  local root=$1 program path library; shift
  for program in "$@"; do
    path=$(readlink -f "$(type -P "$program")")
    install -D "$path" "$root/usr/bin/$program"
    ldd "$path" 2> /dev/null | grep -o '/[^ ]*' | while read -r library; do
      [ -e "$root$library" ] || install -D "$(readlink -f "$library")" "$root$library"
    done
  done
}

# make_initramfs ROOT FILE: not compressed, which boots faster under emulation
make_initramfs() { (cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) > "$2"; }

# virt-handler reports a CRC-32 of kernel and initrd as int32, and API servers from 1.35 on refuse values of 2^31 and above:
# append zeros until it is small enough.
pad_for_crc() {
  python3 - "$@" <<'END'
import sys, zlib
for name in sys.argv[1:]:
    with open(name, "rb") as f:
        data = f.read()
    crc, padding = zlib.crc32(data), b""
    while crc >= 2**31:
        crc, padding = zlib.crc32(b"\0" * 512, crc), padding + b"\0" * 512
    with open(name, "ab") as f:
        f.write(padding)
END
}
