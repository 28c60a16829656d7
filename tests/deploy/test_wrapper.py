# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrappers, executed at their real places: which runtime starts, what is refused, and what it costs."""

from __future__ import annotations

import shutil

import pytest
from support.sandbox import sandbox

MISSING = "vps-sentry: runtime binary not found or not executable\n"
FILE = "/etc/default/vps-sentry"
ENV = "VPS_SENTRY_RUNTIME from the environment refused: "
UNPRIVILEGED = "setpriv --reuid 65534 --regid 65534 --clear-groups "

ORDER = [
    pytest.param("", "/usr/local/bin/vps-sentry run --full", "release run --full", id="nothing set: the release"),
    pytest.param(
        "echo VPS_SENTRY_RUNTIME=/opt/other >/etc/default/vps-sentry",
        "/usr/local/bin/vps-sentry",
        "override ",
        id="the file before the release",
    ),
    pytest.param(
        "echo VPS_SENTRY_RUNTIME=/nowhere >/etc/default/vps-sentry",
        "env VPS_SENTRY_RUNTIME=/opt/other /usr/local/bin/vps-sentry",
        "override ",
        id="the environment before the file",
    ),
    pytest.param(
        "echo VPS_SENTRY_RUNTIME=/opt/other >/etc/default/vps-sentry",
        "env VPS_SENTRY_RUNTIME= /usr/local/bin/vps-sentry",
        "override ",
        id="empty in the environment is not set",
    ),
    pytest.param(
        "echo VPS_SENTRY_RUNTIME= >/etc/default/vps-sentry",
        "/usr/local/bin/vps-sentry",
        "release ",
        id="empty in the file is not set",
    ),
    pytest.param("", "/usr/local/bin/vps-sentry-ship -x", "release ship -x", id="ship is a word of the same runtime"),
    pytest.param(
        "ln -s other /opt/link",
        "env VPS_SENTRY_RUNTIME=/opt/./link /usr/local/bin/vps-sentry 'a  b' ''",
        "override a  b ",
        id="a link among root's own files; arguments stay whole",
    ),
    pytest.param(
        "mkdir /opt/theirs; cp /opt/other /opt/theirs/x; chown -R 65534 /opt/theirs",
        f"env VPS_SENTRY_RUNTIME=/opt/theirs/x {UNPRIVILEGED} /usr/local/bin/vps-sentry",
        "override ",
        id="only root is protected from its own choice",
    ),
]


@pytest.mark.parametrize(("prepare", "command", "expected"), ORDER)
def test_which_runtime_starts(prepare: str, command: str, *, expected: str) -> None:
    done = sandbox(f"{prepare}\n{command}")

    assert (done.returncode, done.stdout, done.stderr) == (0, expected + "\n", "")


SETTINGS = [
    pytest.param(r"VPS_SENTRY_RUNTIME=/opt/other\n", id="plain"),
    pytest.param(r"VPS_SENTRY_RUNTIME=/opt/other", id="no newline at the end"),
    pytest.param(r'VPS_SENTRY_RUNTIME="/opt/other"\n', id="double quotes"),
    pytest.param(r"VPS_SENTRY_RUNTIME='/opt/other'\n", id="single quotes"),
    pytest.param(r"# why\n\n  # more\nVPS_SENTRY_RUNTIME=/opt/other  \n", id="comments and blanks around"),
    pytest.param(r"OTHER='x; y'\nVPS_SENTRY_RUNTIME=/opt/other\n", id="a name we do not know"),
    pytest.param(r"VPS_SENTRY_RUNTIME=/nowhere\nVPS_SENTRY_RUNTIME=/opt/other\n", id="the last line counts"),
]


def place(text: str) -> str:
    """A script that writes ``text``, with escapes of printf, to the settings file."""
    return "printf %b '" + text.replace("'", "'\\''") + f"' >{FILE}\n"


@pytest.mark.parametrize("text", SETTINGS)
def test_settings_are_parsed(text: str) -> None:
    done = sandbox(place(text) + "/usr/local/bin/vps-sentry")

    assert (done.returncode, done.stdout, done.stderr) == (0, "override \n", "")


