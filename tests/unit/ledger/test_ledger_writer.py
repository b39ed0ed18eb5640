import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ledger.batch import sign_head
from ledger.checkpoint import COSIGNATURE, VerifierKey, cosign, parse_note
from ledger.encoding import canonical
from ledger.entry import Draft, parse_entry
from ledger.errors import (
    AppendFailed,
    KeyFileError,
    LedgerBusyError,
    LedgerCorruptError,
    LedgerError,
    LedgerExistsError,
    LedgerForeignError,
    LedgerMissingError,
    NoSuchEntryError,
    NoteError,
    SealError,
    StateUnknown,
)
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.reserve import RESERVE_BYTES
from ledger.seal import RECORD_BYTES, Seal
from ledger.seal_file import SLOT_BYTES, SealFile, read_seal
from ledger.store import connect_writer
from ledger.tree import leaf_hash
from ledger.verdict import Exit
from ledger.verify import verify_lines
from ledger.writer import Writer, initialise
from tests.ledger_world import ORIGIN, Made, make

EXIT = Draft("door.exit", {"door": "front"})


class Faulty(sqlite3.Connection):
    """A connection that fails at the statements named in `faults`."""

    faults: dict[str, int] = {}  # noqa: RUF012 - set by each test
    rolls_back = False

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        for start, code in self.faults.items():
            if sql.startswith(start):
                if self.rolls_back:
                    super().execute("ROLLBACK")
                error = sqlite3.OperationalError(f"injected at {start}")
                error.sqlite_errorcode = code
                raise error
        return super().execute(sql, parameters)  # type: ignore[arg-type] # passed on


def faulty() -> Callable[[Path], sqlite3.Connection]:
    Faulty.faults, Faulty.rolls_back = {}, False

    def connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, factory=Faulty)
        connection.execute("PRAGMA journal_mode=WAL")
        return connection

    return connect


