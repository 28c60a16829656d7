# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: an unchanged tree against a C program that only stats it, every byte read against openssl."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import List

from .rows import SOURCE, Contender, Measured, Row, agent, by_turns, compiled, tool

_FOLDER = 100
_WALK = Path(__file__).with_name("walk.c")
# The whole stamp of one watch in a fresh interpreter, start-up included, as a tick pays for it.
_STAMP = "from vps_sentry.tick.tree import take\nimport marshal\ntake(marshal.loads(bytes.fromhex(sys.argv[1])))"
_WATCHES = """
import marshal
from vps_sentry.checks.files import Options, layout
from vps_sentry.host import Host
print(marshal.dumps(layout(Options(defaults=False, watch=(sys.argv[1],)), Host(), passwd=b"").watches, 2).hex())
"""
_FULL = """
import time
from vps_sentry.checks import Context
from vps_sentry.checks.files import CHECK, Options
from vps_sentry.host import Host
options = Options(defaults=False, watch=(sys.argv[1],), hash_budget="4096MiB")
found = CHECK.collect(Context(host=Host(), options=options, now=int(time.time()), memory={}, full=True))
sys.exit(0 if found.status == "ok" and found.memory["bytes_hashed"] == int(sys.argv[2]) else 1)
"""
_SMALL, _LARGE, _MIB = 1000, 14, 1024 * 1024


def rows(scratch: Path) -> List[Row]:
    """The rows about files, cheapest first."""
    few, many = (partial(_unchanged, scratch, entries) for entries in (3400, 100_000))
    return [
        Row("files-3400", "3,400 files unchanged, to a C stat walk", 3, few, rss_mib=20, cheap=True),
        Row("files-100000", "100,000 files unchanged, to a C stat walk", 3, many, rss_mib=20),
        Row("files-full", "every byte read again, to openssl dgst -sha256", 1.2, partial(_full, scratch)),
    ]


def plant(place: Path, entries: int) -> None:
    """A tree of about so many entries, a hundred files in a folder, unless it is there already."""
    if place.exists():
        return
    place.mkdir()
    for number in range(entries // (_FOLDER + 1)):
        folder = place / f"folder-{number}"
        folder.mkdir()
        for name in range(_FOLDER):
            (folder / f"file-{name}").write_bytes(b"%d\n" % name)


def _unchanged(scratch: Path, entries: int) -> Measured:
    compiler = tool("cc", "gcc")
    compiled()
    place, program = scratch / f"tree-{entries}", scratch / "walk"
    plant(place, entries)
    subprocess.run([compiler, "-O2", "-o", str(program), str(_WALK)], check=True)
    watches = subprocess.run(agent(_WATCHES, str(place)), capture_output=True, text=True, check=True).stdout.strip()
    contenders = {"c": Contender([str(program), str(place)]), "ours": Contender(agent(_STAMP, watches))}
    found = by_turns(contenders, rounds=11)
    ours = found["ours"]
    return Measured(ours.cpu / found["c"].cpu, ours.rss, f"{ours.cpu * 1000:.1f} ms, C {found['c'].cpu * 1000:.1f} ms")


def _full(scratch: Path) -> Measured:
    openssl = tool("openssl", "openssl")
    compiled()
    place = scratch / "bytes"
    place.mkdir(exist_ok=True)
    sizes = [128 * 1024] * _SMALL + [64 * _MIB] * _LARGE
    for number, size in enumerate(sizes):
        (place / str(number)).write_bytes(number.to_bytes(4, sys.byteorder) * (size // 4))
    files = [str(place / str(number)) for number in range(len(sizes))]
    contenders = {
        "openssl": Contender([openssl, "dgst", "-sha256", *files]),
        "ours": Contender(agent(_FULL, str(place), str(sum(sizes)))),
    }
    found = by_turns(contenders, rounds=5)
    detail = f"{sum(sizes) // _MIB} MiB in {found['ours'].cpu:.2f} s, openssl {found['openssl'].cpu:.2f} s"
    return Measured(found["ours"].cpu / found["openssl"].cpu, found["ours"].rss, _sound(detail, found["ours"].codes))


def _sound(detail: str, codes: List[int]) -> str:
    if codes != [0]:
        raise RuntimeError(f"the full look of {SOURCE} did not read every byte: exit {codes}")
    return detail
