# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport over paramiko: whom it trusts, what it takes from ssh and Ansible, and what it leaves to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.pulling import PullError, UnfitError, exchange, link
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.pulling.exchange import ask
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.pulling.known_hosts import Known, KnownHosts, read
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.pulling.settings import expand, parse
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.pulling.target import Target
from support.sshserver import SSHD, Server, make_key, server

BIN = Path(sys.executable).parent
A, B, C = (("ssh-ed25519", f"AAAA{letter}") for letter in "ABC")
FILES: Dict[str, Tuple[str, str, Known]] = {
    # text of known_hosts, the name looked up, what is known
    "plain": ("web-1 ssh-ed25519 AAAAA\n", "web-1", Known((A,))),
    "several names": ("web-1,192.0.2.1 ssh-ed25519 AAAAA comment\n", "192.0.2.1", Known((A,))),
    "letters do not count": ("Web-1 ssh-ed25519 AAAAA\n", "wEB-1", Known((A,))),
    "with a port": ("[web-1]:2222 ssh-ed25519 AAAAA\n", "[web-1]:2222", Known((A,))),
    "the port is part of it": ("web-1 ssh-ed25519 AAAAA\n", "[web-1]:2222", Known()),
    "a wildcard": ("*.example.org ssh-ed25519 AAAAA\n", "web.example.org", Known((A,))),
    "but not that one": ("*.example.org,!web.example.org ssh-ed25519 AAAAA\n", "web.example.org", Known()),
    "a wildcard with a port": ("[10.0.0.?]:2222 ssh-ed25519 AAAAA\n", "[10.0.0.7]:2222", Known((A,))),
    "a hash that is none": ("|1|x|y ssh-ed25519 AAAAA\n", "web-1", Known()),
    "two keys": ("web-1 ssh-ed25519 AAAAA\nweb-1 ssh-ed25519 AAAAB\n", "web-1", Known((A, B))),
    "revoked": ("web-1 ssh-ed25519 AAAAA\n@revoked * ssh-ed25519 AAAAA\n", "web-1", Known()),
    "an authority is no key": ("@cert-authority *.org ssh-ed25519 AAAAC\n", "web.org", Known((), True)),
    "comments and rubbish": ("# web-1 ssh-ed25519 AAAAA\n\nweb-1\nweb-1 x\n@revoked\n", "web-1", Known()),
}


@pytest.mark.parametrize(("text", "name", "expected"), FILES.values(), ids=FILES)
def test_known_hosts(text: str, name: str, expected: Known) -> None:
    assert KnownHosts([text]).of(name) == expected


def test_a_file_that_ssh_hashed_is_read(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    key = (tmp_path / "key.pub").read_text().split()[1]
    path = tmp_path / "known_hosts"
    path.write_text(f"[192.0.2.7]:2222 ssh-ed25519 {key}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)

    assert "192.0.2.7" not in path.read_text()
    assert read((str(path), str(tmp_path / "missing"))).of("[192.0.2.7]:2222").keys == (("ssh-ed25519", key),)


SAID = "user anna\nhostname 192.0.2.1\nport 22\nidentityfile /nonexistent\nuserknownhostsfile /k1 /k2\n"
SAID += "globalknownhostsfile /g\n"


def test_what_ssh_says_is_understood() -> None:
    found = parse(SAID + "proxyjump bob@jump:2222\nhostkeyalias web\n")

    assert (found.user, found.host, found.port, found.lookup) == ("anna", "192.0.2.1", 22, "web")
    assert (found.known_hosts, found.keys, found.agent) == (("/k1", "/k2", "/g"), (), True)
    assert (found.jump, found.proxy) == ("bob@jump:2222", None)
    assert parse(SAID.replace("port 22", "port 2222")).lookup == "[192.0.2.1]:2222"
    assert parse(SAID + "identitiesonly yes\n").agent is False
    assert parse(SAID + "proxycommand nc %h %p\n").proxy == "nc 192.0.2.1 22"


UNFIT = {
    "another agent": SAID + "identityagent /run/other.sock\n",
    "a token of newer ssh": SAID + "proxycommand nc %C\n",
}


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT)
def test_what_only_ssh_can_do_is_left_to_it(text: str) -> None:
    with pytest.raises(UnfitError):
        parse(text)


def test_tokens() -> None:
    assert expand("a%%b -l %r %h:%p %n", host="h", port="22", user="u") == "a%b -l u h:22 h"


needs_sshd = pytest.mark.skipif(SSHD is None, reason="needs sshd (Debian: apt-get install openssh-server)")


@pytest.fixture(scope="module", name="sshd")
def _sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("sshd")) as started:
        yield started


