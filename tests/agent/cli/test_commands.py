# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as it is used: a real process, real exit codes, real text."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.shell import Shell
from support.tree import ROOT
from vps_sentry import __version__
from vps_sentry.checks import discover
from vps_sentry.cli.setup import state_directory
from vps_sentry.config import DEFAULT_PATH as CONFIG_PATH
from vps_sentry.store import DEFAULT_PATH


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    return Shell(owned)


def test_the_story_of_a_disk(shell: Shell) -> None:
    first = shell.look()
    assert (3, "no baseline accepted yet") == (first.returncode, first.stdout.splitlines()[1])
    assert "ports         skipped: looks at the running system" in first.stdout

    accepted = shell.accept("--reason", "a fresh disk")
    assert 0 == accepted.returncode, accepted.stderr
    assert "+ files /etc/hostname" in accepted.stdout
    assert "accepted as baseline #1 by tester (claimed" in accepted.stdout
    assert "not accepted: could not check ports" in accepted.stdout
    assert 0 == shell.look().returncode

    (shell.root / "etc/ld.so.preload").write_text("/tmp/evil.so\n")
    alarmed = shell.look()
    assert 3 == alarmed.returncode
    assert "CRITICAL" in alarmed.stdout
    # The commands in a report are for this host; pasted, they would accept this host's file.
    assert "accept with" not in alarmed.stdout
    assert 0 == shell.look("--exit-zero").returncode
    assert "/etc/ld.so.preload" in shell.run("baseline", "diff").stdout
    assert "a fresh disk" in shell.run("baseline", "log").stdout

    (shell.root / "etc/ld.so.preload").unlink()
    assert "resolved: gone" in shell.look().stdout


def state_of(root: str = "/", config: str = CONFIG_PATH, state: str = DEFAULT_PATH) -> str:
    return state_directory(argparse.Namespace(state_dir=state, root=root, config=config))


def test_a_trial_has_a_state_of_its_own() -> None:
    """A mounted disk or another configuration must not mix with what the timer knows of this host."""
    others = {state_of(root="/mnt/a"), state_of(root="/mnt/b"), state_of(config="/root/test.json")}

    assert DEFAULT_PATH == state_of()
    assert "/srv/state" == state_of(root="/mnt/a", state="/srv/state")
    assert state_of(root="/mnt/a") == state_of(root="/mnt/a", state=f"{DEFAULT_PATH}/").replace("//", "/")
    assert 3 == len(others)
    assert all(other.startswith(f"{DEFAULT_PATH}/trials/") for other in others)


