# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the system journal can hold what was logged after a cursor: most hosts keep dozens, one is enough.

Mapping them all costs a quiet tick a third of its time and more memory than everything else together.
"""

from posix import listdir

FOLDERS = ("/var/log/journal", "/run/log/journal")
_ACTIVE = "system.journal"


def files_after(cursor: str, machine_id: str, *, folders: "tuple[str, ...]" = FOLDERS) -> "list[str]":
    """Paths of every file an entry after ``cursor`` can lie in; none where that cannot be told.

    Only exact once the entry of the cursor itself was found in one of them: sequence numbers rise within one
    sequence id, whatever the clock does. Raises OSError when a folder cannot be listed.
    """
    fields = dict(part.partition("=")[::2] for part in cursor.split(";"))
    if not {"s", "i"} <= set(fields) or not machine_id:
        return []
    found = []
    for folder in folders:
        place = folder + "/" + machine_id
        try:
            names = listdir(place)
        except FileNotFoundError:
            continue
        found += [place + "/" + name for name in choose(names, fields["s"], position=int(fields["i"], 16))]
    return found


def choose(names: "list[str]", sequence: str, *, position: int) -> "list[str]":
    """Those of the system journal's ``names`` that can hold entries from ``position`` of ``sequence`` on.

    An archive is called ``system@SEQUENCE-FIRST-TIME.journal``, FIRST being the number of its first entry in hex
    (journal_file_archive of libsystemd). One that was not closed properly has another name, and always counts.
    """
    chosen = []
    ended: list[tuple[int, str]] = []
    for name in names:
        if name == _ACTIVE:
            chosen.append(name)
        elif name.startswith("system@") and name.endswith((".journal", ".journal~")):
            words = name[len("system@") :].partition(".")[0].split("-")
            if len(words) == 3 and words[0] == sequence:
                ended.append((int(words[1], 16), name))
            else:
                chosen.append(name)
    ended.sort()
    # The last archive that begins at or before the cursor may go beyond it; those before that one ended earlier.
    first = max((index for index, (number, _) in enumerate(ended) if number <= position), default=0)
    return chosen + [name for _, name in ended[first:]]
