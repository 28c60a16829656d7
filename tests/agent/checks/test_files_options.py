# SPDX-License-Identifier: GPL-3.0-or-later
"""What may not be configured for the check ``files``, and the sentence that says so."""

from __future__ import annotations

import re
from typing import Optional

import pytest
from vps_sentry.checks.files import CHECK, Options, layout
from vps_sentry.core import codec
from vps_sentry.host import Host


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, None, id="defaults"),
        pytest.param({"watch": ["/srv", {"path": "/var/www", "exclude": ["*.log"]}]}, None, id="text and object"),
        pytest.param({"watch": ["etc"]}, "watch[0]: 'etc' is not an absolute path; begin it with /", id="relative"),
        pytest.param({"watch": ["/etc", ""]}, "watch[1]: '' names nothing; write a path below /", id="empty"),
        pytest.param({"watch": ["/"]}, "watch[0]: '/' names nothing; write a path below /", id="the whole machine"),
        pytest.param({"watch": ["/a\0b"]}, "watch[0]: '/a\\x00b' holds a NUL byte; no path can", id="NUL"),
        pytest.param({"watch": ["/a/../b"]}, "watch[0]: '/a/../b' holds '..'; write the path without it", id="dots"),
        pytest.param(
            {"watch": ["/a/**/b"]},
            "watch[0]: '/a/**/b': '**' is not needed, a watch looks at everything below its path",
            id="any depth in a watch",
        ),
        pytest.param(
            {"watch": [{"path": "/a", "depth": 41}]}, "watch[0]: '/a': depth 41 is not between 1 and 40", id="depth"
        ),
        pytest.param(
            {"watch": [{"path": "/a", "exclude": ["x/../y"]}]},
            "watch[0]: 'x/../y' holds '..'; write the path without it",
            id="exclude inside a watch",
        ),
        pytest.param({"exclude": ["a/b"]}, "exclude[0]: 'a/b' is neither a name nor an absolute path", id="exclude"),
        pytest.param(
            {"exclude": ["/**/**/**/a"]}, "exclude[0]: '/**/**/**/a' holds '**' more than 2 times", id="too many **"
        ),
        pytest.param(
            {"hash_budget": "1GB"},
            "hash_budget: '1GB' is not a size; write a number and B, KiB, MiB or GiB, such as 256MiB",
            id="budget",
        ),
    ],
)
def test_configuration_is_judged_before_it_is_used(options: object, expected: Optional[str]) -> None:
    decoded = codec.decode(Options, options)

    if expected is None:
        validated(decoded)
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
            validated(decoded)


def validated(options: Options) -> None:
    assert CHECK.validate is not None
    CHECK.validate(options)


def test_the_example_shows_what_is_built_in_and_changes_nothing() -> None:
    passwd = b"root:x:0:0::/root:/bin/sh\n"
    assert isinstance(CHECK.example, Options)
    plain, shown = (layout(options, Host(), passwd=passwd) for options in (Options(), CHECK.example))

    assert [watch[:5] for watch in shown.watches] == [watch[:5] for watch in plain.watches]
    assert [set(watch[5]) for watch in shown.watches] == [set(watch[5]) for watch in plain.watches]
