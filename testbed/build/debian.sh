# shellcheck shell=bash
# Sourced by the pieces that come out of Debian packages.

# bootstrap SUITE DIRECTORY VARIANT PACKAGES(,): a root filesystem
bootstrap() {
  mmdebstrap --quiet --variant="$3" --include="$4" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
    "$1" "$2"
}

# The cloud kernel's package, unpacked: kernel_files DIRECTORY
kernel_files() {
  chmod 755 "$1" 2> /dev/null || true
  local name
  mkdir -p "$1/deb"
  name=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
  (cd "$1/deb" && apt-get -qq download "$name")
  dpkg -x "$1"/deb/*.deb "$1"
  rm -r "$1/deb"
}