def target(variables: Dict[str, Any], *, agent: str = "cat") -> Target:
    return Target(
        name="web-1",
        cohort="web",
        address=variables["ansible_host"],
        port=variables["ansible_port"],
        user=variables["ansible_user"],
        key=variables["ansible_ssh_private_key_file"],
        arguments=tuple(variables["ansible_ssh_common_args"].split()),
        agent=agent,
    )


@needs_sshd
def test_host_keys_are_proved_and_never_learnt(sshd: Server, tmp_path: Path) -> None:
    wanted = target(sshd.admit("proved", command="cat"))
    make_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text()
    cases: List[Tuple[str, str, Any, str]] = [
        # lines of known_hosts, the word of the record, the sentence
        (f"[127.0.0.1]:{sshd.port} {other}", "host_key", PullError, "is not the known one"),
        ("", "unreachable", PullError, "unknown SSH host key: prove it, then add [127.0.0.1]:"),
        (f"@cert-authority * {other}", "", UnfitError, "certificate authority"),
    ]
    for text, outcome, kind, sentence in cases:
        sshd.known_hosts.write_text(text)
        read.cache_clear()
        with pytest.raises(kind, match=sentence.replace("[", r"\[")) as refused, link.Links().open(wanted):
            pass
        assert getattr(refused.value, "outcome", "") == outcome
        assert sshd.known_hosts.read_text() == text

    sshd.know(hashed=True)
    read.cache_clear()
    with link.Links().open(wanted) as client:
        assert ask(client, wanted, request=b'{"question":1}\n', seconds=20) == b'{"question":1}\n'
    sshd.know()
    read.cache_clear()


