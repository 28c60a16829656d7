# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what always happens may happen before the full look must hear of it: the limits of ``tick/sshd``.

A line may wait for the next look when that look could only prolong what stands already. So whatever stands needs no
limit, and whatever does not may come one short of its threshold, counted from what the memory holds.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from .bursts import KEY_ONLY_THRESHOLD
from .options import Options

LONGEST_WAIT = 3_600
"""Lines wait no longer than this, so that a journal that is short does not lose them."""
UNLIMITED = 1 << 30
_ENDING = ("ssh_failure_burst burst", "ssh_invalid_user_burst invalid users", "ssh_key_only_burst connections")
_PENALTY = "ssh_penalty penalty"
Limits = Tuple[int, int, int, bool, int, Tuple[Tuple[str, int], ...], Tuple[str, ...]]


def deadline(memory: Mapping[str, Any]) -> int:
    """Until when lines may wait, in seconds since the epoch: what goes on must be prolonged before it ends."""
    ends = [memory["standing"][name]["until"] for name in (*_ENDING, _PENALTY) if name in memory["standing"]]
    return int(min([memory["position"]["checked"] + LONGEST_WAIT, *ends]))


def limits(memory: Mapping[str, Any], options: Options) -> Limits:
    """See ``tick.sshd.calm``."""
    thresholds = (options.failed_threshold, options.invalid_user_threshold, KEY_ONLY_THRESHOLD)
    failed, invalid, left = (
        UNLIMITED if name in memory["standing"] else max(threshold - _held(memory["windows"].get(kind, [])) - 1, 0)
        for name, kind, threshold in zip(_ENDING, ("failed", "invalid", "left"), thresholds)
    )
    each, own = _by_network(memory, options.failed_threshold)
    return failed, invalid, left, _PENALTY in memory["standing"], each, own, tuple(memory["targets"])


def _held(window: Any) -> int:
    return sum(count for _, count in window)


def _by_network(memory: Mapping[str, Any], threshold: int) -> Tuple[int, Tuple[Tuple[str, int], ...]]:
    """A burst that stands becomes worse when one network alone reaches the threshold against existing accounts."""
    if memory["standing"].get(_ENDING[0], {}).get("severity", "info") != "info":
        return UNLIMITED, ()
    half = threshold // 2
    own: Dict[str, int] = {}
    for name, entry in memory["networks"].items():
        held = _held(entry["window"])
        if held > half:
            # As tick/sshd calls it: three octets, or all of IPv6 together.
            network = ":" if ":" in name else name.rpartition(".")[0]
            own[network] = min(own.get(network, threshold), max(threshold - held - 1, 0))
    return max(threshold - half - 1, 0), tuple(sorted(own.items()))
