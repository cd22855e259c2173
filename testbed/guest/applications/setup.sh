#!/bin/sh
# Runs in guest-debian's root file system: adds the applications. Nobody starts by itself.
set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get -qq update
apt-get -qq install --no-install-recommends nginx-light logrotate sqlite3 postgresql-15 git xfsprogs > /dev/null
rm /usr/sbin/policy-rc.d
systemctl disable nginx.service postgresql.service logrotate.timer web.service > /dev/null 2>&1
# A generator or a list of temporary files costs time at boot; guest-debian has none either.
for generator in /lib/systemd/system-generators/*; do ln -sf /dev/null "/etc/systemd/system-generators/${generator##*/}"; done
for list in /usr/lib/tmpfiles.d/*.conf; do [ -e "/etc/tmpfiles.d/${list##*/}" ] || ln -s /dev/null "/etc/tmpfiles.d/${list##*/}"; done
rm -f /etc/cron.d/* /etc/logrotate.d/* /etc/nginx/sites-enabled/*
rm -rf /var/lib/apt/lists/* /var/cache/apt /usr/share/doc /usr/share/man /usr/share/locale
