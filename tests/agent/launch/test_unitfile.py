# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files as systemd reads them, and as somebody writes them who wants to be read otherwise."""

from __future__ import annotations

from typing import Dict, List

import pytest
from vps_sentry.launch import unitfile

S = "Service"
SETTLED = [
    pytest.param(["[Service]\nExecStart=/a b\n"], {"ExecStart": ["/a b"]}, id="plain"),
    pytest.param(["[Service]\n  ExecStart = /a  \n"], {"ExecStart": ["/a"]}, id="blanks around all of it"),
    pytest.param(["[Service]\nExecStart=/a \\\n  b\n"], {"ExecStart": ["/a  b"]}, id="continued"),
    pytest.param(
        ["[Service]\nExecStart=/a \\\n# not this\n  b\n"], {"ExecStart": ["/a  b"]}, id="a comment in between"
    ),
    pytest.param(["[Service]\n#ExecStart=/a\n;ExecStart=/b\n"], {}, id="comments"),
    pytest.param(["ExecStart=/a\n[Service\nExecStart=/b\n"], {}, id="of no section, as systemd ignores it"),
    pytest.param(["\ufeff[Service]\nExecStart=/a"], {"ExecStart": ["/a"]}, id="byte order mark, no end of line"),
    pytest.param(["[Service]\r\nExecStart=/a\r\n"], {"ExecStart": ["/a"]}, id="lines of another system"),
    pytest.param(["[Service]\nExecStart=/a", "[Service]\nExecStart=\nExecStart=/b"], {"ExecStart": ["/b"]}, id="reset"),
    pytest.param(["[Service]\nExecStart=/a", "[Service]\nExecStart=/b"], {"ExecStart": ["/a", "/b"]}, id="added to"),
    pytest.param(
        ["[Timer]\nOnCalendar=daily\nOnBootSec=1\n", "[Timer]\nOnBootSec=\n"], {}, id="one empty time forgets all times"
    ),
    pytest.param(["[Service]\n\x00\xff=\n[\n=\n==\nExecStart"], {}, id="rubbish"),
    pytest.param(["[Service]\n" + "\\\n" * 5000], {}, id="nothing but continuations"),
]


@pytest.mark.parametrize(("texts", "expected"), SETTLED)
def test_what_holds(texts: List[str], expected: Dict[str, List[str]]) -> None:
    found = unitfile.settle(text.encode("utf-8", "surrogateescape") for text in texts)

    assert expected == {name.decode(): [value.decode() for value in values] for (_, name), values in found.items()}


WORDS = [
    pytest.param("A=1 \"B=2 3\" 'C=4'", ["A=1", "B=2 3", "C=4"], id="quoted"),
    pytest.param('A="x y" B', ["A=x y", "B"], id="quoted in part"),
    pytest.param('"never closed', ["never", "closed"], id="a quote that is never closed"),
    pytest.param("", [], id="nothing"),
    pytest.param('"' * 20000, [""], id="nothing but quotes"),
]


@pytest.mark.parametrize(("value", "expected"), WORDS)
def test_words(value: str, expected: List[str]) -> None:
    assert expected == [word.decode() for word in unitfile.words(value.encode())]
