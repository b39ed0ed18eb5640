"""From text to a Config: each error names file, line, what and what to do."""

import dataclasses
import difflib
import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from gateway.config.checks import faults
from gateway.config.config import TABLES_MAX, Config
from gateway.config.item import ITEM, SECTION, Heading, Item
from gateway.config.lines import Place, key_lines
from gateway.config.policy_text import HEADINGS, POLICY_BYTES_MAX, PolicySections
from gateway.config.values import WrongValueError, key_of, shown
from gateway.errors import ConfigError

FILE_BYTES_MAX: Final = 64 * 1024
LINE_CHARS_MAX: Final = 1_000
"""tomllib's memory grows with the square of a dotted key, and a key has one line."""

_SYNTAX_PLACE: Final = re.compile(
    r" \(at (?:line (\d+), column \d+|end of document)\)$"
)


def load(path: Path) -> Config:
    """Read the config file.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """
    return parse(_text_of(path, FILE_BYTES_MAX), str(path))


def load_policy(path: Path) -> PolicySections:
    """Read a policy from a file of its own, or from a whole config.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """
    return parse_policy(_text_of(path, POLICY_BYTES_MAX), str(path))


def _text_of(path: Path, bytes_max: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); "
            "`keyra print-config` writes a file to begin with."
        ) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise ConfigError(
            f"{path}:{line}: this is not UTF-8; save the file as UTF-8."
        ) from None


def parse(text: str, name: str) -> Config:
    """Read a config from its text.

    Args:
        text: the whole file.
        name: what errors call it.

    Raises:
        ConfigError: something in it is wrong; says where and what to do.
    """
    return _Reader(text, name, FILE_BYTES_MAX).config()


def parse_policy(text: str, name: str) -> PolicySections:
    """Read the sections of a text that are policy; it may be a whole config.

    What they need of each other and of the door is for `with_policy` to judge.

    Raises:
        ConfigError: something in them is wrong; says where and what to do.
    """
    return _Reader(text, name, POLICY_BYTES_MAX).policy()


def with_policy(config: Config, policy: PolicySections, name: str) -> Config:
    """Return a config with another policy in it.

    Args:
        config: of the door.
        policy: without calendar files.
        name: what errors call the policy.

    Raises:
        ConfigError: it does not fit together, or not this door.
    """
    members = {key: getattr(policy, key) for key in HEADINGS}
    made = dataclasses.replace(config, **members)
    for place, says in faults(made):
        raise ConfigError(f"{name}: {_spoken(place)} {says}.")
    return made


class _Reader:
    """One reading of one file."""

    def __init__(self, text: str, name: str, bytes_max: int) -> None:
        self._name: Final = name
        data = text.encode(errors="surrogatepass")
        if len(data) > bytes_max:
            raise ConfigError(
                f"{name}:1: the file is larger than {bytes_max} bytes; "
                "remove what does not belong in it."
            )
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > LINE_CHARS_MAX:
                raise ConfigError(
                    f"{name}:{number}: the line is longer than {LINE_CHARS_MAX} "
                    "characters; write lists on several lines."
                )
        self._sha256: Final = hashlib.sha256(data).hexdigest()
        try:
            self._tree: Final = tomllib.loads(text)
            self._lines: Final = key_lines(text)
        except RecursionError:
            raise ConfigError(
                f"{name}:1: brackets are nested too deep; no setting needs that."
            ) from None
        except ValueError as error:
            self._syntax(text, str(error))

    def _syntax(self, text: str, message: str) -> NoReturn:
        found = _SYNTAX_PLACE.search(message)
        line = (found and found[1]) or 1 + text.rstrip("\n").count("\n")
        what = _SYNTAX_PLACE.sub("", message)
        raise ConfigError(
            f"{self._name}:{line}: this is not TOML ({ascii(what)[1:-1]}); "
            "see https://toml.io."
        ) from None

    def config(self) -> Config:
        headings = {
            field.name: field.metadata[SECTION]
            for field in dataclasses.fields(Config)
            if SECTION in field.metadata
        }
        self._refuse_unknown(self._tree, (), [h.table for h in headings.values()])
        config = Config(**self._values(headings), sha256=self._sha256)
        for place, says in faults(config):
            self._fail(place, says)
        return config

    def policy(self) -> PolicySections:
        known = [
            field.metadata[SECTION].table
            for field in dataclasses.fields(Config)
            if SECTION in field.metadata
        ]
        self._refuse_unknown(self._tree, (), known)
        return PolicySections(**self._values(HEADINGS))

    def _values(self, headings: Mapping[str, Heading]) -> dict[str, Any]:
        return {
            name: self._many(heading) if heading.many else self._one(heading)
            for name, heading in headings.items()
        }

    def _one(self, heading: Heading) -> Any:
        place = (heading.table,)
        return self._section(heading, self._tree.get(heading.table, {}), place)

    def _many(self, heading: Heading) -> tuple[Any, ...]:
        place = (heading.table,)
        tables = self._tree.get(heading.table, [])
        if not isinstance(tables, list):
            self._fail(place, f"is written once per element, as [[{heading.table}]]")
        if len(tables) > TABLES_MAX[heading.table]:
            self._fail(
                place,
                f"comes {len(tables)} times; {TABLES_MAX[heading.table]} is the limit",
            )
        return tuple(
            self._section(heading, table, (*place, index))
            for index, table in enumerate(tables)
        )

    def _section(self, heading: Heading, table: object, place: Place) -> Any:
        if not isinstance(table, dict):
            self._fail(place, f"is {shown(table)}; write it as a section in brackets")
        fields = dataclasses.fields(heading.holds)
        keys = {key_of(field.name): field for field in fields}
        self._refuse_unknown(table, place, list(keys))
        values: dict[str, Any] = {}
        for key, field in keys.items():
            item: Item = field.metadata[ITEM]
            if key in table:
                values[field.name] = self._value(item, table[key], (*place, key))
            elif item.required:
                self._fail((*place, key), f"is missing; give {item.kind.allows}")
        return heading.holds(**values)

    def _value(self, item: Item, raw: object, place: Place) -> Any:
        try:
            return item.kind.read(raw)
        except WrongValueError as error:
            deeper = place if error.index is None else (*place, error.index)
            self._fail(deeper, str(error))

    def _refuse_unknown(
        self, table: dict[str, Any], place: Place, known: list[str]
    ) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key[:64], known, n=1)
                advice = f"did you mean {near[0]}?" if near else "remove it."
                raise ConfigError(
                    f"{self._where((*place, key))}: {_spoken((*place, key))} is not "
                    f"known here; {advice}"
                )

    def _fail(self, place: Place, says: str) -> NoReturn:
        raise ConfigError(f"{self._where(place)}: {_spoken(place)} {says}.")

    def _where(self, place: Place) -> str:
        """Return file and line of a place, or of the nearest thing around it."""
        while place and place not in self._lines:
            place = place[:-1]
        return f"{self._name}:{self._lines.get(place, 1)}"


def _spoken(place: Place) -> str:
    """Return a place as a person would say it: [door] release_s."""
    words = [shown(part)[1:-1] for part in place if isinstance(part, str)]
    return " ".join([f"[{words[0]}]", *words[1:]])
