# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of packages on a machine of the laboratory: built there by dpkg-deb, signed here by a real key."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Dict, List

from .machine import Machine

ROOT = "/srv/archive"
LIST = "dists/stable/main/binary-amd64/Packages"
SOURCE = f"deb [arch=amd64 signed-by=/usr/share/keyrings/lab.gpg] copy:{ROOT} stable main\n"
# Builds the packages described on standard input and prints what an archive says of each.
BUILD = """
import hashlib, json, os, subprocess, sys, tempfile
for package in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as tree:
        os.chmod(tree, 0o755)
        os.makedirs(f"{tree}/DEBIAN")
        sums = ""
        for path, content in package["files"].items():
            os.makedirs(os.path.dirname(tree + path), exist_ok=True)
            with open(tree + path, "w") as handle:
                handle.write(content)
            os.chmod(tree + path, 0o755 if "/bin/" in path else 0o644)
            if path not in package["conffiles"]:
                sums += hashlib.md5(content.encode()).hexdigest() + "  " + path[1:] + "\\n"
        files = {"control": package["control"], "md5sums": sums}
        files["conffiles"] = "".join(path + "\\n" for path in package["conffiles"])
        for name, text in files.items():
            if text:
                with open(f"{tree}/DEBIAN/{name}", "w") as handle:
                    handle.write(text)
        os.makedirs(os.path.dirname(package["place"]), exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, package["place"]], check=True, stdout=2)
    with open(package["place"], "rb") as handle:
        data = handle.read()
    print(package["control"].rstrip("\\n"))
    print(f"Filename: {package['name']}\\nSize: {len(data)}\\nSHA256: {hashlib.sha256(data).hexdigest()}\\n")
"""


class Archive:
    """What apt on ``machine`` finds; ``home`` keeps the key."""

    def __init__(self, machine: Machine, home: Path) -> None:
        self.machine = machine
        self._home = home
        self._entries: List[str] = []
        home.chmod(0o700)
        self._gpg("--quick-generate-key", "lab <lab@example.org>", "ed25519", "sign", "never")
        key = self._gpg("--export", "lab@example.org")
        machine.write("/root/key.hex", key.hex())
        unpack = "import sys; open(sys.argv[1], 'wb').write(bytes.fromhex(open('/root/key.hex').read()))"
        machine.run(["python3", "-c", unpack, "/usr/share/keyrings/lab.gpg"])
        machine.run(["sh", "-c", "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*"])
        machine.write("/etc/apt/sources.list", SOURCE)

    def _gpg(self, *words: str, given: bytes = b"") -> bytes:
        argv = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", "--passphrase", "", *words]
        return subprocess.run(argv, input=given, capture_output=True, check=True).stdout

    def build(self, name: str, version: str, files: Dict[str, str], *, place: str = "") -> str:
        """A package; it is part of the archive unless it is built at another ``place``. Where it lies."""
        import json

        control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Lab <lab@example.org>\n"
        control += "Description: a package of the laboratory\n"
        file = f"pool/{name}_{version}_amd64.deb"
        conffiles = [path for path in files if path.startswith("/etc/")]
        order = {"name": file, "place": place or f"{ROOT}/{file}", "control": control, "files": files}
        said = self.machine.run(["python3", "-c", BUILD], stdin=json.dumps([{**order, "conffiles": conffiles}])).stdout
        if not place:
            self._entries.append(said)
        return place or f"{ROOT}/{file}"

    def publish(self) -> None:
        """Lists and signature as the archive is now, and ``apt-get update``."""
        text = "".join(self._entries)
        self.machine.write(f"{ROOT}/{LIST}", text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        release = "Origin: lab\nSuite: stable\nCodename: stable\nArchitectures: amd64\nComponents: main\n"
        release += "Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
        release += f" {digest} {len(text.encode())} {LIST.partition('stable/')[2]}\n"
        signed = self._gpg("--clearsign", given=release.encode()).decode()
        self.machine.write(f"{ROOT}/dists/stable/InRelease", signed)
        self.machine.run(["apt-get", "-q", "update"])

    def upgrade(self, *names: str) -> None:
        """As unattended upgrades do it."""
        self.machine.run(["apt-get", "-qy", "install", "--only-upgrade", *names])
