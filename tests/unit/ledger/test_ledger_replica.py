"""A ledger made from another one's lines is that ledger, and rubbish makes none."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import replica
from ledger.entry import Draft
from ledger.errors import LedgerCorruptError, LedgerExistsError
from ledger.export import export_lines
from ledger.prune import prune
from ledger.reader import Reader
from ledger.replica import LINE_BYTES_MAX, rebuild, replica_lines
from ledger.seal_file import seal_path
from ledger.store import connect_writer
from ledger.writer import Writer
from tests.ledger_world import Made

TABLES = ("entry", "head", "base", "note", "tile")


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608 - our own names
            for name in TABLES
        }


def lines_of(path: Path) -> list[bytes]:
    with Reader.open(path) as reader:
        return list(replica_lines(reader, *reader.sized_head(), lambda *_: None))


def grown(made: Made, entries: int) -> None:
    with closing(Writer.open(made.path, made.key)) as writer:
        for _ in range(entries // 100):
            drafts = [Draft("door.exit", {"door": "front"})] * 100
            writer.append(drafts, made.door.stamp())


def test_a_copy_is_the_same_ledger_row_for_row(lived: Made, tmp_path: Path) -> None:
    grown(lived, 1_000)
    rebuild(tmp_path / "copy.db", lines_of(lived.path))
    assert rows(tmp_path / "copy.db") == rows(lived.path)
    assert rows(lived.path)["tile"]
    shutil.copy(seal_path(lived.path), seal_path(tmp_path / "copy.db"))
    with closing(Writer.open(tmp_path / "copy.db", lived.key)) as writer:
        writer.append([Draft("door.exit", {"door": "front"})], lived.door.stamp())


def test_a_copy_ends_where_its_head_was_whatever_came_after(
    lived: Made, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    with Reader.open(lived.path) as reader:
        size, head = reader.sized_head()
        wanted = list(export_lines(reader))
        grown(lived, 5_000)
        lines = list(replica_lines(reader, size, head, lambda *done: told.append(done)))
    rebuild(tmp_path / "copy.db", lines)
    with Reader.open(tmp_path / "copy.db") as copy:
        assert list(export_lines(copy)) == wanted
        assert copy.sized_head() == (size, head)
    assert told == [(size, size)]


def test_long_ledgers_tell_their_progress_and_are_stored_in_steps(
    lived: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "_COMMIT_LINES", 100)
    grown(lived, 300)
    told: list[tuple[int, int]] = []
    with Reader.open(lived.path) as reader:
        sized = reader.sized_head()
        lines = list(replica_lines(reader, *sized, lambda *done: told.append(done)))
    assert told[:2] == [(100, sized[0]), (200, sized[0])]
    rebuild(tmp_path / "copy.db", lines)
    assert rows(tmp_path / "copy.db") == rows(lived.path)


def test_a_pruned_ledger_is_copied_with_its_base(lived: Made, tmp_path: Path) -> None:
    grown(lived, 700)
    with closing(Writer.open(lived.path, lived.key)) as writer:
        writer.checkpoint()
        base = writer.size
    grown(lived, 300)
    prune(lived.path, lived.key, base, [], lived.door.stamp())
    rebuild(tmp_path / "copy.db", lines_of(lived.path))
    assert rows(tmp_path / "copy.db") == rows(lived.path)
    assert rows(lived.path)["base"]
    with closing(Writer.open(tmp_path / "copy.db", lived.key)) as writer:
        writer.append([Draft("door.exit", {"door": "front"})], lived.door.stamp())


def test_missing_rows_and_rows_of_another_kind_are_told(
    lived: Made, tmp_path: Path
) -> None:
    with Reader.open(lived.path) as reader:
        size, head = reader.sized_head()
        with pytest.raises(LedgerCorruptError, match="lacks entries from"):
            list(replica_lines(reader, size + 1, head, lambda *_: None))
    lines = lines_of(lived.path)
    rebuild(tmp_path / "copy.db", lines)
    with closing(connect_writer(tmp_path / "copy.db")) as connection:
        # STRICT tables take a blob or refuse it; only a changed schema holds another.
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql=replace(sql, 'root BLOB', 'root ANY') "
            "WHERE name='tile'"
        )
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        connection.execute("INSERT INTO tile VALUES(0,0,'text')")
        connection.commit()
        reader = Reader(tmp_path / "copy.db", connection)
        with pytest.raises(LedgerCorruptError, match="no longer bytes"):
            list(reader.tiles(1))


def test_nothing_is_replaced(lived: Made) -> None:
    before = lived.path.read_bytes()
    with pytest.raises(LedgerExistsError):
        rebuild(lived.path, [])
    assert lived.path.read_bytes() == before


BAD = {
    "cut": b'{"head":{"note":"x","size":1}}',
    "long": b'{"at":"' + b"x" * LINE_BYTES_MAX + b'"}\n',
    "no entry": b'{"at":1}\n',
    "no JSON": b"rubbish\n",
    "not canonical": b'{"head": {"note":"x","size":1}}\n',
    "no object": b"[1]\n",
    "two names": b'{"base":{},"head":{}}\n',
    "unknown": b'{"other":{}}\n',
    "no members": b'{"head":{}}\n',
    "no object inside": b'{"head":1}\n',
    "no number": b'{"head":{"note":"x","size":true}}\n',
    "no text": b'{"kept":{"note":1,"size":1}}\n',
    "no hex": b'{"tile":{"i":0,"level":1,"root":"x"}}\n',
    "hex of another kind": b'{"tile":{"i":0,"level":1,"root":7}}\n',
    "a gap": b'{"base":{"n":0,"prev":"' + b"0" * 64 + b'"}}\n',
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_lines_that_make_no_ledger(line: bytes, tmp_path: Path) -> None:
    with pytest.raises(LedgerCorruptError):
        rebuild(tmp_path / "copy.db", [line])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutated_lines_raise_that_one_error_or_make_a_database(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    line = bytearray(data.draw(st.sampled_from(sorted(BAD.values(), key=len)[:14])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at] = data.draw(st.integers(0, 255))
    try:
        rebuild(folder / "copy.db", [bytes(line)])
    except LedgerCorruptError:
        return
    assert (folder / "copy.db").exists()