BAD_SETTINGS = [
    pytest.param(r"VPS_SENTRY_RUNTIME\n", "line 1 is not KEY=VALUE", id="no ="),
    pytest.param(r"\nexport VPS_SENTRY_RUNTIME=/opt/other\n", "line 2 has no valid name before the =", id="export"),
    pytest.param(r"touch /opt/owned; A=b\n", "line 1 has no valid name before the =", id="a command"),
    pytest.param(r"A =b\n", "line 1 has no valid name before the =", id="a blank before the ="),
    pytest.param(r"=b\n", "line 1 has no valid name before the =", id="no name"),
    pytest.param(r"A=$(touch /opt/owned)\n", "line 1 needs quotes around its value", id="command substitution"),
    pytest.param(r'A="$(touch /opt/owned)"\n', 'line 1 has ", $, ` or \\ inside its value', id="the same in quotes"),
    pytest.param(r"A=`touch /opt/owned`\n", "line 1 needs quotes around its value", id="backquotes"),
    pytest.param(r"A=b;touch /opt/owned\n", "line 1 needs quotes around its value", id="a second command"),
    pytest.param(r"A=b c\n", "line 1 needs quotes around its value", id="two words"),
    pytest.param(r"A='b\n", "line 1 needs quotes around its value", id="quote not closed"),
    pytest.param(r"A='\n", "line 1 needs quotes around its value", id="one quote"),
    pytest.param(r"A='b'c'd'\n", "line 1 has a quote inside its value", id="quotes glued together"),
    pytest.param(r"A=b\r\n", "line 1 needs quotes around its value", id="line ends of another system"),
]


@pytest.mark.parametrize(("text", "words"), BAD_SETTINGS)
def test_settings_are_never_evaluated(text: str, words: str) -> None:
    done = sandbox(place(text) + "set +e; /usr/local/bin/vps-sentry; echo $?; ls /opt")

    assert done.stdout == "127\nother\nvps-sentry\n"
    assert done.stderr == f"vps-sentry: {FILE} refused: {words}\n"


GOOD = "echo VPS_SENTRY_RUNTIME=/opt/other >/etc/default/vps-sentry; "
BAD_FILES = [
    pytest.param(GOOD + f"mv {FILE} /opt/x; ln -s /opt/x {FILE}", "it is a symbolic link", id="link to a good file"),
    pytest.param(f"ln -s /nowhere {FILE}", "it is a symbolic link", id="dangling link"),
    pytest.param(f"mkdir {FILE}", "it is not a regular file", id="directory"),
    pytest.param(f"mkfifo {FILE}", "it is not a regular file", id="a fifo would wait for ever"),
    pytest.param(GOOD + f"chown 65534 {FILE}", "it is not owned by root:root", id="other owner"),
    pytest.param(GOOD + f"chgrp 65534 {FILE}", "it is not owned by root:root", id="other group"),
    pytest.param(GOOD + f"chmod 664 {FILE}", "it is writable by group or others (mode 664)", id="group writes"),
    pytest.param(GOOD + f"chmod 646 {FILE}", "it is writable by group or others (mode 646)", id="others write"),
    pytest.param(
        GOOD + "chmod 777 /etc/default",
        "/etc/default is writable by group or others (mode 777)",
        id="others may put another file there",
    ),
]


@pytest.mark.parametrize(("prepare", "words"), BAD_FILES)
@pytest.mark.parametrize("wrapper", ["vps-sentry", "vps-sentry-ship"])
def test_a_settings_file_others_could_have_written_is_refused(prepare: str, *, words: str, wrapper: str) -> None:
    done = sandbox(f"{prepare}\nset +e; /usr/local/bin/{wrapper}")

    assert (done.returncode, done.stdout, done.stderr) == (127, "", f"vps-sentry: {FILE} refused: {words}\n")


def test_a_bad_settings_file_is_refused_for_everybody() -> None:
    done = sandbox(f"{GOOD} chmod 666 {FILE}; set +e; {UNPRIVILEGED} /usr/local/bin/vps-sentry")

    assert done.returncode == 127
    assert "mode 666" in done.stderr


BAD_RUNTIMES = [
    pytest.param("", "opt/other", f"{ENV}it is not an absolute path", id="relative"),
    pytest.param(
        "chmod 775 /opt/other", "/opt/other", f"{ENV}/opt/other is writable by group or others (mode 775)", id="g+w"
    ),
    pytest.param(
        "chmod 757 /opt/other", "/opt/other", f"{ENV}/opt/other is writable by group or others (mode 757)", id="o+w"
    ),
    pytest.param("chown 65534 /opt/other", "/opt/other", f"{ENV}/opt/other is not owned by root", id="somebody's file"),
    pytest.param(
        "mkdir /opt/d; chmod 1777 /opt/d; cp /opt/other /opt/d",
        "/opt/d/other",
        f"{ENV}/opt/d is writable by group or others (mode 1777)",
        id="a directory like /tmp",
    ),
    pytest.param(
        "mkdir /opt/d; ln -s /opt/other /opt/d/x; chown 65534 /opt/d",
        "/opt/d/x",
        f"{ENV}/opt/d is not owned by root",
        id="a good file through somebody's directory",
    ),
    pytest.param(
        "ln -s /opt/other /opt/x; chown -h 65534 /opt/x", "/opt/x", f"{ENV}/opt/x is not owned by root", id="their link"
    ),
    pytest.param(
        "mkdir /opt/d; ln -s ../other /opt/d/b; ln -s d/b /opt/a; chmod 777 /opt/d",
        "/opt/a",
        f"{ENV}/opt/d is writable by group or others (mode 777)",
        id="the weak directory lies between two links",
    ),
    pytest.param("ln -s b /opt/a; ln -s a /opt/b", "/opt/a", f"{ENV}too many symbolic links in /opt/a", id="a circle"),
]


