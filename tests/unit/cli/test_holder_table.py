"""The table of holders: what is written comes back; what is bad is told by its line."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli.holder_table import (
    FAULTS_SHOWN_MAX,
    TABLE_BYTES_MAX,
    TABLE_ROWS_MAX,
    Row,
    changed,
    read_table,
    write_table,
)
from gateway.cli.holders import ORDER_BYTES_MAX, parts
from gateway.errors import HolderTableError
from gateway.schemas import NAME_CHARS_MAX, WALL_MS_MAX, Holder, HolderWish

HEAD = "holder,name,groups,from,until,role,uses\r\n"
LAST = "Nothing was imported; mend the table and import it again."


def holder(holder_id: str = "h-1", name: str | None = "Ada", **more: object) -> Holder:
    members = {"groups": (), "from_ms": 0, "until_ms": 0, "suspended": False, **more}
    return Holder.model_validate({"id": holder_id, "name": name, **members})


def faults(text: str | bytes) -> list[str]:
    """The sentences about a table that is refused, without the last one."""
    with pytest.raises(HolderTableError) as refused:
        read_table(text if isinstance(text, bytes) else text.encode())
    *sentences, last = str(refused.value).split("\n")
    assert last == LAST
    return sentences


def names_of(*lines: str) -> list[str]:
    return [row.wish.name for row in read_table((HEAD + "\r\n".join(lines)).encode())]


IDENTIFIERS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.one_of(
    st.text(min_size=1, max_size=NAME_CHARS_MAX),
    st.builds(
        str.__add__, st.sampled_from(list("=+-@'＝＋－＠")), st.text(max_size=20)
    ),
).filter(lambda text: text.isprintable() and text == text.strip())
TIMES = st.one_of(st.just(0), st.integers(1, WALL_MS_MAX), st.integers(1, 4 * 10**12))


@st.composite
def known_holders(draw: st.DrawFn) -> list[Holder]:
    made = []
    for holder_id in draw(st.lists(IDENTIFIERS, unique=True, max_size=6)):
        start_ms, end_ms = sorted((draw(TIMES), draw(TIMES)))
        bounds = (start_ms, end_ms) if start_ms < end_ms else (start_ms, 0)
        made.append(
            holder(
                holder_id,
                draw(NAMES),
                groups=tuple(draw(st.lists(IDENTIFIERS, max_size=4))),
                from_ms=bounds[0],
                until_ms=bounds[1],
                suspended=draw(st.booleans()),
                role=draw(st.sampled_from(["", "auditor", "operator", "admin"])),
                uses_max=draw(st.integers(0, 10**6)),
            )
        )
    return made


@settings(max_examples=40)
@given(known_holders())
def test_what_was_written_is_read_and_changes_nothing(known: list[Holder]) -> None:
    table = write_table(known)
    rows = read_table(table.encode())
    assert [row.wish.holder_id for row in rows] == [one.id for one in known]
    assert [row.wish.name for row in rows] == [one.name for one in known]
    assert changed(rows, {one.id: one for one in known}) == ()
    # Elsewhere, the same people come into being; those who were suspended do not.
    suspended = [one for one in known if one.suspended]
    if suspended:
        with pytest.raises(HolderTableError, match="cannot begin suspended"):
            changed(rows, {})
    else:
        assert [wish.uses_max for wish in changed(rows, {})] == [
            one.uses_max for one in known
        ]


@given(NAMES)
def test_no_cell_begins_a_formula(name: str) -> None:
    (_, cells) = csv.reader(io.StringIO(write_table([holder(name=name)]), newline=""))
    assert not any(cell.startswith(tuple("=+-@\t\r＝＋－＠")) for cell in cells)


def test_an_apostrophe_of_ones_own_stays() -> None:
    assert names_of("h-1,'Neil,,,,,0", "h-2,''Neil,,,,,", "h-3,'=1+1,,,,,0") == [
        "'Neil",
        "'Neil",
        "=1+1",
    ]


def test_what_a_spreadsheet_makes_of_it_is_understood() -> None:
    table = (
        "\ufeffState,Until,from,HOLDER,name,groups,role,uses\n"
        ',2031-12-31T18:00+01:00,2030-01-01T00:00:00.250Z,h-1,"Ada, Countess",'
        "staff  night,operator,3\n"
        ",,,,,,,\n"
        "\n"
        'active,,,h-2,"Say ""hi""",,,\n'
    )
    one, two = read_table(table.encode())
    assert (one.line, two.line) == (2, 5)
    assert one.wish.groups == ("staff", "night")
    assert (one.wish.from_ms, one.wish.until_ms) == (1893456000250, 1956502800000)
    assert (one.wish.name, one.wish.role, one.wish.uses_max) == (
        "Ada, Countess",
        "operator",
        3,
    )
    assert (two.wish.name, two.state) == ('Say "hi"', "active")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("H 1,A,,,,,0", "holder: String should match pattern"),
        ("h-1,A\tB,,,,,0", "name: Value error, must hold printable"),
        (f"h-1,{'A' * 121},,,,,0", "name: String should have at most 120"),
        ("h-1,A,Staff,,,,0", "groups: String should match pattern"),
        ("h-1,A,,2030-01-01,,,0", "from: Write it with its zone"),
        ("h-1,A,,,2030-01-01T08:00,,0", "until: Write it with its zone"),
        ("h-1,A,,,1970-01-01T00:00Z,,0", "until: Write it with its zone"),
        ("h-1,A,,,tomorrow,,0", "until: Write it with its zone"),
        ("h-1,A,,,9999999999999999 ms,,0", "until: Input should be less than"),
        ("h-1,A,,2031-01-01T00Z,2030-01-01T00Z,,0", "Value error, until_ms must be"),
        ("h-1,A,,,,root,0", "role: Input should be"),
        ("h-1,A,,,,,-1", "uses: It is a number"),
        ("h-1,A,,,,,1.5", "uses: It is a number"),
        ("h-1,A,,,,,²", "uses: It is a number"),
        ("h-1,A,,,,,1000001", "uses: Input should be less than"),
        ("h-1,A,,,,", "Here are 6 cells, not 7."),
        ('h-1,"A,,,,,0', "This is no CSV"),
        ('h-1,"A" B,,,,,0', "This is no CSV"),
        ("h-0,A,,,,,0", "h-0 stands in line 2 already."),
    ],
)
def test_one_sentence_for_a_bad_line(line: str, sentence: str) -> None:
    (said,) = faults(HEAD + "h-0,Fine,,,,,0\r\n" + line)
    assert said.startswith(f"Line 3: {sentence}")
    assert "Fine" not in said


