# SPDX-License-Identifier: GPL-3.0-or-later
"""What the alert codes about packages stand for."""

from __future__ import annotations

from ..core.model import Code

CODES = {
    "package_added": Code(
        about="A package was installed that the baseline does not know. Its files are named with it and explained by "
        "nothing: whoever has root can install anything.",
        technique="T1072",
        action="Ask who installed it: /var/log/apt/history.log, /var/log/dpkg.log. Accept it, or remove it: apt purge.",
    ),
    "package_removed": Code(
        about="A package is gone. What guards a host can be removed like anything else.",
        technique="T1562.001",
        action="Ask who removed it: /var/log/apt/history.log. Install it again, or accept that it is gone.",
    ),
    "package_upgraded": Code(
        about="A package is a later version than accepted. From a signed archive it explains its files, is told here "
        "as info and not shipped; otherwise the detail says why nobody vouches for it.",
        technique="T1195.002",
        action="Nothing, where it is explained. Else run apt-get update, so that there are lists to compare with; if "
        "no archive has this version, somebody built it.",
    ),
    "package_unsigned": Code(
        about="An accepted package was replaced by a version that no signed list of an archive has, though the lists "
        "are there: built and installed by hand, whatever its name says.",
        technique="T1554",
        action="Ask who did it. If nobody: keep the package's files, install the archive's version again "
        "(apt-get install --reinstall) and look at what else changed.",
    ),
    "package_downgraded": Code(
        about="An accepted package was replaced by an earlier version, with the holes that were closed since.",
        technique="T1195.002",
        action="Ask who did it; upgrade it again (apt-get upgrade), or accept it.",
    ),
    "package_unfinished": Code(
        about="A package is in a state between installed and removed: an installation broke off, or runs for long.",
        technique="",
        action="See dpkg --audit; go on with dpkg --configure -a.",
    ),
    "package_held": Code(
        about="A package is held back, so that it gets no security upgrades any more.",
        technique="T1562.001",
        action="If nobody wanted that: apt-mark unhold NAME.",
    ),
    "package_lists_edited": Code(
        about="The package manager's own list of a package's files, or of their digests, changed although the version "
        "did not. That is how a replaced program is made to look genuine.",
        technique="T1565.001",
        action="Compare with the same list on another host, or download the package and look at it. Install the "
        "package again once you know what was replaced.",
    ),
    "package_script_changed": Code(
        about="A script that root runs when a package is configured, upgraded or removed is not the one it brought.",
        technique="T1546.016",
        action="Look at it below /var/lib/dpkg/info; install the package again, and see who changed it.",
    ),
    "package_file_differs": Code(
        about="A file that a package brought has another content than the package's own list says, and it is no "
        "configuration.",
        technique="T1554",
        action="Keep a copy, then install the package again (apt-get install --reinstall NAME) and look at what else "
        "changed at that time. Accept it if you changed it on purpose; better is a diversion or an override.",
    ),
    "package_file_missing": Code(
        about="A file that a package brought is not there, though dpkg was not told to leave it out.",
        technique="T1070.004",
        action="Install the package again, or accept it: images are often trimmed by hand.",
    ),
    "package_file_restored": Code(
        about="A file that was accepted as differing from its package is as the package brought it again.",
        technique="",
        action="Nothing; an upgrade or a repair did it. Accept it to tidy up.",
    ),
    "package_diversion": Code(
        about="dpkg was told to put a package's file elsewhere. Whoever diverts a program can put another in its "
        "place, and upgrades leave it alone.",
        technique="T1554",
        action="See dpkg-divert --list. If nobody made it: remove the diversion, and look at what lies in the place.",
    ),
    "package_override": Code(
        about="dpkg was told to give a file another owner or mode than its package says, upgrades included.",
        technique="T1222.002",
        action="See dpkg-statoverride --list; remove what nobody made.",
    ),
    "package_keyring": Code(
        about="A keyring by which apt believes archives appeared, changed or is gone. Lists signed by keys that are "
        "not accepted vouch for nothing here.",
        technique="T1553.004",
        action="Ask whose key it is (gpg --show-keys FILE). An upgrade of the distribution's keyring brings some.",
    ),
    "package_sweep_overdue": Code(
        about="The look at what packages brought takes longer than it should: files may differ for longer unseen.",
        technique="",
        action="See what keeps the host busy; vps-sentry --full looks at all of them at once.",
        event=True,
        lasts=True,
    ),
    "package_manager_busy": Code(
        about="dpkg or rpm has been at work for long. What it changes is judged when it is done, but not for ever: "
        "after half an hour everything is judged as it is.",
        technique="T1562.001",
        action="See who holds /var/lib/dpkg/lock-frontend: fuser -v, ps. An unattended upgrade may wait for a person.",
        event=True,
        lasts=True,
    ),
}
