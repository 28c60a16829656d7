# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run on a host to get its bundle, what it is asked, and a ceiling on what its answer may cost here."""

from __future__ import annotations

import json
import resource
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator, Optional

from .core.bundle import SCHEMA
from .limits import MAX_BYTES

AGENT = "/usr/local/bin/vps-sentry"
MEMORY = 192 * 1024 * 1024
"""Bytes one host's answer may make the collecting process grow by; a bundle of MAX_BYTES needs about 120 MiB."""

_BROKEN_PIPE = 128 + 13
_PREFIX = len("sha256:") + 16

# POSIX sh has no pipefail: the agent's exit status leaves the pipeline by descriptor 4, its output by 3.
# Nearly all of an answer is digests, in which no effort of gzip finds more than the least does.
_PIPELINE = (
    "exec 3>&1; status=$({{ {{ {agent} bundle 3>&- 4>&-; echo $? >&4; }}"
    " | head -c {limit} | gzip -1c{encode} >&3; }} 4>&1); exit $status"
)


def command(agent: str = AGENT, *, text: bool = True) -> str:
    """The one shell command: ``agent bundle``, compressed, as base64 if ``text``, with the agent's own exit status."""
    encode = " | base64 -w0" if text else ""
    return _PIPELINE.format(agent=shlex.quote(agent), limit=MAX_BYTES + 1, encode=encode)


def request(nonce: str, held: Iterable[str]) -> bytes:
    """The line the agent reads on standard input (docs/contracts.md section 10)."""
    have = [name[len("sha256:") : _PREFIX] for name in sorted(held)]
    return json.dumps({"schema": SCHEMA, "nonce": nonce, "have": have}).encode("ascii") + b"\n"


def hint(status: int) -> str:
    """What an exit status means when the agent itself said nothing."""
    if status == _BROKEN_PIPE:
        return f"its bundle is larger than {MAX_BYTES} bytes"
    return "no message; is the agent installed and has it run once?"


@contextmanager
def memory_ceiling(extra: int = MEMORY) -> Iterator[None]:
    """At most ``extra`` bytes more than now: a host that never stops answering costs its own attempt only.

    Ansible's connections keep a whole answer in memory and know no limit themselves. Raises MemoryError inside.
    """
    size = _virtual_size()
    if size is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = size + extra
    ceilings = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([wanted, *ceilings]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _virtual_size() -> Optional[int]:
    """Bytes of address space of this process (proc(5) statm); None where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()
