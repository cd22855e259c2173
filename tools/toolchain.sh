# shellcheck shell=bash
# Sourced: finds or installs JDK 25 and Maven, and points Maven at the project's own cache.
# Sets VIRTQUORUM_CACHE, JAVA_HOME, PATH and the functions `maven` and `package`.
set -euo pipefail

VIRTQUORUM_CACHE=${VIRTQUORUM_CACHE:-/var/cache/virtquorum}
export VIRTQUORUM_CACHE

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

die() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

install_packages() { # PACKAGE...: those that are missing, from Debian
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || die "packages are missing (${missing[*]}): run this as root, or install them first"
  say "installing ${missing[*]}"
  apt-get update -qq || die "apt-get update failed: is a Debian mirror configured and reachable?"
  DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install ${missing[*]}"
}

is_jdk_25() { # JAVA_HOME
  [ -x "$1/bin/javac" ] && "$1/bin/javac" -version 2>&1 | grep -q '^javac 25'
}

find_jdk() {
  local home
  for home in ${VIRTQUORUM_JDK:+"$VIRTQUORUM_JDK"} ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*; do
    if is_jdk_25 "$home"; then
      JAVA_HOME=$home
      return
    fi
  done
  JAVA_HOME=$VIRTQUORUM_CACHE/jdk-25/usr/lib/jvm/java-25-openjdk-amd64
  is_jdk_25 "$JAVA_HOME" || unpack_jdk
}

# Debian 12 has no JDK 25, and Debian 13's wants a newer libc: it is unpacked beside that libc and told where it is.
unpack_jdk() {
  local root=$VIRTQUORUM_CACHE/jdk-25 file
  say "unpacking JDK 25 from Debian 13 into the cache"
  install_packages mmdebstrap debian-archive-keyring patchelf
  rm -rf "$root.new" "$root"
  mkdir -p "$VIRTQUORUM_CACHE"
  mmdebstrap --quiet --variant=extract --include=openjdk-25-jdk-headless trixie "$root.new" ||
    die "JDK 25 could not be unpacked from Debian 13: is a Debian mirror reachable?"
  mv "$root.new" "$root"
  find "$JAVA_HOME/" -type f \( -path '*/bin/*' -o -name '*.so' -o -name jspawnhelper \) | while read -r file; do
    patchelf --set-rpath "$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$JAVA_HOME/lib:$JAVA_HOME/lib/server" \
      "$file" 2>/dev/null || continue
    patchelf --print-interpreter "$file" >/dev/null 2>&1 || continue
    patchelf --set-interpreter "$(readlink -f "$root/usr/lib64/ld-linux-x86-64.so.2")" "$file"
  done
  # Debian's JDK links its configuration to /etc of its own root.
  find "$JAVA_HOME/" -type l -lname '/etc/*' | while read -r file; do
    ln -sfn "$root$(readlink "$file")" "$file"
  done
  is_jdk_25 "$JAVA_HOME" || die "the JDK 25 in $root does not start; remove that directory and try again"
}

maven() { # runs Maven with the project's repository; quiet where there is nothing to say
  mvn -B -ntp -Dmaven.repo.local="$VIRTQUORUM_CACHE/m2" "$@"
}

package() { # [clean]: compiles and packages, without tests
  maven -q -DskipTests "$@" package
}

install_packages ca-certificates
command -v mvn >/dev/null || install_packages maven
find_jdk
export JAVA_HOME PATH="$JAVA_HOME/bin:$PATH"
