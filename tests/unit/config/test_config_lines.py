"""The line of every value, against documents that were built line by line."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.lines import DEPTH_MAX, Place, key_lines


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in what tomllib returns."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


DOCUMENT = '''\
a.b = 1 # [x]
"quoted \\" key" = { c = [1, 2], d."e.f" = 'x' } # {
[t]
text = """
[not.a.table]
k = 1
"""
raw = \'\'\'
]]\'\'\'\'\'
list = [
  # comment ]
  "a", [
    { x = 1979-05-27T07:32:00Z },
  ],
]
[[many]]
[many.sub]
v = true
[[many.deep]]
w = 0x1F
[[many.deep]]
[[many]]
"" = -inf
'''


def test_each_place_has_its_line() -> None:
    found = key_lines(DOCUMENT)
    assert set(places(tomllib.loads(DOCUMENT))) == set(found)
    expected = {
        ("a",): 1,
        ("a", "b"): 1,
        ('quoted " key', "c", 1): 2,
        ('quoted " key', "d", "e.f"): 2,
        ("t", "raw"): 8,
        ("t", "list"): 10,
        ("t", "list", 0): 12,
        ("t", "list", 1): 12,
        ("t", "list", 1, 0, "x"): 13,
        ("many", 0): 16,
        ("many", 0, "sub", "v"): 18,
        ("many", 0, "deep", 0, "w"): 20,
        ("many", 0, "deep", 1): 21,
        ("many", 1): 22,
        ("many", 1, ""): 23,
    }
    assert {place: found[place] for place in expected} == expected


def test_what_lies_deep_counts_for_what_it_is_inside() -> None:
    found = key_lines("a" + ".a" * 20 + " = [1, 2]\nb = 1\n")
    assert max(map(len, found)) == DEPTH_MAX
    assert found["b",] == 2


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\nb = '''\r\n'''\r\nc = 2\r\n")["c",] == 4


KEYS = st.text("abc", min_size=1, max_size=2) | st.sampled_from(
    ['"q.r"', "'s t'", '"\\u0041"', '""']
)
SCALARS = st.sampled_from(
    [
        "1",
        "-0.5e3",
        "true",
        "nan",
        "07:32:00",
        "1979-05-27 07:32:00",
        '"x"',
        '"\\"#[]{}"',
        "'\\'",
        '""',
        "''",
        '""""""',
        '"""a""""',
        '""""a\\""""""',
        '"""\n[x]\ny = 1\n"""',
        "''''''",
        "'''a''''",
        "'''\n]\n'''",
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda xs: "[ # [\n" + ",\n".join(xs) + "\n]")
        | st.lists(st.tuples(KEYS, inner), max_size=2).map(
            lambda kvs: "{" + ", ".join(f"{k} = {v}" for k, v in kvs) + " }"
        )
    ),
    max_leaves=5,
)
STATEMENTS = st.one_of(
    st.tuples(st.lists(KEYS, min_size=1, max_size=3), VALUES).map(
        lambda kv: f"{' . '.join(kv[0])} = {kv[1]} # comment"
    ),
    st.lists(KEYS, min_size=1, max_size=3).map(lambda ks: f"[{'.'.join(ks)}]"),
    st.lists(KEYS, min_size=1, max_size=3).map(lambda ks: f"[[ {'.'.join(ks)} ]]"),
    st.sampled_from(["", "  # just a comment = [", "\t"]),
)


@settings(max_examples=400)
@given(st.lists(STATEMENTS, max_size=8))
def test_the_walk_finds_what_tomllib_finds(statements: list[str]) -> None:
    text = ""
    for statement in statements:  # keep what stays valid
        longer = f"{text}{statement}\n"
        try:
            tomllib.loads(longer)
        except tomllib.TOMLDecodeError:
            continue
        text = longer
    found = key_lines(text)
    expected = {place[:DEPTH_MAX] for place in places(tomllib.loads(text))}
    assert set(found) == expected
    lines = text.split("\n")
    assert all(1 <= line <= len(lines) for line in found.values())


@pytest.mark.parametrize("text", ["", "\n\n", "# only this"])
def test_nothing_has_no_places(text: str) -> None:
    assert key_lines(text) == {}
