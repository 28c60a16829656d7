# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH signatures on the controller: made by a reviewer's key or agent, judged with validity dates and revocation."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from ..core.clock import epoch
from ..core.order import NAMESPACE
from .planfile import PlanError, PlanFile, manifest

_ARMOUR = re.compile(r"-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]{1,8000}?-----END SSH SIGNATURE-----", re.ASCII)
_MOST = 8
_SECONDS = 120
"""A security key waits for a touch."""


@dataclass(frozen=True)
class Signers:
    """Whose signatures count: an allowed_signers file and, optional, a revocation list (ssh-keygen(1))."""

    allowed: Path
    revoked: Optional[Path] = None


def signature_file(path: Path) -> Path:
    """Where the signatures of the plan in ``path`` lie."""
    return path.with_name(f"{path.name}.sig")


def sign(plan: PlanFile, key: Path) -> str:
    """The armoured signature of the plan by ``key``, a private key or the public half of one in the agent."""
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE]
    code, out, told = _run(argv, manifest(plan).signed_bytes())
    if code != 0:
        raise PlanError(f"ssh-keygen did not sign with {key}: {told or f'it ended with {code}'}")
    return out


def add(path: Path, signature: str) -> Path:
    """Keep one more signature beside the plan."""
    target = signature_file(path)
    known = read(path) or ""
    with target.open("w", encoding="ascii") as handle:
        handle.write(known + signature)
    target.chmod(0o600)
    return target


def read(path: Path) -> Optional[str]:
    """The signatures beside the plan in ``path``, None without any. Raises PlanError."""
    target = signature_file(path)
    try:
        return target.read_text("ascii")[: 64 * 1024]
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as exc:
        raise PlanError(f"cannot read {target}: {exc}") from exc


def signers_of(plan: PlanFile, text: str, *, signers: Signers, at: str) -> Tuple[str, ...]:
    """The principals of the good signatures in ``text``, sorted, each once.

    ``at`` is the controller's time of receipt: validity dates are judged by it, never by what a plan or a host says.
    """
    return principals(manifest(plan).signed_bytes(), text, signers=signers, at=at)


def principals(message: bytes, text: str, *, signers: Signers, at: str) -> Tuple[str, ...]:
    """Who signed ``message``, the canonical JSON of a manifest; see ``signers_of``."""
    found = set()
    with tempfile.TemporaryDirectory(prefix="vps-sentry-") as folder:
        for number, armoured in enumerate(_ARMOUR.findall(text)[:_MOST]):
            signature = Path(folder, f"{number}.sig")
            signature.write_text(f"{armoured}\n", "ascii")
            found |= set(_good(signature, message, signers=signers, at=at))
    return tuple(sorted(found))


def _good(signature: Path, message: bytes, *, signers: Signers, at: str) -> List[str]:
    if not signers.allowed.is_file():
        raise PlanError(f"{signers.allowed}: there is no such signers file")
    moment = at.replace("-", "").replace(":", "").replace("T", "")
    epoch(at)
    options = ["-O", f"verify-time={moment}", "-f", str(signers.allowed), "-s", str(signature)]
    code, out, _told = _run(["ssh-keygen", "-Y", "find-principals", *options], b"")
    revoked = ["-r", str(signers.revoked)] if signers.revoked else []
    good = []
    for principal in out.splitlines() if code == 0 else ():
        argv = ["ssh-keygen", "-Y", "verify", "-I", principal, "-n", NAMESPACE, *revoked, *options]
        if _run(argv, message)[0] == 0:
            good.append(principal)
    return good


def _run(argv: List[str], given: bytes) -> Tuple[int, str, str]:
    try:
        done = subprocess.run(argv, input=given, capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as exc:
        raise PlanError("ssh-keygen is not installed here; install the OpenSSH client") from exc
    except subprocess.TimeoutExpired as exc:
        raise PlanError(f"ssh-keygen took longer than {_SECONDS} s") from exc
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace").strip()
