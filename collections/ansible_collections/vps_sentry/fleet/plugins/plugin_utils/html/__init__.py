# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file that loads nothing, runs nothing and links nowhere."""
