# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task that changed something to the change: which path, and what is known of it afterwards. Pure.

Whatever stands in ``result`` was said by the host, and counts only where ``record.told`` does.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from ..core.canonical import escape
from . import content
from .content import Content
from .record import ABSENT, Change, Fields

_OCTAL = re.compile("0?[0-7]{3,4}", re.ASCII)
_NUMBER = re.compile("[0-9]{1,10}", re.ASCII)
_SHA256 = re.compile("sha256:([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class Done:
    """A task that changed something on a host."""

    action: str
    """Its last word: ``copy`` of ``ansible.builtin.copy``."""
    args: Mapping[str, Any]
    result: Mapping[str, Any]
    scratch: str
    """Where Ansible renders templates in this very run."""
    local: Callable[[str], Optional[Content]]
    """What lies in a file that ``copy`` would find under this name."""


def change(done: Done) -> Optional[Change]:
    """None for a task that names no path."""
    found = _READERS.get(done.action, _edited)(done)
    return found if found is not None and found.path.startswith("/") else None


def _copied(done: Done) -> Optional[Change]:
    args = done.args
    if args.get("remote_src") not in (None, False):
        return _edited(done)
    sent = args.get("content")
    if sent is None:
        return _written(done, done.local(str(args.get("src", ""))))
    text = json.dumps(sent) if isinstance(sent, (dict, list)) else str(sent)
    return _written(done, content.of_bytes(text.encode("utf-8", "surrogateescape")))


def _rendered(done: Done) -> Optional[Change]:
    return _written(done, content.of_diff(done.result, scratch=done.scratch))


def _written(done: Done, sent: Optional[Content]) -> Optional[Change]:
    """A file of which the controller holds the content; what the module says of it must agree."""
    asked: Dict[str, Any] = {"type": "file", **_asked(done.args)}
    if sent is not None and done.result.get("checksum") == sent.sha1:
        asked.update(sha256=sent.sha256, size=sent.size)
    place = _landed(done, str(done.args.get("src", "")))
    return Change(place, "content", asked, _told(done.result))


def _landed(done: Done, source: str) -> str:
    """Where it lies: what the task names, or in there when that is a directory."""
    dest = str(done.args.get("dest", ""))
    inside = posixpath.join(dest, posixpath.basename(source)) if source else dest
    return _key(inside if dest.endswith("/") or done.result.get("dest") == inside else dest)


def _set(done: Done) -> Optional[Change]:
    args = done.args
    place = _key(str(args.get("path") or args.get("dest") or args.get("name") or ""))
    state = args.get("state")
    if state == "absent":
        return Change(place, "content", ABSENT, {})
    asked = dict(_asked(args))
    if state in ("directory", "link"):
        asked["type"] = state
    if state == "link":
        asked["target"] = _text(str(args.get("src", "")))
        asked.pop("mode", None)
    return Change(place, "content" if state == "link" else "attributes", asked, _told(done.result))


def _loaded(done: Done) -> Optional[Change]:
    """A download, of which the playbook itself says what it must be."""
    asked: Dict[str, Any] = {"type": "file", **_asked(done.args)}
    named = _SHA256.fullmatch(str(done.args.get("checksum", "")))
    size = done.result.get("size")
    if named is not None and type(size) is int:
        # No other content of any size has this digest.
        asked.update(sha256=named[1], size=size)
    return Change(_landed(done, str(done.args.get("url", ""))), "content", asked, _told(done.result))


def _edited(done: Done) -> Optional[Change]:
    place = done.args.get("path") or done.args.get("dest")
    return Change(_key(place), "edit", _asked(done.args), _told(done.result)) if isinstance(place, str) else None


def _key(path: str) -> str:
    return _text(posixpath.normpath(path).replace("//", "/")) if path else ""


def _text(path: str) -> str:
    return escape(os.fsencode(path))


def _asked(args: Mapping[str, Any]) -> Fields:
    """Mode and owners, where the task names them in numbers; ``root`` has the same one everywhere."""
    found: Dict[str, Any] = {}
    mode = args.get("mode")
    if type(mode) is int:
        found["mode"] = format(mode, "04o")
    elif isinstance(mode, str) and _OCTAL.fullmatch(mode):
        found["mode"] = format(int(mode, 8), "04o")
    for name, field in (("owner", "uid"), ("group", "gid")):
        owner = str(args.get(name, ""))
        if owner == "root" or _NUMBER.fullmatch(owner):
            found[field] = 0 if owner == "root" else int(owner)
    return found


def _told(result: Mapping[str, Any]) -> Fields:
    mode = result.get("mode")
    found: Dict[str, Any] = {name: result[name] for name in ("uid", "gid") if type(result.get(name)) is int}
    if isinstance(mode, str) and _OCTAL.fullmatch(mode):
        found["mode"] = format(int(mode, 8), "04o")
    return found


_READERS: Mapping[str, Callable[[Done], Optional[Change]]] = {
    "copy": _copied,
    "template": _rendered,
    "file": _set,
    "get_url": _loaded,
}
