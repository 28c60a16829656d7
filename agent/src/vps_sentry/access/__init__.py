# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come in and become root: accounts, their passwords and shells, keys, sshd's settings, sudo's rules."""
