"""The tree drawn in gateway/errors.py is the tree that the classes make."""

import inspect
import re

from gateway import errors
from gateway.errors import KeyraError

DRAWN = re.compile(
    r"^ {4}(?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+Error)(?P<about>.*?)"
    r"( +exit (?P<exit>\d+))?$"
)
INDENT = 4


def drawn() -> list[tuple[str, str | None, int]]:
    """(class, parent, exit code) for each line of the docstring's tree, in order."""
    rows: list[tuple[str, str | None, int]] = []
    ancestors: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        if not (match := DRAWN.match(line)):
            continue
        depth = len(match["branch"]) // INDENT
        del ancestors[depth:]
        parent = ancestors[-1] if ancestors else None
        rows.append((match["name"], parent, int(match["exit"] or 0)))
        ancestors.append(match["name"])
    return rows


def defined() -> dict[str, type[KeyraError]]:
    """The classes of the module, by name."""
    return {
        name: thing
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, KeyraError)
    }


def test_the_drawing_names_every_class_once_below_its_parent() -> None:
    rows = drawn()
    assert [name for name, _, _ in rows] == list(dict.fromkeys(n for n, _, _ in rows))
    assert {name for name, _, _ in rows} == set(defined())
    for name, parent, _ in rows:
        base = defined()[name].__bases__[0]
        assert base.__name__ == (parent or "Exception"), name


def test_exit_codes_are_the_ones_drawn() -> None:
    for name, _, code in drawn():
        assert defined()[name].exit_code == (code or 1), name


def test_codes_are_unique_words() -> None:
    codes = [error.code for error in defined().values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_class_says_what_happened() -> None:
    for name, error in defined().items():
        assert error.__doc__, name
        assert "." in error.__doc__, name
