# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and plugins of sudo."""

from actions import Action

ROWS = [
    Action(
        "A06",
        "T1548.003",
        "a NOPASSWD rule in /etc/sudoers.d/zz",
        "echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz",
        "rm /etc/sudoers.d/zz",
        check="sudoers",
        code="sudoers_grant",
        severity="critical",
        title="sudoers: NOPASSWD rule for alice added in /etc/sudoers.d/zz: ALL as ALL",
    ),
    Action(
        "A06b",
        "T1548.003",
        "one more account in an alias that a rule names",
        "sed -i 's/^User_Alias A = .*/&, alice/' /etc/sudoers.d/alias",
        "sed -i 's/, alice$//' /etc/sudoers.d/alias",
        check="sudoers",
        code="sudoers_grant",
        severity="critical",
        title="sudoers: rule for A says whom anew: now also alice",
        before="printf 'User_Alias A = deploy\\nA ALL=(ALL) /usr/bin/ls\\n' >/etc/sudoers.d/alias",
        after="rm /etc/sudoers.d/alias",
    ),
    Action(
        "A06c",
        "T1548.003",
        "`Defaults !authenticate`",
        "echo 'Defaults:alice !authenticate' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz",
        "rm /etc/sudoers.d/zz",
        check="sudoers",
        code="sudoers_defaults",
        severity="critical",
        title="sudoers: Defaults (for alice) in /etc/sudoers.d/zz: !authenticate",
    ),
    Action(
        "A06d",
        "T1548.003",
        "`env_keep += LD_PRELOAD`",
        "echo 'Defaults env_keep += \"LD_PRELOAD\"' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz",
        "rm /etc/sudoers.d/zz",
        check="sudoers",
        code="sudoers_defaults",
        severity="critical",
        title='sudoers: Defaults in /etc/sudoers.d/zz: env_keep+="LD_PRELOAD"',
    ),
    Action(
        "A07",
        "T1556",
        "a Plugin line in /etc/sudo.conf",
        "cp -p /etc/sudo.conf /root/sudo.conf; echo 'Plugin sudoers_audit /opt/evil.so' >>/etc/sudo.conf",
        "cp -p /root/sudo.conf /etc/sudo.conf",
        check="sudoers",
        code="sudo_plugin",
        severity="critical",
        title="sudo.conf: Plugin sudoers_audit /opt/evil.so was added",
    ),
]
