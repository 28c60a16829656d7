# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of one line of sudoers(5): quotes, escapes, names with colons in them. Pure."""

from __future__ import annotations

import re
from typing import List

BLANK = " \t\r\f"
_WORD_ENDS = BLANK + ",=:()"


class SudoersError(ValueError):
    """A line that this grammar does not know; the message says what was expected."""


class Scanner:
    """Reads one line from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while self.at < len(self.text) and self.text[self.at] in BLANK:
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, char: str) -> bool:
        """Whether ``char`` comes next; then it is passed."""
        found = self.peek() == char
        self.at += found
        return found

    def need(self, char: str) -> None:
        if not self.take(char):
            raise SudoersError(f"{char!r} was expected at {self.text[self.at : self.at + 20]!r}")

    def word(self, ends: str = _WORD_ENDS) -> str:
        """Up to one of ``ends`` that is neither quoted nor escaped, as it is written. May be empty."""
        self.peek()
        start, quoted = self.at, False
        while self.at < len(self.text):
            here = self.text[self.at]
            if here == "\\":
                self.at += 1
            elif here == '"':
                quoted = not quoted
            elif here in ends and not quoted:
                break
            self.at += 1
        if quoted:
            raise SudoersError("a quote is not closed")
        self.at = min(self.at, len(self.text))
        return self.text[start : self.at]

    def name(self) -> str:
        """A user, host or group with the ``!`` before it. ``%:group`` and IPv6 addresses hold colons."""
        negated = ""
        while self.take("!"):
            negated = "" if negated else "!"
        word = self.word(BLANK + ",=()") if self.peek() in "%+" else self._host()
        if not word:
            raise SudoersError(f"a name was expected at {self.text[self.at : self.at + 20]!r}")
        return negated + word.replace('"', "")

    def _host(self) -> str:
        start = self.at
        word = self.word()
        while self.text[self.at : self.at + 1] == ":" and re.fullmatch(r"[0-9A-Fa-f:]*", word, re.ASCII):
            if not re.match(r":[0-9A-Fa-f:]", self.text[self.at :], re.ASCII):
                break
            self.at += 1
            self.word()
            word = self.text[start : self.at]
        return word

    def names(self) -> List[str]:
        """A list with commas."""
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        return found
