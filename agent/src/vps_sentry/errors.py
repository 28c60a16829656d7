# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's errors. Each message names the place and says what to do next."""


class SentryError(Exception):
    """Base of all errors the agent raises on purpose."""


class ConfigError(SentryError):
    """The configuration cannot be used."""


class CollectError(SentryError):
    """A check could not do its work."""


class StoreError(SentryError):
    """The state directory or a file in it cannot be used."""


class BusyError(StoreError):
    """Another run holds the state directory."""


class ShipError(SentryError):
    """A message could not be delivered; ``reason`` is one of the fixed words of docs/contracts.md section 8."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MovedError(SentryError):
    """What was reviewed is no longer what is there."""
