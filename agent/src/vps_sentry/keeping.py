# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state directory keeps, and for how long: caps by number and by size, so that it never grows for ever."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple

from .errors import StoreError
from .store import Store

PLAN_LIFETIME = 24 * 3600
HISTORY_FILES, HISTORY_BYTES = 2000, 128 * 1024 * 1024
OUTBOX_FILES, OUTBOX_BYTES = 1000, 64 * 1024 * 1024
ALWAYS_KEPT = 40
"""The newest files of the history: twenty acceptances, each with its baseline, whatever their size."""
DROPPED = "outbox.dropped"


class _File(NamedTuple):
    name: str
    size: int
    written: float


def tidy(store: Store, *, now: int) -> None:
    """Remove what is too old or too much.

    A plan lives for a day. Of the history the oldest go first, the newest never. Of the outbox acceptances and
    criticals never go, of the rest the least severe and oldest.
    """
    for file in _files(store, "plans"):
        if file.written < now - PLAN_LIFETIME:
            store.remove(f"plans/{file.name}")
    oldest_first = sorted(_files(store, "history"), key=lambda file: file.written)
    for file in _surplus(oldest_first[:-ALWAYS_KEPT], oldest_first, count=HISTORY_FILES, size=HISTORY_BYTES):
        store.remove(f"history/{file.name}")
    _tidy_outbox(store)


def _tidy_outbox(store: Store) -> None:
    waiting = list(_files(store, "outbox"))
    # Their names begin with their rank, 0 acceptances, 1 criticals, then the rest, and go on with the time.
    ordinary = [file for file in waiting if file.name[:1] not in ("0", "1")]
    ordinary.sort(key=lambda file: (-ord(file.name[0]), file.name))
    surplus = _surplus(ordinary, waiting, count=OUTBOX_FILES, size=OUTBOX_BYTES)
    for file in surplus:
        store.remove(f"outbox/{file.name}")
    before = dropped(store)
    total = (before if waiting else 0) + len(surplus)
    if total != before:
        store.write(DROPPED, b"%d" % total)


def dropped(store: Store) -> int:
    """How many messages were dropped unsent since the outbox was last empty."""
    text = store.glance(DROPPED) or b"0"
    return int(text) if text.isdigit() and len(text) < 10 else 0


def _surplus(candidates: List[_File], everything: List[_File], *, count: int, size: int) -> List[_File]:
    """So many of the first candidates that what is left of everything keeps both caps."""
    number, total = len(everything), sum(file.size for file in everything)
    found = []
    for file in candidates:
        if number <= count and total <= size:
            break
        found.append(file)
        number, total = number - 1, total - file.size
    return found


def _files(store: Store, folder: str) -> Iterator[_File]:
    for name in store.names(folder):
        try:
            facts = (store.path / folder / name).lstat()
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise StoreError(f"cannot look at {store.path / folder / name}: {exc.strerror}") from exc
        yield _File(name, facts.st_size, facts.st_mtime)
