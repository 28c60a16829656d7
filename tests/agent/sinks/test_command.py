# SPDX-License-Identifier: GPL-3.0-or-later
"""A real program as a sink: what it is given, how it may end, and which programs are not started."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.alerts import HOSTILE, alert, message
from vps_sentry.errors import ShipError
from vps_sentry.sinks import DeliveryError, Transport
from vps_sentry.sinks.command import Options, require_own, send, validate
from vps_sentry.sinks.webhook import document

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a program that root alone can change needs root")


@pytest.fixture(name="place")
def _place() -> Iterator[Path]:
    """A folder of root's own; not below /tmp, where everybody may write."""
    folder = Path(tempfile.mkdtemp(prefix="vps-sentry-test-", dir="/usr/local"))
    yield folder
    shutil.rmtree(folder)


def program(place: Path, script: str) -> str:
    path = place / "sink"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_program_is_given_the_document_and_nothing_else(place: Path, transport: Transport) -> None:
    path = program(
        place, f'cat >{place}/in; env | sort >{place}/env; printf "%s|" "$@" >{place}/argv; pwd >{place}/cwd'
    )
    subject = message(alerts=(alert(detail=HOSTILE * 40_000),))
    send(subject, Options(argv=(path, "a b", "$(touch x)", "; exit 1")), transport=transport)

    assert (place / "in").read_bytes() == document(subject)
    assert json.loads((place / "in").read_text())["id"] == "0123456789abcdef"
    assert (place / "argv").read_text() == "a b|$(touch x)|; exit 1|"
    assert (place / "cwd").read_text() == "/\n"
    names = {line.partition("=")[0] for line in (place / "env").read_text().splitlines()}
    assert names == {"HOME", "LC_ALL", "PATH", "PWD", "VPS_SENTRY_MESSAGE_ID"}


def test_a_program_that_reads_nothing_is_no_obstacle(place: Path, transport: Transport) -> None:
    send(
        message(alerts=(alert(detail="x" * 3_000_000),)), Options(argv=(program(place, "exit 0"),)), transport=transport
    )


ENDS = [
    pytest.param("echo 'no such room'; exit 3", "sink ended with exit code 3: no such room", False, id="says no"),
    pytest.param("kill -9 $$", "sink ended with signal 9: it said nothing", False, id="killed"),
    pytest.param("printf 'a\\033[31m\\nb'; exit 1", "exit code 1: a\\x1b[31m\\x0ab", False, id="colours and lines"),
    pytest.param("yes | head -c 3000000; exit 1", "more characters", False, id="says a lot"),
    pytest.param("sleep 60", "took longer than 1 s and was ended", True, id="hangs"),
    pytest.param("sleep 60 & exit 0", "took longer than 1 s", True, id="leaves a child that keeps the output open"),
    pytest.param("exec >&- 2>&-; sleep 60", "took longer than 1 s", True, id="hangs after closing its output"),
]


@pytest.mark.parametrize(("script", "words", "whole_sink"), ENDS)
def test_how_it_may_end(place: Path, transport: Transport, script: str, *, words: str, whole_sink: bool) -> None:
    began = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        send(message(), Options(argv=(program(place, script),)), transport=dataclasses.replace(transport, deadline=1))

    assert words in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
    assert (caught.value.whole_sink, time.monotonic() - began < 10) == (whole_sink, True)


def test_what_it_started_ends_with_it(place: Path, transport: Transport) -> None:
    path = program(place, f"(sleep 3; touch {place}/late) & wait")
    with pytest.raises(DeliveryError):
        send(message(), Options(argv=(path,)), transport=dataclasses.replace(transport, deadline=0.5))
    time.sleep(3)

    assert not (place / "late").exists()


def test_a_file_that_is_no_program_is_said(place: Path, transport: Transport) -> None:
    path = program(place, "")
    Path(path).write_text("#!/nonexistent\n")
    with pytest.raises(DeliveryError, match="cannot be started: No such file"):
        send(message(), Options(argv=(path,)), transport=transport)


NOT_STARTED = [
    pytest.param("rm sink", "No such file", id="missing"),
    pytest.param("chmod 644 sink", "is no program", id="not executable"),
    pytest.param("rm sink; mkdir sink", "is no program", id="a directory"),
    pytest.param("chmod 775 sink", "others than root", id="the group may write it"),
    pytest.param("chown 65534 sink", "others than root", id="somebody's own"),
    pytest.param("chmod 777 .", "others than root", id="others may put another there"),
    pytest.param("mv sink real; ln -s real sink", "it is a link; name the real path", id="a link"),
]


@pytest.mark.parametrize(("prepare", "words"), NOT_STARTED)
def test_what_others_could_have_put_there_is_not_started(
    place: Path, transport: Transport, prepare: str, *, words: str
) -> None:
    path = program(place, f"touch {place}/ran")
    os.system(f"cd {place} && {prepare}")
    with pytest.raises(ShipError, match=words):
        send(message(), Options(argv=(path,)), transport=transport)
    assert not (place / "ran").exists()


def test_system_programs_are_root_s_own() -> None:
    require_own(os.path.realpath("/usr/bin/env"))


@pytest.mark.parametrize("argv", [(), ("logger",), ("./x",), ("",), ("/bin/x", "a\0b")])
def test_wrong_options_are_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="argv: "):
        validate(Options(argv=argv))
