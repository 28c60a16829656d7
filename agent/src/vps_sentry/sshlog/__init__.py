# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's words: where its log lines come from, what they say, and what follows from them."""
