# SPDX-License-Identifier: GPL-3.0-or-later
"""``reset``: make a host fit to be copied, so that no copy takes another host's state for its own."""

from __future__ import annotations

import argparse

from ..errors import ConfigError
from ..report import EXIT_OK
from ..store import Store
from .output import print_lines


def reset(options: argparse.Namespace) -> int:
    """Forget all that was learnt and accepted here. Raises ConfigError unless that is asked for in so many words."""
    store = Store(options.state_dir)
    if not options.for_image:
        raise ConfigError(
            "reset forgets the baseline, its history and all alerts of this host, and nothing brings them back; "
            "before an image is made of it, run: vps-sentry reset --for-image"
        )
    if not store.path.is_dir():
        print_lines([f"{store.path} does not exist: there is nothing to forget"])
        return EXIT_OK
    with store.lock():
        gone = store.clear()
    print_lines(
        [
            f"forgot {len(gone)} files below {store.path}; configuration, secrets and the installation stay",
            "next: systemctl disable --now vps-sentry.timer if the image is not made at once, empty /etc/machine-id,",
            "      remove /etc/ssh/ssh_host_*, shut down and make the image; each copy then begins without a baseline",
        ]
    )
    return EXIT_OK
