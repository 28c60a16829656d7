# SPDX-License-Identifier: GPL-3.0-or-later
"""What the alert codes about SSH logins stand for."""

from __future__ import annotations

from ..core.model import Code

_GUESSING = "Use keys only (PasswordAuthentication no), or limit who may connect; on a public address this is ordinary."
CODES = {
    "ssh_failure_burst": Code(
        about="Many failed logins within the window, summed over all addresses. On a public address that is the "
        "weather (info); against an account that exists and from one network it is somebody's aim (warning).",
        technique="T1110.001",
        action=_GUESSING,
        event=True,
    ),
    "ssh_invalid_user_burst": Code(
        about="Many attempts to log in as users that do not exist: somebody tries a list of names.",
        technique="T1110.003",
        action=_GUESSING,
        event=True,
    ),
    "ssh_key_only_burst": Code(
        about="Many connections left before logging in. Where only keys are accepted that is all a wrong key leaves.",
        technique="T1110",
        action=_GUESSING,
        event=True,
    ),
    "ssh_penalty": Code(
        about="sshd drops connections of addresses it penalises without looking at them, so failure counts fall while "
        "the attack goes on.",
        technique="T1110",
        action="Nothing; it is sshd's own defence.",
        event=True,
    ),
    "ssh_first_login": Code(
        about="A completed login of a user, network, method and key that were not seen together and accepted before.",
        technique="T1078",
        action="Ask the person whose account or key it is. If nobody was it: lock the account, remove the key, look at "
        "what the session did. Logins that keep changing networks belong into checks.ssh_auth.expected_logins.",
    ),
    "ssh_login_after_burst": Code(
        about="A login succeeded from a network that had just failed many times: the password may have been guessed.",
        technique="T1110",
        action="Treat the account as taken over until its owner confirms the login: end the session, change the "
        "password, look at what was done.",
        event=True,
    ),
    "ssh_login_unverified": Code(
        about="A text log says somebody logged in, but any local user can write such a line.",
        technique="T1021.004",
        action="Let journald keep sshd's messages; compare with last(1). A lie here means a local user plays games.",
        event=True,
    ),
    "ssh_log_gap": Code(
        about="Some of sshd's messages may be missing: the source changed, journald dropped some, or they say nothing "
        "this version knows. A login could hide in the gap.",
        technique="T1562.006",
        action="Read the log around that time yourself; raise journald's rate limit if it drops messages.",
        event=True,
    ),
    "ssh_log_truncated": Code(
        about="A log of sshd was cut or removed: what stood in it and was not read yet is lost.",
        technique="T1070.002",
        action="If no log rotation did it, somebody removed traces: look at sessions and at other logs of that time.",
        event=True,
    ),
    "session_without_login": Code(
        about="Somebody is logged in by way of sshd, and its log has no line about it. A LogLevel that hides logins, a "
        "second sshd with settings of its own, or a log that was cleaned does that.",
        technique="T1562.006",
        action="See who it is (loginctl, ps -ef | grep sshd) and from where; if nobody you know, keep the session's "
        "processes for evidence, then end it. Look at LogLevel in sshd's settings and for other listeners.",
    ),
    "login_other": Code(
        about="Somebody logged in by another program than sshd: the console, dropbear, tailscale, telnet. Seen for the "
        "first time with this user and network.",
        technique="T1133",
        action="Ask the person whose account it is. A console login on a rented server comes from the provider's "
        "panel: if nobody was it, change the password there too.",
    ),
    "ssh_login_outside_policy": Code(
        about="A completed login that sshd's present settings rule out: root by password although that is prohibited, "
        "a user whom AllowUsers does not name. Critical when those settings were surely in force then.",
        technique="T1556",
        action="Compare the sshd that runs with its package and its settings; another sshd, other settings or a "
        "changed program let this login in.",
        event=True,
    ),
    "ssh_log_hidden": Code(
        about="sshd's settings keep logins out of its log, for everybody or for those a Match block names.",
        technique="T1562.006",
        action="Set LogLevel to INFO or VERBOSE where the alert says, unless you know why it is so.",
        event=True,
    ),
    "ssh_blind": Code(
        about="Some of what sessions are compared with cannot be looked at: processes, logind's files, its settings. "
        "A login without a line in the log could go unseen.",
        technique="T1562.001",
        action="Mend what its reason names; as a normal user most processes cannot be looked at.",
        event=True,
    ),
    "ssh_more": Code(
        about="More SSH alerts stand than are listed one by one; the most severe are.",
        technique="",
        action="Look at sshd's own log for the rest.",
        event=True,
    ),
}
