# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance over a fleet: draft a plan, review it, sign it, apply it, know what came of it (docs/contracts.md 11)."""
