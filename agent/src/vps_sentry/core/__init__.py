# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure words and functions shared by agent and controller: no I/O, no clock, standard library only."""
