"""Where each value of a TOML file stands: tomllib gives the values and no lines.

This walks over text that tomllib has read already, so it knows that the text is valid
and only has to keep count: statements, keys, strings, brackets (TOML 1.0.0).
"""

import re
import tomllib
from bisect import bisect_right
from collections import defaultdict
from typing import Final, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys, and positions in arrays."""

_BLANK: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
# The long quotes first; a closing one may be preceded by two quotes of the text.
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\]}#\n]*")


DEPTH_MAX: Final = 8
"""How deep places are told apart; what lies deeper counts for what it is inside."""


def key_lines(text: str) -> dict[Place, int]:
    """Return the line, from 1, of every table, key and array element, to DEPTH_MAX.

    Args:
        text: what `tomllib.loads` accepts.
    """
    walk = _Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.found


class _Walk:
    """One pass over a valid document."""

    def __init__(self, text: str) -> None:
        self.found: Final[dict[Place, int]] = {}
        self._text: Final = text
        self._at = 0
        self._starts: Final = [0, *(m.end() for m in re.finditer("\n", text))]
        self._tables: Final[dict[Place, int]] = defaultdict(int)

    def document(self) -> None:
        table: Place = ()
        while self._skip(_BLANK):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)

    def _header(self) -> Place:
        line = self._line()
        is_array = self._text.startswith("[[", self._at)
        self._at += 1 + is_array
        place: Place = ()
        for part in self._key():
            if place in self._tables:
                place = _inside(place, self._tables[place] - 1)
            place = _inside(place, part)
            self._note(place, line)
        self._at += 1 + is_array
        if is_array:
            self._tables[place] += 1
            place = _inside(place, self._tables[place] - 1)
            self._note(place, line)
        return place

    def _assignment(self, table: Place) -> None:
        line = self._line()
        place = table
        for part in self._key():
            place = _inside(place, part)
            self._note(place, line)
        self._at += 1  # the equals sign
        self._value(place)

    def _value(self, place: Place) -> None:
        self._skip(_BLANK)
        opener = self._text[self._at]
        if opener == "[":
            self._array(place)
        elif opener == "{":
            self._inline_table(place)
        elif opener in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_PLAIN)

    def _array(self, place: Place) -> None:
        self._at += 1
        index = 0
        while self._next_item("]"):
            item = _inside(place, index)
            self._note(item, self._line())
            self._value(item)
            index += 1

    def _inline_table(self, place: Place) -> None:
        self._at += 1
        while self._next_item("}"):
            self._assignment(place)

    def _next_item(self, closer: str) -> bool:
        """Step to the next item of a list, or over its end."""
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] == closer:
            self._at += 1
            return False
        return True

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            bare = self._take(_BARE_KEY)
            quoted = "" if bare else self._take(_STRING)
            parts.append(bare or next(iter(tomllib.loads(f"{quoted}=0"))))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        start = self._at
        self._skip(pattern)
        return self._text[start : self._at]

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Step over what matches, if anything does; tell whether text is left."""
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return self._at < len(self._text)

    def _note(self, place: Place, line: int) -> None:
        self.found.setdefault(place, line)

    def _line(self) -> int:
        return bisect_right(self._starts, self._at)


def _inside(place: Place, part: str | int) -> Place:
    return (*place, part) if len(place) < DEPTH_MAX else place
