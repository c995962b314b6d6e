#!/usr/bin/env bash
# Unpack other people's servers that tests/peers runs, side by side: as Debian packages they exclude one another, or start.
# In: a folder (default /var/cache/mail2campaign-peers). Out: FOLDER/PACKAGE/ with its files and FOLDER/PACKAGE.version.
# With --libraries it prints the Debian packages of the libraries they need, and unpacks nothing.
set -euo pipefail
peers=(postfix exim4-daemon-light opensmtpd dovecot-core dovecot-lmtpd prometheus pebble)

if [ "${1:-}" = --libraries ]; then
  apt-cache depends --no-recommends --no-suggests "${peers[@]}" | sed -n 's/^ *Depends: \(lib[^ <>]*\)$/\1/p' | sort -u
  exit
fi

cache=${1:-/var/cache/mail2campaign-peers}
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
for package in "${peers[@]}"; do
  [ -e "$cache/$package.version" ] && continue
  mkdir "$work/$package"
  chmod 777 "$work/$package"
  (cd "$work/$package" && apt-get download -q "$package")
  rm -rf "${cache:?}/$package"
  dpkg -x "$work/$package/"*.deb "$cache/$package"
  dpkg-deb -f "$work/$package/"*.deb Version >"$cache/$package.version"
done
