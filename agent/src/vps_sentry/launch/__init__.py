# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts by itself: units of systemd and whatever else makes it run a program, cron and at jobs."""
