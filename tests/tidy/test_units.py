"""Numbers say what they count: units last in names, bounds after the unit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for package in ("gateway", "ledger", "tui")
    for path in (ROOT / package).rglob("*.py")
)

# A time that does not say in what.
BARE = re.compile(
    r"(^|_)(timeout|delay|interval|duration|period|ttl|age|latency|budget)s?$",
    re.IGNORECASE,
)
# Parameters of methods whose signature somebody else wrote.
FOREIGN = {"gateway/sim/bleak_backend.py: timeout"}
BOUND_FIRST = re.compile(r"^_?(max|min|maximum|minimum)_", re.IGNORECASE)


def numbers(text: str) -> Iterator[tuple[int, str]]:
    """(line, name) of constants, fields and parameters that are numbers.

    A constant in hexadecimal is a code of a protocol and counts nothing.
    """
    lines = text.encode().splitlines()
    for node in ast.walk(ast.parse(text)):
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant):
            digits = lines[value.lineno - 1][value.col_offset :]
            if digits.startswith(b"0x"):
                continue
        match node:
            case ast.arg(arg=name, annotation=ast.Name(id="int" | "float")):
                yield node.lineno, name
            case ast.AnnAssign(
                target=ast.Name(id=name), annotation=ast.Name(id="int" | "float")
            ):
                yield node.lineno, name
            case ast.AnnAssign(
                target=ast.Name(id=name), value=ast.Constant(value=int() | float())
            ):
                yield node.lineno, name
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float())
            ):
                yield node.lineno, name


@pytest.mark.parametrize("pattern", [BARE, BOUND_FIRST], ids=["unit", "bound"])
def test_a_number_names_its_unit_and_then_its_bound(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in SOURCES
        for line, name in numbers(path.read_text())
        if pattern.search(name)
        if f"{path.relative_to(ROOT)}: {name}" not in FOREIGN
    ]
    assert not found, "\n".join(found)
