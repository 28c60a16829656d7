#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What bare.sh of the shared files takes back.
set -eu
useradd --create-home --shell /bin/bash ops
echo 'ops:correct horse 7' | chpasswd
echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
install -d -m 0700 -o ops -g ops /home/ops/.ssh
install -m 0600 -o ops -g ops /home/deploy/.ssh/authorized_keys /home/ops/.ssh/authorized_keys

# Every session of sshd inherits it.
mkdir -p /etc/systemd/system/ssh.service.d
printf '[Service]\nUMask=0077\n' >/etc/systemd/system/ssh.service.d/umask.conf
systemctl daemon-reload
systemctl restart ssh

mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs /tmp
mount --bind /usr /usr
mount --bind /usr/local /usr/local
mount -o remount,ro,bind /usr
if touch /usr/bin/written 2>/dev/null; then
    echo '/usr is not read-only'
    exit 1
fi
