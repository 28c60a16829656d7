# SPDX-License-Identifier: GPL-3.0-or-later
"""How a moved port is rated: code, severity and the sentence a person reads."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import pytest
from vps_sentry.checks import ports
from vps_sentry.checks.ports import Options
from vps_sentry.core import codec
from vps_sentry.core.model import Change, Value
from vps_sentry.proc import hidden, keys
from vps_sentry.proc.expected import ExpectedPort
from vps_sentry.proc.owners import Owner

SSHD = Owner("/usr/sbin/sshd", "ssh.service", "root")
NGINX = Owner("/usr/sbin/nginx", "nginx.service", "root")
WORKER = Owner("/usr/sbin/nginx", "nginx.service", "www-data")
PYTHON = Owner("/usr/bin/python3.11", "session-*.scope", "root")


def owner(held_by: Owner) -> Dict[str, str]:
    return {"exe": held_by.exe, "unit": held_by.unit, "user": held_by.user}


def value(bind: str, *held_by: Owner, addresses: Tuple[str, ...] = ()) -> Value:
    return {"bind": bind, "addresses": list(addresses), "owners": [owner(entry) for entry in held_by]}


def opened(key: str, *held_by: Owner) -> Change:
    return Change("added", "ports", key, None, value(keys.parse(key).bind, *held_by))


def not_checked(word: str, change: str = "added") -> Change:
    item = hidden.items([word])
    ((key, found),) = item.items()
    return (
        Change("added", "ports", key, None, found)
        if change == "added"
        else Change("removed", "ports", key, found, None)
    )


@pytest.mark.weakness(16)
@pytest.mark.parametrize(
    ("key", "exe", "severity"),
    [
        ("tcp:80:wildcard", "/usr/sbin/nginx", "warning"),
        ("tcp:80:public", "/usr/sbin/nginx", "warning"),
        ("tcp:80:private", "/usr/sbin/nginx", "info"),
        ("tcp:80:loopback", "/usr/bin/nc", "info"),
        ("tcp:80:private", "/memfd:x (deleted)", "info"),
        ("tcp:80:wildcard", "unknown", "warning"),
        ("tcp:80:public", "/usr/sbin/nginx (deleted)", "critical"),
        ("tcp:80:wildcard", "/memfd:kworker (deleted)", "critical"),
        ("tcp:80:wildcard", "/tmp/a\\x0ab (deleted)", "critical"),
        ("raw:1:wildcard", "/usr/bin/perl", "critical"),
        ("packet:2048:wire", "/usr/sbin/tcpdump", "warning"),
        ("packet:2048:wire", "/dev/shm/kdmtmpflush (deleted)", "critical"),
        ("tcp:80:wildcard@docker-*.scope", "/usr/sbin/nginx (not the file of that name here)", "warning"),
        ("tcp:80:wildcard@docker-*.scope", "/usr/bin/node (not the file of that name here)", "warning"),
        ("tcp:80:wildcard", "/usr/bin/node (not the file of that name here)", "critical"),
        ("tcp:80:wildcard@netns blue", "/usr/bin/python3.11", "critical"),
        ("tcp:80:private@docker-*.scope", "/usr/bin/python3.11", "info"),
        *(
            ("tcp:4444:wildcard", exe, "critical")
            for exe in (
                *("/usr/bin/python3.11", "/usr/bin/python3", "/opt/venv/bin/python", "/usr/bin/python3.11-dbg"),
                *("/usr/bin/perl5.36-x86_64-linux-gnu", "/usr/bin/ruby3.1", "/usr/bin/php8.2", "/usr/bin/node"),
                *("/usr/bin/nc.openbsd", "/usr/bin/nc.traditional", "/usr/bin/ncat", "/usr/bin/socat", "/tmp/nc"),
                *("/usr/bin/bash", "/usr/bin/sh", "/usr/bin/dash", "/usr/bin/busybox", "/usr/bin/lua5.4"),
            )
        ),
        *(
            ("tcp:4444:wildcard", exe, "warning")
            for exe in ("/usr/sbin/php-fpm8.2", "/usr/bin/node_exporter", "/usr/sbin/sshd", "/usr/bin/python-server")
        ),
    ],
)
def test_an_opening_is_rated_by_reach_and_program(key: str, exe: str, severity: str) -> None:
    rating = ports.rate(opened(key, Owner(exe, "x.service", "root")), Options())
    assert (rating.code, rating.severity) == ("port_opened", severity)


@pytest.mark.parametrize(
    ("change", "code", "severity", "title"),
    [
        pytest.param(
            opened("tcp:4444:wildcard", PYTHON),
            "port_opened",
            "critical",
            "tcp/4444 opened to the world by /usr/bin/python3.11 (session-*.scope, root)",
            id="opened",
        ),
        pytest.param(
            opened("tcp:80:loopback", *(Owner(f"/{n}", "u", "root") for n in "abcde")),
            "port_opened",
            "info",
            "tcp/80 opened on this machine only by /a (u, root), /b (u, root), /c (u, root) and 2 more",
            id="many-holders-are-counted",
        ),
        pytest.param(
            opened("tcp:80:wildcard@docker-*.scope", NGINX),
            "port_opened",
            "warning",
            "tcp/80 in docker-*.scope opened to the world by /usr/sbin/nginx (nginx.service, root)",
            id="in-a-container",
        ),
        pytest.param(
            opened("packet:2048:wire", NGINX),
            "port_opened",
            "warning",
            "packet/0x0800 opened to whatever passes an interface by /usr/sbin/nginx (nginx.service, root)",
            id="a-packet-socket",
        ),
        pytest.param(
            not_checked("SCTP"),
            "port_not_checked",
            "warning",
            "not looked at: SCTP sockets are in use, which this release cannot list; see: ss -anp",
            id="a-protocol-without-a-list",
        ),
        pytest.param(
            not_checked("nat"),
            "port_not_checked",
            "warning",
            "not looked at: addresses are translated here (containers, forwarding): a rule may open a port that no "
            "socket stands for; see: nft list ruleset; iptables -t nat -S",
            id="translated-addresses",
        ),
        pytest.param(
            not_checked("AF_VSOCK"),
            "port_not_checked",
            "info",
            "not looked at: vsock sockets, which only the hypervisor reaches, are not listed; see: ss --vsock -lnp",
            id="only-the-hypervisor",
        ),
        pytest.param(
            not_checked("namespace netns-94b88b67-3cd8-d9f3-6718-78c9e9e1b726"),
            "port_not_checked",
            "info",
            "not looked at: no process lives in network namespace netns-*, so what listens there cannot be seen; "
            "see: ip netns exec NAME ss -lnp",
            id="what-a-container-engine-leaves-for-a-moment",
        ),
        pytest.param(
            not_checked("SCTP", "removed"),
            "port_not_checked",
            "info",
            "no longer left out: SCTP",
            id="nothing-left-out-any-more",
        ),
        pytest.param(
            Change("removed", "ports", "udp:53:public", value("public", NGINX), None),
            "port_closed",
            "info",
            "udp/53 is no longer open to the world on a public address; "
            "it was held by /usr/sbin/nginx (nginx.service, root)",
            id="closed",
        ),
        pytest.param(
            Change("changed", "ports", "tcp:443:wildcard", value("wildcard", NGINX), value("wildcard", PYTHON)),
            "port_owner_changed",
            "critical",
            "tcp/443 (open to the world) has a new owner: /usr/bin/python3.11 (session-*.scope, root); "
            "before: /usr/sbin/nginx (nginx.service, root)",
            id="taken-over-by-an-interpreter",
        ),
        pytest.param(
            Change("changed", "ports", "tcp:443:wildcard", value("wildcard", NGINX), value("wildcard", NGINX, SSHD)),
            "port_owner_changed",
            "warning",
            "tcp/443 (open to the world) has a new owner: /usr/sbin/sshd (ssh.service, root); "
            "before: /usr/sbin/nginx (nginx.service, root)",
            id="a-second-program-shares-it",
        ),
        pytest.param(
            Change("changed", "ports", "tcp:443:private", value("private", NGINX), value("private", PYTHON)),
            "port_owner_changed",
            "warning",
            "tcp/443 (open to a private network) has a new owner: /usr/bin/python3.11 (session-*.scope, root); "
            "before: /usr/sbin/nginx (nginx.service, root)",
            id="private-but-another-owner",
        ),
        pytest.param(
            Change("changed", "ports", "tcp:443:public", value("public", NGINX, WORKER), value("public", NGINX)),
            "port_owner_changed",
            "info",
            "tcp/443 (open to the world on a public address) is now held by /usr/sbin/nginx (nginx.service, root) "
            "alone; before: /usr/sbin/nginx (nginx.service, root), /usr/sbin/nginx (nginx.service, www-data)",
            id="nobody-new-holds-it",
        ),
        pytest.param(
            Change(
                "changed",
                "ports",
                "tcp:22:wildcard",
                value("wildcard", SSHD, addresses=("0.0.0.0",)),
                value("wildcard", SSHD, addresses=("0.0.0.0", "::")),
            ),
            "port_changed",
            "warning",
            "tcp/22 (open to the world) is now bound to 0.0.0.0, ::; before: 0.0.0.0",
            id="the-world-comes-in-by-ipv6-too",
        ),
        pytest.param(
            Change(
                "changed",
                "ports",
                "udp:53:loopback",
                value("loopback", SSHD, addresses=("127.0.0.1",)),
                value("loopback", SSHD, addresses=("127.0.0.53",)),
            ),
            "port_changed",
            "info",
            "udp/53 (open on this machine only) is now bound to 127.0.0.53; before: 127.0.0.1",
            id="another-loopback-address",
        ),
    ],
)
def test_changes_read_as_sentences(change: Change, code: str, severity: str, title: str) -> None:
    rating = ports.rate(change, Options())
    assert (rating.code, rating.severity, rating.title) == (code, severity, title)


SYSTEMD = Owner("/usr/lib/systemd/systemd", "init.scope", "root")
BACKDOOR = Owner("/usr/bin/python3", "ssh.service", "root")
HELD = value("wildcard", SYSTEMD)


def started(*held_by: Owner, activates: Tuple[str, ...] = ("ssh.service",)) -> Value:
    return {**value("wildcard", *held_by), "activates": list(activates)}


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        pytest.param(started(SYSTEMD), started(SYSTEMD, SSHD), "info", id="its service joins"),
        pytest.param(started(SYSTEMD, SSHD), started(SYSTEMD), "info", id="not yet started after a boot"),
        pytest.param(started(SYSTEMD), started(SYSTEMD, NGINX), "warning", id="another service joins"),
        pytest.param(started(SYSTEMD), started(SYSTEMD, BACKDOOR), "critical", id="an interpreter in its name"),
        pytest.param(started(SYSTEMD), started(SYSTEMD, activates=("x.service",)), "warning", id="something else is"),
        pytest.param(HELD, value("wildcard", SYSTEMD, SSHD), "warning", id="nothing is started for it"),
    ],
)
def test_a_port_that_systemd_holds_until_somebody_connects(before: Value, after: Value, severity: str) -> None:
    rating = ports.rate(Change("changed", "ports", "tcp:22:wildcard", before, after), Options())
    assert (rating.code, rating.severity) == ("port_owner_changed", severity)


@pytest.mark.weakness(11)
@pytest.mark.parametrize(
    ("expected", "change", "code", "severity"),
    [
        pytest.param("tcp:4444", opened("tcp:4444:wildcard", PYTHON), "port_expected", "info", id="silenced"),
        pytest.param("tcp:4400-4500", opened("tcp:4444:public", SSHD), "port_expected", "info", id="in-a-range"),
        pytest.param("udp:4444", opened("tcp:4444:wildcard", SSHD), "port_opened", "warning", id="other-protocol"),
        pytest.param(
            ExpectedPort("tcp:443", "/usr/sbin/nginx"),
            opened("tcp:443:wildcard", NGINX, WORKER),
            "port_expected",
            "info",
            id="the-expected-program",
        ),
        pytest.param(
            ExpectedPort("tcp:443", "/usr/sbin/nginx"),
            opened("tcp:443:wildcard", NGINX, PYTHON),
            "port_opened",
            "critical",
            id="an-unexpected-program-beside-it",
        ),
        pytest.param(
            "tcp:443",
            Change("changed", "ports", "tcp:443:wildcard", value("wildcard", NGINX), value("wildcard", PYTHON)),
            "port_owner_changed",
            "critical",
            id="never-a-change-of-owner",
        ),
    ],
)
def test_expected_silences_an_opening_only(expected: Any, change: Change, code: str, severity: str) -> None:
    rating = ports.rate(change, Options(expected=(expected,)))
    assert (rating.code, rating.severity) == (code, severity)


def test_options_are_read_from_the_configuration() -> None:
    options = codec.decode(Options, {"expected": ["tcp:22", {"port": "udp:51820", "exe": "/usr/bin/wg"}]})
    ports.validate(options)
    assert options == Options(expected=("tcp:22", ExpectedPort("udp:51820", "/usr/bin/wg")))


def test_a_bad_option_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'tcp:http' is not PROTOCOL:PORT"):
        ports.validate(Options(expected=("tcp:22", "tcp:http")))
