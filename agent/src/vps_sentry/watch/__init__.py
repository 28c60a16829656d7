# SPDX-License-Identifier: GPL-3.0-or-later
"""How files are watched: what is watched by default, what a file's item says, how content is read and remembered."""