@needs_sshd
def test_a_key_that_does_not_open_is_left_to_ssh(sshd: Server, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    wanted = target({**sshd.admit("friend"), "ansible_ssh_private_key_file": str(tmp_path / "stranger")})
    with pytest.raises(UnfitError, match="no login with what paramiko can use"), link.Links().open(wanted):
        pass


@needs_sshd
def test_through_a_jump_host_and_through_a_command(sshd: Server) -> None:
    variables = sshd.admit("behind")
    key, user = variables["ansible_ssh_private_key_file"], variables["ansible_user"]
    config = sshd.folder / "ssh_config"
    config.write_text(
        f"Host jump\n HostName 127.0.0.1\n Port {sshd.port}\n User {user}\n IdentityFile {key}\n"
        f"Host *\n UserKnownHostsFile {sshd.known_hosts}\n IdentitiesOnly yes\n"
    )
    ways = [("-o", "ProxyJump=jump"), ("-o", f"ProxyCommand=ssh -F {config} -W %h:%p jump")]
    for way in ways:
        wanted = target({**variables, "ansible_ssh_common_args": ""}, agent="/bin/true")
        wanted = replace(wanted, arguments=("-F", str(config), *way))
        links = link.Links()
        with links.open(wanted) as client:
            assert ask(client, wanted, request=b"\n", seconds=20)[:2] == b"\x1f\x8b"
        links.close()


LIMITS: Dict[str, Tuple[str, str, str]] = {
    # command, the word of the record, the sentence
    "an agent that says why": ("echo 'no \033[2J run' >&2; exit 4", "failed", r"ended with 4: no \\x1b\[2J run"),
    "more than any bundle": ("cat /dev/zero", "refused", "larger than"),
    "no end": ("sleep 60", "failed", "no whole answer within 3 s"),
}


@needs_sshd
@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_one_answer(sshd: Server, name: str) -> None:
    script, outcome, sentence = LIMITS[name]
    path = sshd.folder / f"script-{len(name)}"
    path.write_text(f"{script}\n")
    wanted = target(sshd.admit(f"limit-{len(name)}", command=f"/bin/sh {path}"))
    with link.Links().open(wanted) as client, pytest.raises(PullError, match=sentence) as refused:
        ask(client, wanted, request=b"\n", seconds=3)
    assert refused.value.outcome == outcome


@needs_sshd
def test_a_host_that_ends_before_it_was_asked_has_answered(sshd: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy controller comes with its question when the command is long over; what the host said counts."""
    path = sshd.folder / "script-early"
    path.write_text("echo early\n")
    wanted = target(sshd.admit("early", command=f"/bin/sh {path}"))
    run = exchange._Channel.run

    def late(self: exchange._Channel, command: str) -> None:
        run(self, command)
        deadline = time.monotonic() + 20
        while not self._channel.closed and time.monotonic() < deadline:
            time.sleep(0.01)

    monkeypatch.setattr(exchange._Channel, "run", late)
    with link.Links().open(wanted) as client:
        assert ask(client, wanted, request=b"\n", seconds=20) == b"early\n"


def pull(folder: Path, hosts: Dict[str, Any], *options: str) -> Tuple[int, str, Dict[str, Any]]:
    """``vps-sentry-fleet pull``: exit code, standard error, its JSON."""
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": {"web": {"hosts": hosts}}}}))
    command = [str(BIN / "vps-sentry-fleet"), "pull", "-i", str(inventory), "--format", "json", *options]
    environment = {**os.environ, "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "1"}
    store = ["--store", f"sqlite:///{folder}/fleet.sqlite"]
    done = subprocess.run([*command, *store], env=environment, capture_output=True, timeout=180, check=False)
    return done.returncode, done.stderr.decode(), json.loads(done.stdout or b"{}")


@pytest.mark.skipif(not (BIN / "ansible-playbook").exists(), reason="needs ansible-core")
def test_what_it_cannot_serve_goes_over_the_playbook(tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\necho 'no run yet' >&2\nexit 4\n")
    agent.chmod(0o755)
    # The vault is Ansible's own; a template is rendered from the inventory's words only.
    vault = tmp_path / "password"
    vault.write_text("horse\n")
    encrypted = subprocess.run(
        [str(BIN / "ansible-vault"), "encrypt_string", "--vault-password-file", str(vault), "s3cret"],
        check=True, capture_output=True, text=True, env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "ansible")},
    ).stdout.replace("!vault |", "").strip().replace(" ", "")  # fmt: skip
    here = {
        "ansible_connection": "local",
        "vps_sentry_agent": "{{ place }}/agent",
        "place": str(tmp_path),
        "ansible_become": False,
        "ansible_become_password": {"__ansible_vault": encrypted + "\n"},
    }
    code, told, found = pull(tmp_path, {"here": here}, "--vault-password-file", str(vault))

    assert (code, found["missing"], found["over_playbook"]) == (3, ["here"], ["here"]), told
    assert "over the playbook's transport: 1 host (1 x connection local needs Ansible)" in told
    assert "ended with 4: no run yet" in told

    code, told, found = pull(tmp_path, {"here": here}, "--vault-password-file", str(vault), "--no-fallback")
    assert (code, found["missing"]) == (4, ["here"]), told


def test_an_inventory_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    code, told, _ = pull(tmp_path, {"web-1": {"vps_sentry_cohort": ""}})

    assert (code, "name groups" in told) == (1, True)
