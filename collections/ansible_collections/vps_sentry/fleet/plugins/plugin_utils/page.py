# SPDX-License-Identifier: GPL-3.0-or-later
"""A page for a terminal: lines and tables with a mood. Drawn by rich on a terminal, else as plain text.

Plain text has no colours, no lines drawn and no line broken, so that it can be searched and cut.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, List, Literal, Mapping, Sequence, Tuple, Union

from ._libraries import drawing

Mood = Literal["", "critical", "warning", "info", "good", "dim", "title"]
Span = Tuple[str, Mood]

_STYLES: Mapping[Mood, str] = {
    "": "",
    "critical": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "good": "green",
    "dim": "dim",
    "title": "bold",
}


@dataclass(frozen=True)
class Line:
    """One line of spans; an empty one parts what stands above from what stands below."""

    spans: Tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        """Without the moods."""
        return "".join(text for text, _mood in self.spans)


@dataclass(frozen=True)
class Table:
    """Cells in columns; without a header a list."""

    header: Tuple[str, ...]
    rows: Sequence[Tuple[Span, ...]]
    indent: int = 0


Page = List[Union[Line, Table]]


def line(*spans: Union[str, Span]) -> Line:
    """A line; bare text has no mood."""
    return Line(tuple((span, "") if isinstance(span, str) else span for span in spans))


def draw(page: Page, *, color: bool, width: int) -> str:
    """The page as text; ``width`` is that of the terminal and counts only with ``color``."""
    rich = drawing() if color else None
    return plain(page) if rich is None else _rich(rich, page, width=width)


def plain(page: Page) -> str:
    """Left-aligned columns, two spaces apart; lines without trailing spaces."""
    lines: List[str] = []
    for part in page:
        lines += [part.text.rstrip()] if isinstance(part, Line) else _plain_table(part)
    return "\n".join([*lines, ""])


def _plain_table(table: Table) -> List[str]:
    rows = [*([table.header] if any(table.header) else []), *([text for text, _mood in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    pad = " " * table.indent
    return [(pad + "  ".join(cell.ljust(width) for cell, width in zip(row, widths))).rstrip() for row in rows]


def _rich(rich: Any, page: Page, *, width: int) -> str:
    sheet = io.StringIO()
    console = rich.Console(file=sheet, force_terminal=True, width=width, highlight=False, emoji=False, markup=False)
    for part in page:
        if isinstance(part, Line):
            console.print(rich.Text.assemble(*((text, _STYLES[mood]) for text, mood in part.spans)))
        else:
            console.print(_rich_table(rich, part))
    return sheet.getvalue()


def _rich_table(rich: Any, table: Table) -> object:
    drawn = rich.Table(box=rich.SIMPLE_HEAD if any(table.header) else None, header_style="bold", pad_edge=False)
    for name in table.header:
        drawn.add_column(name, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(rich.Text(text, _STYLES[mood]) for text, mood in row))
    return rich.Padding(drawn, (0, 0, 0, table.indent))
