# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in right now, as logind, the processes and utmp show it: the second witness beside sshd's log."""
