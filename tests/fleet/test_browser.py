# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser: its style applies in spite of the policy, and nothing a host sent runs."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli
from support.fleet import file_items, make_bundle, many_paths, raw

BASE = file_items(*many_paths(20))
OWNED = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(name="report")
def _report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    for number in range(5):
        items = {**BASE, f"/etc/{OWNED}": {"target": OWNED}} if number == 4 else BASE
        (tmp_path / f"web-{number}.json").write_bytes(raw(make_bundle(f"web-{number}", {"files": items})))
    assert cli.main(["ingest", "--store", url, str(tmp_path)]) == 0
    assert cli.main(["report", "--store", url, "--output", str(tmp_path / "report.html")]) == 2
    capsys.readouterr()
    return tmp_path / "report.html"


def browse(report: Path, *options: str) -> Tuple[str, str]:
    """What the browser prints about the page: the document, and its complaints."""
    argv = [
        *(BROWSER or "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--enable-logging=stderr", f"--user-data-dir={report.parent}/profile", *options, report.as_uri()),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def first_pixel(picture: Path) -> Tuple[int, ...]:
    """Red, green and blue of the top left corner: no PNG filter changes the first pixel of the first line."""
    data, at, packed = picture.read_bytes(), 8, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        packed += data[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    return tuple(zlib.decompress(packed)[1:4])


GROUNDS = [
    pytest.param("1", (0xF6, 0xF7, 0xF9), id="light"),
    pytest.param("0", (0x11, 0x15, 0x1B), id="dark"),
]


@needs_browser
@pytest.mark.parametrize(("scheme", "expected"), GROUNDS)
def test_the_style_applies(report: Path, scheme: str, expected: Tuple[int, ...]) -> None:
    picture = report.parent / "picture.png"
    _, said = browse(report, f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={scheme}")

    assert first_pixel(picture) == expected
    assert "Content Security Policy" not in said


@needs_browser
def test_nothing_a_host_sent_runs(report: Path) -> None:
    document, said = browse(report, "--dump-dom")

    assert "<title>vps-sentry fleet report</title>" in document
    assert "&lt;script&gt;document.title" in document
    assert "Refused" not in said


@needs_browser
def test_the_policy_is_what_stops_it(report: Path) -> None:
    """Were a defect to let markup through, the policy would still hold: proven by letting some through."""
    report.write_text(report.read_text().replace("<main>", f"<main>{OWNED}", 1))
    document, _ = browse(report, "--dump-dom")

    assert "<script>document.title" in document
    assert "<title>vps-sentry fleet report</title>" in document


@needs_browser
def test_it_prints(report: Path) -> None:
    paper = report.parent / "report.pdf"
    browse(report, f"--print-to-pdf={paper}", "--no-pdf-header-footer")

    assert paper.read_bytes().startswith(b"%PDF-")
    assert paper.read_bytes().count(b"/Type /Page\n") + paper.read_bytes().count(b"/Type /Page/") in range(1, 5)


WIDTHS = [pytest.param(1280, id="a laptop"), pytest.param(400, id="a telephone")]


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(report: Path, width: int) -> None:
    """A script of the test, which the policy is taken away for, measures the page."""
    measure = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    text = report.read_text().replace("Content-Security-Policy", "X-Nothing", 1).replace("</body>", measure, 1)
    report.write_text(text.replace(OWNED, ""))
    # Headless windows have a least width: the page is in a frame of the wanted one.
    frame = report.parent / "frame.html"
    told = "onload=\"document.title = this.contentDocument ? this.contentDocument.title : 'closed'\""
    frame.write_text(f"<iframe src='{report.as_uri()}' width={width} height=900 {told}></iframe>")
    document, _ = browse(frame, "--dump-dom", "--allow-file-access-from-files")

    assert f"<title>{width} of {width}</title>" in document