def test_every_bad_line_is_told_up_to_a_limit() -> None:
    assert [said[:7] for said in faults(HEAD + "x,,\n" * 3)] == [
        "Line 2:",
        "Line 3:",
        "Line 4:",
    ]
    many = faults(HEAD + "x,,\n" * 100)
    assert len(many) == FAULTS_SHOWN_MAX + 1
    assert many[-1] == f"{100 - FAULTS_SHOWN_MAX} more lines are bad."


@pytest.mark.parametrize(
    "head",
    [
        "",
        "\n\n",
        "holder;name;groups;from;until;role;uses",
        "holder,name,groups,from,until,role",  # a role that is not said is not taken
        HEAD.strip() + ",uses",
        HEAD.strip() + ",badge",
        "h-1,Ada,,,,,0",
    ],
)
def test_the_columns_must_be_right(head: str) -> None:
    (said,) = faults(head)
    assert "The columns must be holder,name,groups,from,until,role,uses" in said


def test_a_state_is_one_that_there_is() -> None:
    (said,) = faults(HEAD.strip() + ",state\nh-1,A,,,,,0,gone")
    assert said == "Line 2: state: It is active or suspended."


def test_limits() -> None:
    with pytest.raises(HolderTableError, match=f"{TABLE_BYTES_MAX} bytes at most"):
        read_table(b"x" * (TABLE_BYTES_MAX + 1))
    lines = "".join(f"h-{n},,,,,,0\n" for n in range(TABLE_ROWS_MAX + 1))
    (said,) = faults(HEAD + lines)
    assert said == f"Line {TABLE_ROWS_MAX + 2}: A table holds 20000 holders at most."
    with pytest.raises(HolderTableError, match=r"Line 2: This is not UTF-8"):
        read_table(HEAD.encode() + b"h-1,Zo\xeb,,,,,0")


