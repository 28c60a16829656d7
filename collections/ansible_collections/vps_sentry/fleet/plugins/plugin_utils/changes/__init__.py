# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays of Ansible changed on the hosts, written down while they ran."""