@pytest.mark.parametrize(("prepare", "runtime", "words"), BAD_RUNTIMES)
def test_root_starts_only_what_root_alone_can_change(prepare: str, *, runtime: str, words: str) -> None:
    done = sandbox(f"{prepare}\nset +e; VPS_SENTRY_RUNTIME={runtime} /usr/local/bin/vps-sentry")

    assert (done.returncode, done.stdout, done.stderr) == (127, "", f"vps-sentry: {words}\n")


NO_RUNTIME = [
    pytest.param("rm -r /opt/vps-sentry", "/usr/local/bin/vps-sentry", id="no release"),
    pytest.param("chmod 644 /opt/vps-sentry/venv/bin/*", "/usr/local/bin/vps-sentry", id="not executable"),
    pytest.param("rm -r /opt/vps-sentry", "/usr/local/bin/vps-sentry-ship", id="ship says the same"),
    pytest.param("", "env VPS_SENTRY_RUNTIME=/nowhere /usr/local/bin/vps-sentry", id="override missing"),
    pytest.param("", "env VPS_SENTRY_RUNTIME=/opt /usr/local/bin/vps-sentry", id="override is a directory"),
    pytest.param("ln -s /nowhere /opt/x", "env VPS_SENTRY_RUNTIME=/opt/x /usr/local/bin/vps-sentry", id="dangling"),
    pytest.param("chmod 644 /opt/other", "env VPS_SENTRY_RUNTIME=/opt/other /usr/local/bin/vps-sentry", id="no x"),
    pytest.param(
        "rm -r /opt/vps-sentry", f"{UNPRIVILEGED} /usr/local/bin/vps-sentry", id="the same words for everybody"
    ),
]


@pytest.mark.parametrize(("prepare", "command"), NO_RUNTIME)
def test_a_missing_runtime_has_one_sentence(prepare: str, command: str) -> None:
    done = sandbox(f"{prepare}\nset +e; {command}")

    assert (done.returncode, done.stdout, done.stderr) == (127, "", MISSING)


ENVIRONMENT = [
    pytest.param("", "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin", id="fixed"),
    pytest.param(
        "PATH=/tmp/evil LC_ALL=de_DE LD_LIBRARY_PATH=/tmp/evil PYTHONPATH=/tmp/evil GLIBC_TUNABLES= ",
        "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "
        "VPS_SENTRY_REMOVED_ENVIRONMENT=LD_LIBRARY_PATH GLIBC_TUNABLES PYTHONPATH",
        id="what steers the linker goes, its name stays",
    ),
    pytest.param(
        "VPS_SENTRY_REMOVED_ENVIRONMENT=forged ",
        "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        id="not inherited",
    ),
    pytest.param(
        "TERM=dumb SUDO_USER=alice ",
        "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin SUDO_USER=alice TERM=dumb",
        id="the rest is the agent's to judge",
    ),
]


@pytest.mark.parametrize(("variables", "expected"), ENVIRONMENT)
def test_the_environment_is_cleaned(variables: str, expected: str) -> None:
    script = "printf '#!/bin/sh\\nunset PWD\\nexec env\\n' >/opt/vps-sentry/venv/bin/vps-sentry\n"
    done = sandbox(f"{script}env -i {variables} /usr/local/bin/vps-sentry")

    assert (" ".join(sorted(done.stdout.splitlines())), done.stderr) == (expected, "")


TRACE = "cp /usr/bin/true /opt/vps-sentry/venv/bin/vps-sentry; cp /usr/bin/true /opt/other\n"
CHILDREN = [
    pytest.param("", "vps-sentry", False, id="the quiet path"),
    pytest.param("", "vps-sentry-ship", False, id="ship's path"),
    pytest.param("echo VPS_SENTRY_RUNTIME=/opt/other >/etc/default/vps-sentry", "vps-sentry", True, id="judging costs"),
]


@pytest.mark.parametrize(("prepare", "wrapper", "expected"), CHILDREN)
def test_no_child_without_an_override(prepare: str, *, wrapper: str, expected: bool) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = "strace -f -qq -e trace=fork,vfork,clone,clone3 -o /opt/trace"
    done = sandbox(f"{TRACE}{prepare}\n{trace} /usr/local/bin/{wrapper}; cat /opt/trace")

    assert done.returncode == 0, done.stderr
    assert ("clone" in done.stdout or "fork" in done.stdout) is expected, done.stdout
