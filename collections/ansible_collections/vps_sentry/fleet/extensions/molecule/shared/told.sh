#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# told.sh RECEIVER HOST TEXT: which requests that the receiver kept are of this host and hold this text; exit 1 if none.
set -eu
cd "$1/requests"
found=
for request in *.json; do
    if grep -qF -- "$2" "$request" && grep -qF -- "$3" "$request"; then
        printf '%s\n' "$request"
        found=yes
    fi
done
[ -n "$found" ]
