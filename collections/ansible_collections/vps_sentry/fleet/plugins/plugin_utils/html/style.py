# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's one style sheet and the policy that allows it and nothing else."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5d6878;--line:#dfe3ea;
--critical:#b3261e;--critical-soft:#fbe3e1;--warning:#8a5300;--warning-soft:#fdeecb;--good:#1f6f43;
--good-soft:#e2f3e9;--info:#1c5d99;--info-soft:#e1eefb;--none-soft:#edf0f4;
--shadow:0 1px 2px #1b233014,0 4px 16px #1b23300a}
@media (prefers-color-scheme:dark){:root{--ground:#11151b;--card:#1a2029;--ink:#e5e9f0;--soft:#98a3b3;--line:#2c3542;
--critical:#ff8a80;--critical-soft:#4a1d1b;--warning:#f5c063;--warning-soft:#43310f;--good:#7fd6a3;--good-soft:#173626;
--info:#8ec2f5;--info-soft:#152f49;--none-soft:#222a35;--shadow:none}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1280px;margin:0 auto;padding:32px 24px 64px}
header{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:baseline;margin-bottom:20px}
h1{font-size:24px;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:17px;margin:40px 0 12px}
h3{font-size:15px;margin:0;font-weight:600}
p{margin:0 0 12px}
header,.head,p,footer{overflow-wrap:anywhere}
.soft{color:var(--soft)}
code,.mono{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
mark{background:var(--warning-soft);color:var(--warning);border-bottom:2px solid var(--warning);border-radius:2px}
.badge{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12px;font-weight:600;white-space:nowrap;
background:var(--none-soft);color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;box-shadow:var(--shadow)}
.tile{padding:14px 16px}
.tile b{display:block;font-size:26px;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.card{margin:0 0 14px;overflow:hidden;border-left:4px solid var(--line)}
.card.is-critical{border-left-color:var(--critical)}
.card.is-warning{border-left-color:var(--warning)}
.card.is-info{border-left-color:var(--info)}
.head{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:baseline;padding:12px 16px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-size:12px;font-weight:600;color:var(--soft);text-align:left;white-space:nowrap}
th,td{padding:7px 12px;border-top:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{padding-left:16px}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
td.item{min-width:290px;max-width:440px}
td.what{min-width:240px}
td.why{min-width:190px}
details{padding:0 16px 12px}
td details{padding:0}
summary{cursor:pointer;color:var(--soft);font-size:13px}
details p{margin:6px 0 0}
.heat{width:auto;font-size:13px}
.heat th,.heat td{border:0;padding:2px;vertical-align:middle}
.heat thead th{padding:0 4px 6px;text-align:center}
.heat tbody th{font-weight:400;color:var(--ink);padding-right:14px;text-align:left}
.heat .cohort th{padding:12px 0 4px;font-weight:600;color:var(--soft)}
.cell{display:block;min-width:68px;padding:3px 8px;border-radius:6px;text-align:center;
font-variant-numeric:tabular-nums;background:var(--none-soft);color:var(--soft)}
.critical{background:var(--critical-soft);color:var(--critical)}
.warning{background:var(--warning-soft);color:var(--warning)}
.good{background:var(--good-soft);color:var(--good)}
.info{background:var(--info-soft);color:var(--info)}
.cell.critical,.cell.warning{font-weight:600}
.cell.good{background:none;color:var(--good)}
.legend{display:flex;flex-wrap:wrap;gap:8px;margin:10px 0 0;font-size:13px;color:var(--soft)}
.legend .cell{min-width:0}
.pad{padding:14px 16px}
footer{margin-top:40px;color:var(--soft);font-size:13px}
@media print{:root{color-scheme:light;--ground:#fff;--shadow:none}main{max-width:none;padding:0}
.card,.tile,tr{break-inside:avoid}.scroll{overflow:visible}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
""".strip()

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
"""Content-Security-Policy: this style sheet, and nothing else, neither loaded nor run nor sent."""
