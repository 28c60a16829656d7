#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# No name is resolved, no address beyond the own network is routed, the receiver's name leads nowhere.
set -eu
cp /etc/hosts /root/hosts
cp /etc/resolv.conf /root/resolv.conf
sed '/receiver.test/d' /root/hosts >/etc/hosts
: >/etc/resolv.conf
if python3 -c 'import socket; socket.getaddrinfo("receiver.test", 443)' 2>/dev/null; then
    echo 'the host still finds the receiver'
    exit 1
fi
