# SPDX-License-Identifier: GPL-3.0-or-later
"""vps-sentry: a lean host monitor."""

__version__ = "0.1.0"