def test_a_link_in_the_place_of_the_configuration_is_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer would look without a baseline, tell nobody and leave no sign of life."""
    usual, other, to_it = tmp_path / "usual.json", tmp_path / "other.json", tmp_path / "link.json"
    other.write_text("{}")
    monkeypatch.setattr("vps_sentry.cli.setup.CONFIG_PATH", str(usual))
    usual.symlink_to(other)
    to_it.symlink_to(usual)

    assert DEFAULT_PATH == state_of(config=str(usual)) == state_of(config=f"{tmp_path}/x/../usual.json")
    assert state_of(config=str(other)) == state_of(config=str(to_it)) != DEFAULT_PATH


def test_json_for_programs(shell: Shell) -> None:
    shell.look()
    last: Dict[str, Any] = json.loads(shell.look("--format", "json").stdout)
    wanted = ["schema", "host", "machine_id", "time", "version", "baseline", "checks", "alerts", "cost"]
    alert = ["id", "code", "severity", "state", "check", "key", "title", "detail", "before", "after", "explanation",
             "first_seen", "last_seen"]  # fmt: skip

    assert set(wanted) <= set(last)
    assert set(alert) == set(last["alerts"][0])
    assert ("disk-1", __version__) == (last["host"], last["version"])
    assert {"status", "items", "error", "seconds"} == set(last["checks"]["files"])
    assert {"status", "digest", "sequence", "accepted_at", "accepted_by"} == set(last["baseline"])


def test_a_kept_plan_is_accepted_by_its_digest(shell: Shell) -> None:
    plan = json.loads(shell.accept("--dry-run", "--format", "json").stdout)
    assert ("proposed", 0) == (plan["outcome"], plan["plan"]["sequence"])

    done = shell.accept("--digest", plan["digest"])
    assert 0 == done.returncode, done.stderr
    again = shell.accept("--digest", plan["digest"])
    assert 5 == again.returncode
    assert "the baseline is #1 now, the plan starts from #0" in again.stdout


def test_rollback(shell: Shell) -> None:
    shell.accept()
    (shell.root / "etc/motd").write_text("hello\n")
    shell.accept()
    # Without --root it looks at this system, so only the refusal is tried here.
    answer = shell.run("baseline", "rollback", "9")

    assert 1 == answer.returncode
    assert "no baseline #9 is kept" in answer.stderr


def test_a_plan_that_moved_is_exit_code_5(shell: Shell) -> None:
    plan = json.loads(shell.accept("--dry-run", "--format", "json").stdout)
    (shell.root / "etc/hostname").write_text("other\n")
    refused = shell.accept("--digest", plan["digest"])

    assert (5, True) == (refused.returncode, "files /etc/hostname is no longer as reviewed" in refused.stdout)


PLAN = "sha256:" + "1" * 64
USAGE = [
    pytest.param(["--nonsense"], "unrecognized arguments", id="an unknown option is never ignored"),
    pytest.param(["frobnicate"], "invalid choice", id="unknown command"),
    pytest.param(["run", "--format", "yaml"], "invalid choice", id="unknown format"),
    pytest.param(["run", "--only", "ports"], "belong to --accept-baseline", id="an option without its verb"),
    pytest.param(
        ["--accept-baseline", "--only", "prots"], "no check prots; there are accounts, agent", id="unknown check"
    ),
    pytest.param(["--accept-baseline", "--digest", PLAN, "--dry-run"], "leave out --dry-run", id="contradiction"),
    pytest.param(["--accept-baseline", "--digest", "../x"], "64 lower-case hex digits", id="a path is no digest"),
    pytest.param(["--accept", "--dry"], "unrecognized arguments", id="nothing is abbreviated"),
    pytest.param(["auth", "/nonexistent"], "cannot read /nonexistent", id="missing log"),
    pytest.param(["reset"], "nothing brings them back", id="forgetting is asked for in so many words"),
    pytest.param(["check-config", "/etc"], "cannot read /etc: Is a directory", id="a directory is no configuration"),
    pytest.param(["check-config", "/nonexistent"], "/nonexistent does not exist", id="a missing file is not usable"),
]


@pytest.mark.parametrize(("words", "problem"), USAGE)
def test_wrong_usage_is_exit_code_2_and_says_why(shell: Shell, words: List[str], problem: str) -> None:
    answer = shell.run(*words)

    assert 2 == answer.returncode
    assert problem in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_bad_configuration_is_refused_when_a_person_asks(shell: Shell) -> None:
    shell.config.write_text('{"chekcs": {}}')
    answer = shell.look()

    assert 2 == answer.returncode
    assert "chekcs: unknown key" in answer.stderr


def test_a_scheduled_run_looks_all_the_same(shell: Shell) -> None:
    shell.config.write_text('{"remind_after": "12h", "checks": {"files": {"enabled": false}}}')
    shell.look()
    shell.config.write_text('{"chekcs": {}}')
    given = ["run", "--root", str(shell.root)]
    answer = shell.run(*given, INVOCATION_ID="x")

    assert 2 == answer.returncode
    assert "the last good one is in force" in answer.stdout
    assert "files         skipped: disabled by the configuration" in answer.stdout
    assert "chekcs: unknown key" in answer.stdout


def test_check_config_says_what_is_in_force(shell: Shell) -> None:
    shell.config.write_text('{"hook": "https://discord.com/api/webhooks/1/x"}')
    shell.config.chmod(0o644)
    answer = shell.run("check-config")

    assert (0, True) == (answer.returncode, "alerts go to discord" in answer.stdout)
    assert "move the Discord webhook to notify.discord.webhook_url" in answer.stderr
    assert "chmod 600" in answer.stderr


def test_config_example_is_json(shell: Shell) -> None:
    assert {"checks", "notify", "accept", "remind_after"} == set(json.loads(shell.run("config", "example").stdout))


def test_checks_are_listed(shell: Shell) -> None:
    names = [line.split()[0] for line in shell.run("checks").stdout.splitlines()]

    assert sorted(discover()) == names


def test_status_merges_report_and_heartbeat(shell: Shell) -> None:
    assert 1 == shell.run("status").returncode
    shell.look()
    answer = shell.run("status")

    assert 3 == answer.returncode
    assert "last tick 20" in answer.stdout
    assert "0 messages waiting" in answer.stdout


def test_bundle_answers_the_question_on_standard_input(shell: Shell) -> None:
    shell.look()
    answer = json.loads(shell.run("bundle", data='{"schema":1,"nonce":"%s","have":[]}\n' % ("ab" * 16)).stdout)
    wrong = shell.run("bundle", data='{"schema":1,"nonce":"../.."}\n')

    assert ("ab" * 16, "disk-1") == (answer["nonce"], answer["host"])
    assert (2, "") == (wrong.returncode, wrong.stdout)


def test_hostile_names_do_not_reach_the_terminal(shell: Shell) -> None:
    shell.accept()
    for name in (b"\x1b[31mred", b"a\nCRITICAL fake", b"\xff\xfe", "\u202egnp.exe".encode()):
        Path(os.fsdecode(os.path.join(os.fsencode(shell.root / "etc"), name))).touch()
    answer = subprocess.run(
        [sys.executable, "-m", "vps_sentry", "--root", str(shell.root), *shell.given],
        capture_output=True, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src")},
    )  # fmt: skip

    assert 3 == answer.returncode
    assert b"\x1b" not in answer.stdout
    assert b"\nCRITICAL fake" not in answer.stdout
    assert b"\\x1b[31mred" in answer.stdout


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    shell.look()
    command = f"{sys.executable} -m vps_sentry bundle --state-dir {shell.state} </dev/null | head -c 1"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src")}
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=env)

    assert ("{", "") == (answer.stdout, answer.stderr)


def test_a_configuration_that_vanished_is_not_an_empty_one(shell: Shell) -> None:
    shell.look()
    shell.config.unlink()

    assert 2 == shell.look().returncode
    scheduled = shell.run("run", "--root", str(shell.root), INVOCATION_ID="x")
    assert (2, True) == (scheduled.returncode, "the last good one is in force" in scheduled.stdout)


def test_documents_of_the_wrong_shape_are_a_sentence(shell: Shell) -> None:
    shell.look()
    for text in ("{}", "[]", '{"schema":1}', "null", "{"):
        (shell.state / "last.json").write_text(text)
        for words in (["status"], ["bundle"], ["baseline", "diff"]):
            answer = shell.run(*words)

            assert (1, False) == (answer.returncode, "Traceback" in answer.stderr), (text, words)


def test_an_ordinary_user_is_told_to_be_root(shell: Shell) -> None:
    shell.look()
    program = (
        # Once as root, because what is imported on the way may lie where only root can read.
        "import os, sys, vps_sentry.cli.show, vps_sentry.cli.status; from vps_sentry.cli import main\n"
        "from vps_sentry.cli.arguments import parse\n"
        "parse(sys.argv[1:], scheduled=False)\n"
        "os.setgid(65534); os.setuid(65534); sys.exit(main(sys.argv[1:]))"
    )
    for words in (["status"], ["baseline", "log"], ["baseline", "show"]):
        command = [sys.executable, "-c", program, *words, *shell.given]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src")}
        answer = subprocess.run(command, capture_output=True, text=True, env=env)

        assert 1 == answer.returncode, words
        assert "run as root" in answer.stderr


def test_an_image_is_made_of_a_host_that_knows_nothing(shell: Shell) -> None:
    shell.run("--accept-baseline", "--reason", "template")
    done = shell.run("reset", "--for-image")

    assert (0, "none") == (done.returncode, json.loads(shell.run("--format", "json").stdout)["baseline"]["status"])
    assert "empty /etc/machine-id" in done.stdout
    assert "nothing was ever accepted here" in shell.run("baseline", "log").stdout
