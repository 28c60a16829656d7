# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's own settings: what its configuration says, and whom it lets in by which method."""
