# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says about processes and addresses, for the checks that look at the running system."""
