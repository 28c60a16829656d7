# SPDX-License-Identifier: GPL-3.0-or-later
"""What the package manager says of this host: who owns a path, what each package brought, who vouches for it.

Read straight from the databases of dpkg and rpm, without a child process; every line of them is hostile input.
"""

from .owners import owner_of

__all__ = ["owner_of"]