def edit(path: Path, *statements: str) -> None:
    """Change the database by hand, past its triggers."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type='trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


def test_a_ledger_is_born_once(made: Made) -> None:
    with Reader.open(made.path) as reader:
        genesis = reader.genesis()
        assert (reader.size(), genesis.n, genesis.ev) == (1, 0, "genesis")
    assert genesis.what["vkey"] == made.vkey
    with pytest.raises(LedgerExistsError):
        make(made.path.parent)


def test_nothing_is_left_of_a_birth_that_failed(tmp_path: Path) -> None:
    key = SigningKey.generate()
    stamp = Made(tmp_path / "x.db", key, None).door.stamp()
    with pytest.raises(NoteError):
        initialise(tmp_path / "x.db", "no name", key, stamp)
    with pytest.raises(LedgerCorruptError):
        initialise(tmp_path / "missing" / "x.db", ORIGIN, key, stamp)
    assert not list(tmp_path.iterdir())


def test_two_births_at_once_give_one_ledger(tmp_path: Path) -> None:
    """The name is taken between looking and linking: a dangling link stands there."""
    path = tmp_path / "ledger.db"
    made = Made(path, SigningKey.generate(), None)

    class Race(SigningKey):
        def sign(self, message: bytes) -> bytes:
            path.write_text("somebody else's")
            return super().sign(message)

    with pytest.raises(LedgerExistsError):
        initialise(path, ORIGIN, Race(made.key._key), made.door.stamp())
    assert path.read_text() == "somebody else's"


def test_entries_are_chained_and_durable(made: Made) -> None:
    writer = made.open()
    assert (writer.origin, str(writer.vkey)) == (ORIGIN, made.vkey)
    first, second = writer.append([EXIT, EXIT], made.door.stamp())
    assert (first.n, second.n, writer.size) == (1, 2, 3)
    with Reader.open(made.path) as reader:
        bodies = list(reader.entries(0, 99))
        assert leaf_hash(bodies[2]) == second.leaf
        assert parse_entry(bodies[2]).prev == first.leaf == leaf_hash(bodies[1])
        assert parse_note(reader.head()).checkpoint.size == 3
    writer.close()
    writer.close()


def test_a_batch_has_limits_and_a_bad_draft_changes_nothing(made: Made) -> None:
    writer = made.open()
    for drafts in ([], [EXIT] * 1025, [EXIT, Draft("Bad", {})]):
        with pytest.raises(AppendFailed):
            writer.append(drafts, made.door.stamp())
    [entry] = writer.append([EXIT], made.door.stamp())
    assert entry.n == 1
    writer.close()


def test_heads_are_kept_hourly_and_at_special_moments(made: Made) -> None:
    writer = made.open()
    for step_ms in (1000, 1000, 3_600_000, 1000):
        writer.append([EXIT], made.door.stamp(step_ms))
    writer.append([Draft("stop", {"why": "test"})], made.door.stamp())
    writer.append([EXIT], made.door.stamp())
    with Reader.open(made.path) as reader:
        assert sorted(reader.notes()) == [1, 2, 4, 6]
        head = writer.checkpoint()
        assert reader.notes()[7] == head == reader.head()
    writer.close()


def test_there_is_never_more_than_one_writer(made: Made) -> None:
    writer = made.open()
    with pytest.raises(LedgerBusyError):
        made.open()
    writer.close()
    made.open().close()


def test_a_lock_that_cannot_be_made_is_named(made: Made) -> None:
    made.path.with_name("ledger.db-lock").mkdir()
    with pytest.raises(LedgerCorruptError):
        made.open()


def test_opening_never_creates(tmp_path: Path) -> None:
    key = SigningKey.generate()
    for opener in (lambda p: Writer.open(p, key), Reader.open):
        with pytest.raises(LedgerMissingError):
            opener(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    key = SigningKey.generate()
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("no database" * 20)
    sqlite3.connect(other).execute("CREATE TABLE t(x)").connection.close()
    for path in (text, other):
        with pytest.raises(LedgerForeignError):
            Writer.open(path, key)
    with pytest.raises(LedgerCorruptError):
        Reader.open(tmp_path)


def test_another_key_is_refused(made: Made) -> None:
    with pytest.raises(LedgerForeignError, match="not signed"):
        Writer.open(made.path, SigningKey.generate())


def test_another_format_is_refused(made: Made) -> None:
    edit(made.path, "PRAGMA user_version=2")
    for opener in (lambda p: Writer.open(p, made.key), Reader.open):
        with pytest.raises(LedgerForeignError, match="format 2"):
            opener(made.path)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM head",
        "UPDATE head SET size=0",
        "UPDATE head SET size=2",
        "UPDATE head SET note='rubbish'",
        "DELETE FROM entry",
        "DELETE FROM entry WHERE n=1",
        "DELETE FROM entry WHERE n=16",
        "UPDATE entry SET body=x'00' WHERE n=16",
        "UPDATE entry SET body=x'01' WHERE n=14",
        "INSERT INTO entry VALUES(17, x'00')",
        "DROP TRIGGER entry_update",
        "CREATE TABLE mine(x)",
    ],
)
def test_a_file_edited_by_hand_is_refused(lived: Made, statement: str) -> None:
    if statement.startswith("DROP"):
        connection = sqlite3.connect(lived.path)
        connection.execute(statement)
        connection.close()
    else:
        edit(lived.path, statement)
    with pytest.raises(LedgerCorruptError):
        lived.open()


def test_a_full_tile_is_checked_against_its_entries(made: Made) -> None:
    writer = made.open()
    writer.append([EXIT] * 255, made.door.stamp())
    writer.close()
    made.open().close()
    edit(
        made.path,
        "UPDATE entry SET body=CAST(replace(body, 'front', 'fromt') AS BLOB) WHERE n=9",
    )
    with pytest.raises(LedgerCorruptError, match="newest entries"):
        made.open()


def test_a_missing_tile_is_named(made: Made) -> None:
    writer = made.open()
    writer.append([EXIT] * 300, made.door.stamp())
    writer.close()
    edit(made.path, "DELETE FROM tile")
    with pytest.raises(LedgerCorruptError, match="lacks rows"):
        made.open()


def test_an_entry_with_a_wrong_number_is_refused(made: Made) -> None:
    """Only the holder of the key could sign such a thing; even then it is refused."""
    with Reader.open(made.path) as reader:
        body = reader.entry(0).replace(b'"n":0', b'"n":7')
    writer = made.open()
    writer._tail.edge.size, writer._tail.edge.hashes = 0, []
    writer._tail.edge.add(leaf_hash(body))
    note = sign_head(ORIGIN, writer._tail.edge, made.key)
    writer.close()
    edit(made.path, "DELETE FROM entry", "DELETE FROM head")
    connection = sqlite3.connect(made.path, isolation_level=None)
    connection.execute("INSERT INTO entry VALUES(0, ?)", (body,))
    connection.execute("INSERT INTO head VALUES(1, 1, ?)", (note,))
    connection.close()
    with pytest.raises(LedgerCorruptError, match="wrong number"):
        made.open()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET body=x'00' WHERE n=0",
        "DELETE FROM entry",
        "INSERT INTO entry VALUES(7, x'00')",
        "INSERT OR REPLACE INTO entry VALUES(0, x'00')",
        "INSERT INTO entry VALUES(1, 'text')",
        "UPDATE head SET size=0",
        "DELETE FROM head",
        "UPDATE note SET text='x'",
        "UPDATE note SET size=9",
        "DELETE FROM note",
    ],
)
def test_sql_that_does_not_append_is_refused(made: Made, sql: str) -> None:
    connection = connect_writer(made.path)
    with pytest.raises(sqlite3.Error):
        connection.execute(sql)
    connection.close()


def test_a_bit_that_flips_on_disk_is_not_chained_over(made: Made) -> None:
    writer = made.open()
    writer.append([EXIT], made.door.stamp())
    edit(
        made.path,
        "UPDATE entry SET body=CAST(replace(body, 'front', 'fromt') AS BLOB) WHERE n=1",
    )
    with pytest.raises(LedgerCorruptError, match="memory or disk"):
        writer.append([EXIT], made.door.stamp())
    with pytest.raises(StateUnknown):
        writer.append([EXIT], made.door.stamp())


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ({"BEGIN": sqlite3.SQLITE_BUSY}, AppendFailed),
        ({"INSERT INTO head": sqlite3.SQLITE_FULL}, AppendFailed),
        ({"SELECT body": sqlite3.SQLITE_IOERR}, AppendFailed),
        ({"COMMIT": sqlite3.SQLITE_FULL}, AppendFailed),
        ({"COMMIT": sqlite3.SQLITE_BUSY}, AppendFailed),
        ({"COMMIT": sqlite3.SQLITE_IOERR_FSYNC}, StateUnknown),
        ({"INSERT INTO head": 1, "ROLLBACK": 1}, StateUnknown),
        ({"COMMIT": sqlite3.SQLITE_FULL, "ROLLBACK": 1}, StateUnknown),
        ({"COMMIT": sqlite3.SQLITE_FULL, "PRAGMA wal": 1}, StateUnknown),
    ],
)
def test_each_failed_write_is_known_or_fatal(
    made: Made, faults: dict[str, int], error: type[Exception]
) -> None:
    writer = Writer.open(made.path, made.key, connect=faulty())
    Faulty.faults = faults
    with pytest.raises(error):
        writer.append([EXIT], made.door.stamp())
    Faulty.faults = {}
    if error is StateUnknown:
        with pytest.raises(StateUnknown, match="closed"):
            writer.append([EXIT], made.door.stamp())
        writer = made.open()
    [entry] = writer.append([EXIT], made.door.stamp())
    assert entry.n == 1
    writer.close()


@pytest.mark.parametrize("start", ["INSERT INTO head", "COMMIT"])
def test_a_transaction_that_sqlite_rolled_back_itself_is_known(
    made: Made, start: str
) -> None:
    writer = Writer.open(made.path, made.key, connect=faulty())
    Faulty.faults, Faulty.rolls_back = {start: sqlite3.SQLITE_FULL}, True
    with pytest.raises(AppendFailed):
        writer.append([EXIT], made.door.stamp())
    Faulty.faults = {}
    [entry] = writer.append([EXIT], made.door.stamp())
    assert entry.n == 1
    writer.close()


def test_a_ledger_may_go_without_a_seal(tmp_path: Path) -> None:
    made = make(tmp_path, sealed=False)
    made.append(EXIT)
    assert not made.path.with_suffix(".seal").exists()
    assert len(made.lines()) == 4


def test_a_failed_checkpoint_is_known(made: Made) -> None:
    writer = Writer.open(made.path, made.key, connect=faulty())
    Faulty.faults = {"INSERT OR IGNORE INTO note": 1}
    with pytest.raises(AppendFailed):
        writer.checkpoint()
    Faulty.faults = {}
    assert writer.checkpoint()
    writer.close()


def test_sqlite_itself_running_full_loses_nothing(made: Made) -> None:
    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_writer(path)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 1}")
        return connection

    writer = Writer.open(made.path, made.key, connect=connect)
    big = Draft("alarm", {"detail": "x" * 60_000})
    with pytest.raises(AppendFailed, match="full"):
        writer.append([big], made.door.stamp())
    [entry] = writer.append([EXIT], made.door.stamp())
    assert entry.n == 1
    writer.close()


def test_the_reserve_is_given_up_once(made: Made) -> None:
    reserve = made.path.with_suffix(".reserve")
    writer = Writer.open(made.path, made.key, connect=faulty())
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    Faulty.faults = {"INSERT INTO head": sqlite3.SQLITE_FULL}
    for _ in range(2):
        with pytest.raises(AppendFailed):
            writer.append([EXIT], made.door.stamp(), last_words=True)
        assert not reserve.exists()
    Faulty.faults = {}
    writer.close()
    made.open().close()
    assert reserve.exists()


def test_a_damaged_database_is_refused(made: Made) -> None:
    data = bytearray(made.path.read_bytes())
    data[100:200] = bytes(100)
    made.path.write_bytes(data)
    for opener in (lambda p: Writer.open(p, made.key), Reader.open):
        with pytest.raises(LedgerCorruptError):
            opener(made.path)


# --- the seal ---


def test_the_seal_follows_each_commit_and_catches_up(made: Made) -> None:
    path = made.path.with_suffix(".seal")
    made.append(EXIT, EXIT)
    after = read_seal(path)
    assert after.n == 3
    stale = path.read_bytes()
    made.append(EXIT)
    newest = read_seal(path)
    path.write_bytes(stale)
    made.open().close()
    assert read_seal(path) == newest


def test_each_of_the_two_slots_can_be_lost(made: Made) -> None:
    path = made.path.with_suffix(".seal")
    made.append(EXIT)
    data = path.read_bytes()
    for start in (0, SLOT_BYTES):
        torn = bytearray(data)
        torn[start + 20] ^= 1
        path.write_bytes(torn)
        made.open().close()
    path.write_bytes(bytes(SLOT_BYTES + RECORD_BYTES))
    with pytest.raises(SealError, match="destroyed"):
        made.open()
    path.unlink()
    with pytest.raises(SealError):
        made.open()


def test_a_ledger_that_was_rolled_back_is_refused(made: Made) -> None:
    old = made.path.read_bytes()
    made.append(EXIT)
    made.path.write_bytes(old)
    with pytest.raises(SealError, match="rolled back"):
        made.open()


def test_a_seal_that_cannot_be_written_is_fatal(made: Made) -> None:
    writer = made.open()
    assert writer._seal is not None
    os.close(writer._seal._descriptor)
    read_only = os.open(made.path.with_suffix(".seal"), os.O_RDONLY)
    writer._seal._descriptor = read_only
    with pytest.raises(StateUnknown, match="seal"):
        writer.append([EXIT], made.door.stamp())
    made.open().close()


def test_seal_files_are_made_once_and_read_with_care(tmp_path: Path) -> None:
    path = tmp_path / "seal"
    SealFile.create(path, Seal.first(bytes(32)))
    with pytest.raises(KeyFileError):
        SealFile.create(path, Seal.first(bytes(32)))
    path.chmod(0o400)
    if os.geteuid():
        with pytest.raises(SealError):
            SealFile.open(path)
    for opener in (SealFile.open, read_seal):
        with pytest.raises(SealError):
            opener(tmp_path)


# --- rotation, witnesses ---


def test_a_rotation_ends_one_key_and_begins_another(made: Made) -> None:
    writer, new = made.open(), SigningKey.generate()
    ending = writer.rotate(new, made.door.stamp())
    assert parse_note(ending).checkpoint.size == 2
    writer.append([EXIT], made.door.stamp())
    writer.close()
    with pytest.raises(LedgerForeignError):
        made.open()
    Writer.open(made.path, new).close()


def test_a_witness_is_added_to_a_kept_head(made: Made) -> None:
    witness = SigningKey.generate()
    key = VerifierKey("w.example", COSIGNATURE, witness.public)
    writer = made.open()
    note = parse_note(writer.checkpoint())
    line = cosign(note, "w.example", witness.public, witness.sign, 1_790_000_000)
    with pytest.raises(NoteError, match="kept"):
        writer.add_cosignature(9, line, key)
    with pytest.raises(NoteError, match="no signature"):
        writer.add_cosignature(1, line.replace("w.e", "v.e"), key)
    writer.add_cosignature(1, line, key)
    writer.close()
    with Reader.open(made.path) as reader:
        assert reader.notes()[1].endswith(line)


# --- the reader ---


def test_reading_does_not_hold_up_the_writer(made: Made) -> None:
    with Reader.open(made.path) as reader:
        made.append(*[EXIT] * 4)
        entries = reader.entries(0, 99)
        next(entries)
        made.append(EXIT)
        assert len(list(entries)) == 5
        with pytest.raises(NoSuchEntryError):
            reader.entry(99)


def test_a_reader_says_what_it_cannot_read(made: Made) -> None:
    reader = Reader.open(made.path)
    reader._connection.close()
    reader._connection = sqlite3.connect(":memory:")
    calls: list[Callable[[], object]] = [
        reader.head,
        reader.notes,
        reader.base,
        lambda: reader.entry(0),
        lambda: reader.edge(1),
        lambda: reader.roots([(0, 1)]),
    ]
    for call in calls:
        with pytest.raises(LedgerCorruptError):
            call()
    reader.close()


def test_a_closed_ledger_on_a_read_only_medium_is_readable(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Reader.open(made.path) as reader:
        assert reader.size() == 1


def test_entries_are_canonical(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        for body in reader.entries(0, 99):
            assert canonical(parse_entry(body).what) in body


@pytest.mark.parametrize("seed", range(6))
def test_a_file_of_changed_bytes_gives_a_named_error_or_the_truth(
    lived: Made, seed: int
) -> None:
    rng, data = random.Random(seed), lived.path.read_bytes()  # noqa: S311 - repeatable
    truth = lived.lines()
    for _ in range(40):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 3, 30))):
            limit = rng.choice((100, 2000, len(changed)))
            changed[rng.randrange(limit)] = rng.randrange(256)
        lived.path.write_bytes(changed)
        for beside in ("-wal", "-shm"):
            lived.path.with_name(f"ledger.db{beside}").unlink(missing_ok=True)
        with suppress(LedgerError):
            lived.open().close()
        with suppress(LedgerError):
            lines = lived.lines()
            if verify_lines(lines, vkey=lived.vkey).exit is Exit.VERIFIED:
                assert [x for x in lines if b'"at"' in x[:5]] == [
                    x for x in truth if b'"at"' in x[:5]
                ]


def test_an_entry_that_is_text_is_refused(made: Made) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE entry(n, body)")
    connection.execute("INSERT INTO entry VALUES(0, 'text')")
    reader = Reader(made.path, connection)
    with pytest.raises(LedgerCorruptError, match="no longer bytes"):
        reader.entry(0)
    with pytest.raises(LedgerCorruptError, match="no longer bytes"):
        reader.bodies([0])
    reader.close()
