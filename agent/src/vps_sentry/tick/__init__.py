# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet path: did anything move? Imports next to nothing; knows no JSON, no types, no check.

A stamp is ``(kind, arguments)``; ``take`` turns it into bytes that differ whenever the full check could
see something else. Each kind is one module of this folder with one function ``take(*arguments) -> bytes``.
"""

UNMOVED, MOVED, NOTED = b"", b"moved", b"noted:"
"""Answers of a kind that compares by itself. Behind NOTED stand notes of what only counts if it is still there at the
next tick, ``NOTE`` bytes each; the heartbeat keeps them."""
NOTE = 4


def take(kind: str, arguments: "tuple[object, ...]") -> bytes:
    """The present value of one stamp. Whatever it raises means: not quiet."""
    # __import__ because importlib alone would cost more than most stamps do.
    module = __import__("vps_sentry.tick." + kind, None, None, ("take",))
    return bytes(module.take(*arguments))
