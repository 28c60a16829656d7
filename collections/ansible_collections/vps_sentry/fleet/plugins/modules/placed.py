# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put several directories and files in their places at once, where a task for each would cost a process for each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: placed
short_description: Put directories and files in their places, all at once
version_added: 0.1.0
description:
  - Makes directories and files be there with exactly this owner, mode and content. One process on the host does it for
    all of them, where M(ansible.builtin.file) and M(ansible.builtin.copy) take one or two for each.
  - A file is written beside its place and moved there, so that nobody ever sees half of it.
options:
  directories:
    description: Directories, made with those above them that are missing, before any file.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      mode:
        description: Permissions, in octal digits.
        type: str
        default: "0755"
      group:
        description: Whose group.
        type: str
        default: root
  files:
    description: Files, all of them of root.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      content:
        description: The whole content, as text.
        type: str
        required: true
      mode:
        description: Permissions, in octal digits.
        type: str
        default: "0644"
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  check_mode:
    description: Says what it would do and changes nothing.
    support: full
  diff_mode:
    description: Shows content, owner and mode before and after.
    support: full
"""

EXAMPLES = r"""
- name: Install a command
  vps_sentry.fleet.placed:
    directories:
      - path: /usr/local/bin
    files:
      - path: /usr/local/bin/tool
        content: "{{ lookup('ansible.builtin.file', 'tool', rstrip=false) }}"
        mode: "0755"
"""

RETURN = r"""
placed:
  description: The paths of what was, or in check mode would be, made or changed.
  type: list
  elements: str
  returned: success
"""

import os
import stat
import tempfile
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

_DIRECTORY = {
    "path": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0755"},
    "group": {"type": "str", "default": "root"},
}
_FILE = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0644"},
}


class Places:
    """What has been put in place so far, and how it differs from what was there."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.placed: List[str] = []
        self.differences: List[Dict[str, Any]] = []

    def directory(self, path: str, *, mode: str, group: str) -> None:
        """Make a directory, and those above it that are missing, be there."""
        missing = []
        while not os.path.isdir(path):
            if os.path.lexists(path):
                self._module.fail_json(msg=f"{path} is in the way of a directory; move it away and run this again")
            missing.append(path)
            path = os.path.dirname(path)
        if not missing:
            self._attributes(os.path.realpath(path), mode=mode, group=group)
        for path in reversed(missing):
            self._note(path, {"state": "absent"}, {"state": "directory"})
            if not self._module.check_mode:
                os.mkdir(path, 0o700)
                self._attributes(path, mode=mode, group=group)

    def file(self, path: str, *, content: str, mode: str) -> None:
        """Make a file hold ``content``."""
        before, after = self._content(path), content.encode("utf-8", "surrogateescape")
        if before != after:
            texts = ["" if raw is None else raw.decode("utf-8", "backslashreplace") for raw in (before, after)]
            self._note(path, *texts)
            if not self._module.check_mode:
                self._write(path, after)
        if before is not None or not self._module.check_mode:
            self._attributes(path, mode=mode, group="root")

    def _content(self, path: str) -> Optional[bytes]:
        try:
            kind = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(kind):
            self._module.fail_json(msg=f"{path} is a directory; move it away and run this again")
        if not stat.S_ISREG(kind):
            return None
        with open(path, "rb") as handle:
            return handle.read()

    def _write(self, path: str, content: bytes) -> None:
        descriptor, beside = tempfile.mkstemp(dir=self._module.tmpdir)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        # It keeps what is at ``path`` from being followed, and moves within the file system of ``path``.
        if os.path.islink(path):
            os.unlink(path)
        self._module.atomic_move(beside, path)

    def _attributes(self, path: str, *, mode: str, group: str) -> None:
        wanted = self._module.load_file_common_arguments(
            {"path": path, "mode": mode, "owner": "root", "group": group}, path=path
        )
        difference: Dict[str, Any] = {}
        if self._module.set_fs_attributes_if_different(wanted, False, diff=difference):
            self._note(path, difference.get("before", {}), difference.get("after", {}))

    def _note(self, path: str, before: object, after: object) -> None:
        if path not in self.placed:
            self.placed.append(path)
        self.differences.append({"before_header": path, "after_header": path, "before": before, "after": after})


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directories": {"type": "list", "elements": "dict", "options": _DIRECTORY, "default": []},
            "files": {"type": "list", "elements": "dict", "options": _FILE, "default": []},
        },
        supports_check_mode=True,
    )
    places = Places(module)
    try:
        for one in module.params["directories"]:
            places.directory(one["path"], mode=one["mode"], group=one["group"])
        for one in module.params["files"]:
            places.file(one["path"], content=one["content"], mode=one["mode"])
    except OSError as exc:
        module.fail_json(msg=f"cannot put everything in place: {exc}", placed=places.placed)
    module.exit_json(changed=bool(places.placed), placed=places.placed, diff=places.differences)


if __name__ == "__main__":
    main()
