# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket units: which ports they are for, what they start, and which files say so."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from vps_sentry.core.model import Value
from vps_sentry.proc import activation
from vps_sentry.proc.activation import SocketUnit


@pytest.mark.parametrize(
    ("texts", "ports", "service"),
    [
        pytest.param([b"[Socket]\nListenStream=22\nAccept=no\n"], [("tcp", 22)], "ssh.service", id="a port"),
        pytest.param([b"ListenStream=0.0.0.0:22\nListenStream=[::]:22\n"], [("tcp", 22)] * 2, "ssh.service", id="both"),
        pytest.param([b"ListenDatagram = 127.0.0.1:53\n"], [("udp", 53)], "ssh.service", id="spaces around the sign"),
        pytest.param([b"ListenStream=/run/x\nListenStream=@22\n"], [], "ssh.service", id="no port at all"),
        pytest.param([b"ListenStream=vsock::22\nListenFIFO=22\n"], [], "ssh.service", id="vsock is no port"),
        pytest.param(
            [b"ListenStream=22\n", b"ListenStream=\nListenStream=2222\n"], [("tcp", 2222)], "ssh.service", id="reset"
        ),
        pytest.param([b"ListenStream=22\nAccept=yes\n"], [("tcp", 22)], "ssh@.service", id="one instance a connection"),
        pytest.param([b"ListenStream=22\nService=a\x1b.service\n"], [("tcp", 22)], "a\\x1b.service", id="named"),
        pytest.param([b"#ListenStream=23\n;ListenStream=24\n"], [], "ssh.service", id="comments"),
        pytest.param([b""], [], "ssh.service", id="unreadable"),
    ],
)
def test_a_socket_unit(texts: List[bytes], ports: List[Tuple[str, int]], service: str) -> None:
    assert activation.parse_unit("ssh.socket", texts) == SocketUnit("ssh.socket", tuple(ports), service)


def test_the_more_important_folder_wins_and_additions_of_all_folders_count(tmp_path: Path) -> None:
    etc, run, lib = (tmp_path / name for name in ("etc", "run", "lib"))
    for path, text in (
        (lib / "ssh.socket", "ListenStream=22\n"),
        (etc / "ssh.socket", "ListenStream=2222\n"),
        (run / "ssh.socket.d" / "addresses.conf", "ListenStream=2223\n"),
        (etc / "ssh.socket.d" / "no-addition", "ListenStream=1\n"),
        (lib / "other.service", "ListenStream=1\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folders = [str(folder) for folder in (etc, run, lib, tmp_path / "missing")]
    units, seen = activation.read(folders)
    assert units == [SocketUnit("ssh.socket", (("tcp", 2222), ("tcp", 2223)), "ssh.service")]
    assert {*folders, str(etc / "ssh.socket"), str(run / "ssh.socket.d" / "addresses.conf")} <= set(seen)


def held(unit: str) -> Value:
    return {"bind": "wildcard", "addresses": [], "owners": [{"exe": "/x", "unit": unit, "user": "root"}]}


@pytest.mark.parametrize(
    ("key", "unit", "activates"),
    [
        ("tcp:22:wildcard", "init.scope", ["ssh.service"]),
        ("udp:22:wildcard", "init.scope", []),
        ("tcp:22:wildcard@init.scope", "init.scope", None),
        ("tcp:22:wildcard", "ssh.service", None),
        ("tcp:22:wildcard", "user@1000.service/init.scope", None),
    ],
)
def test_only_what_systemd_itself_holds_is_marked(key: str, unit: str, activates: object) -> None:
    units = [SocketUnit("ssh.socket", (("tcp", 22),), "ssh.service")]
    assert activation.mark({key: held(unit)}, units)[key].get("activates") == activates