def rows(*lines: str) -> tuple[Row, ...]:
    return read_table((HEAD.strip() + ",state\n" + "\n".join(lines)).encode())


def test_what_stands_there_already_is_left_out() -> None:
    known = {"h-1": holder(), "h-2": holder("h-2", None), "h-3": holder("h-3")}
    wishes = changed(
        rows("h-1,Ada,,,,,0,", "h-2,,,,,,0,active", "h-3,,staff,,,,0,"), known
    )
    assert [wish.holder_id for wish in wishes] == ["h-3"]


def test_what_cannot_be_is_told_by_its_line() -> None:
    known = {
        "h-1": holder(suspended=True),
        "h-2": holder("h-2", None, erased=True, suspended=True),
        "h-3": holder("h-3"),
    }
    table = rows(
        "h-1,Ada,,,,,0,active",
        "h-2,Ada,,,,,0,",
        "h-3,Ada,,,,,0,suspended",
        "h-4,,,,,,0,",
        "h-5,Eve,,,,,0,suspended",
    )
    with pytest.raises(HolderTableError) as refused:
        changed(table, known)
    assert str(refused.value).split("\n") == [
        "Line 2: No table changes the state; use `keyra holders resume h-1`.",
        "Line 3: h-2 was erased; a pseudonym is never used again.",
        "Line 4: No table changes the state; use `keyra holders suspend h-3`.",
        "Line 5: h-4 is new here: give their name.",
        "Line 6: h-5 is new here and cannot begin suspended.",
        LAST,
    ]


def test_orders_are_cut_by_count_and_by_bytes() -> None:
    small = [HolderWish(holder_id=f"h-{n}", name="A") for n in range(1001)]
    assert [len(part) for part in parts(small)] == [500, 500, 1]
    groups = tuple(f"{n:02}".ljust(64, "x") for n in range(32))
    large = [wish.model_copy(update={"groups": groups}) for wish in small[:300]]
    cut = list(parts(large))
    assert [wish for part in cut for wish in part] == large
    assert len(cut) > 1
    assert all(
        sum(len(wish.model_dump_json()) for wish in part) <= ORDER_BYTES_MAX
        for part in cut
    )
    assert list(parts([])) == []


SOUND = write_table(
    [holder(f"h-{n}", f'=Na,m"{n}', groups=("a", "b"), until_ms=10**12) for n in "123"]
).encode()


@given(st.binary(max_size=400), st.data())
def test_rubbish_and_mutations_end_in_the_named_error(
    rubbish: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(SOUND)))
    end = data.draw(st.integers(start, len(SOUND)))
    for table in (rubbish, SOUND[:start] + rubbish[:8] + SOUND[end:]):
        try:
            assert all(row.line > 1 for row in read_table(table))
        except HolderTableError as refused:
            assert str(refused)  # noqa: PT017 - either way out is right


@given(st.text(alphabet="h-1,\"\r\n'=;0A\x00\x85\u2028²٣", max_size=60))
def test_rubbish_below_a_sound_head(text: str) -> None:
    try:
        found = read_table((HEAD + text).encode())
    except HolderTableError as refused:
        assert str(refused).startswith("Line ")  # noqa: PT017 - either is right
    else:
        assert len({row.wish.holder_id for row in found}) == len(found)
