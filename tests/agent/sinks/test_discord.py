# SPDX-License-Identifier: GPL-3.0-or-later
"""Discord: which URL counts, what its limits leave, what hostile text becomes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.alerts import HOSTILE, alert, message
from vps_sentry.errors import ShipError
from vps_sentry.sinks import Message
from vps_sentry.sinks._text import width
from vps_sentry.sinks.discord import Options, body, parse_webhook, payload, validate

RIGHT = "https://discord.com/api/webhooks/123456789012345678/abc-DEF_123"

GOOD_URLS = [
    (RIGHT, "as copied from the settings"),
    (RIGHT.replace("discord.com", "ptb.discord.com"), "public test build"),
    (RIGHT.replace("discord.com", "canary.discord.com"), "canary build"),
    (RIGHT.replace("discord.com", "discordapp.com"), "the old name"),
    (RIGHT.replace("/api/", "/api/v10/"), "a version, as in Discord's documentation"),
]

BAD_URLS = [
    ("http" + RIGHT[5:], "plain text on the wire"),
    (RIGHT.replace("discord.com", "discord.com.evil.example"), "a host that begins alike"),
    (RIGHT.replace("discord.com", "evildiscord.com"), "a host that ends alike"),
    (RIGHT.replace("discord.com", "evil.discord.com"), "another host of the same domain"),
    (RIGHT.replace("discord.com", "discord.com@evil.example"), "a host in disguise"),
    (RIGHT.replace("discord.com", "discord.com:444"), "a port"),
    ("https://evil.example/?" + RIGHT, "contains one somewhere"),
    (RIGHT + "/../../x", "a path that leaves"),
    (RIGHT + "?wait=false", "a query of its own"),
    (RIGHT + "#x", "a fragment"),
    (RIGHT + "\n", "a line end"),
    (" " + RIGHT, "a space before it"),
    (RIGHT.replace("webhooks", "Webhooks"), "another path"),
    (RIGHT.rpartition("/")[0], "no token"),
    (RIGHT.replace("123456789012345678", "\u0661\u0662"), "digits of another script"),
    ("", "nothing"),
]


@pytest.mark.parametrize("url", [pytest.param(url, id=why) for url, why in GOOD_URLS])
def test_a_webhook_is_posted_to_with_wait(url: str) -> None:
    assert parse_webhook(url) == url + "?wait=true"


@pytest.mark.weakness(14)
@pytest.mark.parametrize("url", [pytest.param(url, id=why) for url, why in BAD_URLS])
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ShipError) as caught:
        parse_webhook(url)
    assert caught.value.reason == "webhook-parse-failure"
    assert "abc-DEF_123" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (Options(), "exactly one of"),
        (Options(webhook_url=RIGHT, webhook_url_file="/x"), "exactly one of"),
        (Options(webhook_url="https://discord.com/"), "webhook-parse-failure"),
    ],
)
def test_wrong_options_are_refused(options: Options, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        validate(options)


@pytest.mark.parametrize("options", [Options(webhook_url=RIGHT), Options(webhook_url_file="/x")])
def test_right_options_pass_and_keep_their_secret(options: Options) -> None:
    validate(options)
    assert "abc-DEF_123" not in repr(options)


def embeds(subject: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = payload(subject)["embeds"]
    return found


def total(found: list[dict[str, Any]]) -> int:
    return sum(width(e["title"]) + width(e["description"]) + width(e["footer"]["text"]) for e in found)


def test_one_alert_reads_like_this() -> None:
    assert payload(message()) == {
        "content": "**web-1** · 1 critical · 2026-10-01T12\\:00\\:00Z",
        "embeds": [
            {
                "title": "CRITICAL: New public listener tcp\\:4444",
                "description": "python3 listens on 0.0.0.0\\:4444",
                "color": 0xC62828,
                "footer": {"text": "ports · tcp:4444 · 00112233445566aa"},
            }
        ],
        "allowed_mentions": {"parse": []},
    }


SUMMARIES = [
    ("nothing open", {"alerts": (alert(state="resolved"),)}, "**web-1** · 1 resolved · "),
    (
        "worst first, resolved apart",
        {"alerts": (alert(severity="info"), alert(), alert(severity="warning"), alert(state="resolved"))},
        "**web-1** · 1 critical, 1 warning, 1 info, 1 resolved · ",
    ),
    ("a test says so first", {"test": True, "alerts": ()}, "TEST, nothing happened: **web-1** · no alerts · "),
    ("a hostile host name", {"host": "**@everyone**"}, "**\\*\\*\\@everyone\\*\\*** · 1 critical · "),
]


@pytest.mark.parametrize(("changes", "start"), [case[1:] for case in SUMMARIES], ids=[c[0] for c in SUMMARIES])
def test_the_first_line_sums_up(changes: dict[str, Any], start: str) -> None:
    assert payload(message(**changes))["content"].startswith(start)


def test_a_note_is_told_before_the_counts_of_what_is_left_out() -> None:
    lines = payload(message(note="baseline 4 accepted by *ann*", alerts=(alert(),) * 12))["content"].split("\n")
    assert lines[1:] == ["baseline 4 accepted by \\*ann\\*", "… and 2 more in the attached file"]


def test_resolved_and_changed_are_told_apart() -> None:
    found = embeds(message(alerts=(alert(state="changed"), alert(state="resolved"))))
    assert [e["title"].partition(":")[0] for e in found] == ["CRITICAL changed", "CRITICAL resolved"]
    assert found[1]["color"] == 0x2E7D32


LONG = [
    ("many small ones", [alert() for _ in range(57)], 10, 47),
    ("ten long ones", [alert(detail="x" * 5000) for _ in range(10)], 4, 6),
    ("one very long one", [alert(detail="x" * 100_000, title="t" * 5000, key="k" * 5000)], 1, 0),
    ("escapes count", [alert(detail="*" * 5000, title="*" * 300) for _ in range(3)], 3, 0),
    ("two units a character", [alert(detail="\U0001f600" * 5000, title="\U0001f600" * 300) for _ in range(3)], 3, 0),
]


@pytest.mark.weakness(12)
@pytest.mark.parametrize(("alerts", "shown", "rest"), [case[1:] for case in LONG], ids=[case[0] for case in LONG])
def test_limits_are_kept_and_what_is_left_out_is_counted(alerts: list[Any], shown: int, rest: int) -> None:
    told = payload(message(alerts=tuple(alerts)))
    found = told["embeds"]
    assert len(found) == shown
    assert (f"… and {rest} more in the attached file" in told["content"]) == bool(rest)
    assert width(told["content"]) <= 2000
    assert total(found) <= 6000
    for embed in found:
        assert width(embed["title"]) <= 256
        assert width(embed["description"]) <= 4096
        assert width(embed["footer"]["text"]) <= 2048


def test_a_cut_detail_says_exactly_how_much_is_missing() -> None:
    (embed,) = embeds(message(alerts=(alert(detail="x" * 5000),)))
    shown, count = re.fullmatch(r"(x+) … and (\d+) more characters in the attached file", embed["description"]).groups()  # type: ignore[union-attr]
    assert len(shown) + int(count) == 5000


def test_alerts_beyond_the_attachment_are_said_to_be_on_the_host() -> None:
    assert payload(message(left_out=7))["content"].endswith("… and 7 more on the host (7 not attached)")


def test_everything_at_its_longest_still_fits_the_content() -> None:
    told = payload(message(host=HOSTILE * 100, time=HOSTILE * 100, note=HOSTILE * 100, alerts=(alert(),) * 99))
    assert width(told["content"]) <= 2000


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("field", ["title", "detail"])
def test_hostile_text_is_shown_and_does_nothing(field: str) -> None:
    (embed,) = embeds(message(alerts=(alert(**{field: HOSTILE}),)))
    text = embed["title"].partition(": ")[2] if field == "title" else embed["description"]
    assert "\\@everyone" in text
    assert not set("`*_~|<>[]()@#") & set(unescaped(text))
    assert not re.search(r"^\s*([-+]|\d+\.)", unescaped(text), re.MULTILINE)
    assert "https://" not in text
    assert text.replace("\n", "").isprintable()


def test_the_footer_is_plain_text_but_printable() -> None:
    (embed,) = embeds(message(alerts=(alert(key="/etc/\u202eevil\x07"),)))
    assert embed["footer"]["text"] == "ports · /etc/\\xe2\\x80\\xaeevil\\x07 · 00112233445566aa"


def test_the_request_carries_payload_and_report() -> None:
    content, kind = body(message(host='we/b 1\r\n"x', attachment=b'{"alerts":[1]}'))
    assert kind == "multipart/form-data; boundary=vps-sentry-0123456789abcdef"
    head, _, rest = content.partition(b"\r\n\r\n")
    assert b'name="payload_json"' in head
    assert json.loads(rest.split(b"\r\n")[0])["allowed_mentions"] == {"parse": []}
    assert b'name="files[0]"; filename="vps-sentry-we_b_1___x-2026-10-01T120000Z.json"' in rest
    assert b'\r\n\r\n{"alerts":[1]}\r\n--' in rest
