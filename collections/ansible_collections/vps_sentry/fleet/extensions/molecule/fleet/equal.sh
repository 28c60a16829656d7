#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A package of ours in version 1.0, and 1.1 staged beside it; then accepts what is there.
set -eu
for version in 1.0 1.1; do
    place=/root/sentry-tool-$version
    mkdir -p "$place/DEBIAN" "$place/usr/bin"
    printf 'Package: sentry-tool\nVersion: %s\nArchitecture: all\nMaintainer: test <t@example.org>\nDescription: test\n' \
        "$version" >"$place/DEBIAN/control"
    printf '#!/bin/sh\necho %s\n' "$version" >"$place/usr/bin/sentry-tool"
    chmod 755 "$place/usr/bin/sentry-tool"
    (cd "$place" && md5sum usr/bin/sentry-tool >DEBIAN/md5sums)
    dpkg-deb --root-owner-group --build "$place" "$place.deb" >/dev/null
    rm -r "$place"
done
dpkg -i /root/sentry-tool-1.0.deb >/dev/null
vps-sentry --accept-baseline --reason 'five equal hosts' >/dev/null
