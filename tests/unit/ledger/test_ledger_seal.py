"""The seal follows the commit; who waits for the commit does not wait for the seal."""

import os

import pytest

from ledger.batch import Appended
from ledger.entry import Draft
from ledger.errors import StateUnknown
from ledger.reader import Reader
from ledger.seal_file import read_seal
from tests.ledger_world import Made

EXIT = Draft("door.exit", {"door": "front"})


def test_who_waits_is_told_before_the_seal_and_the_seal_follows(made: Made) -> None:
    path = made.path.with_suffix(".seal")
    seen: list[tuple[int, int]] = []

    def told(appended: list[Appended]) -> None:
        with Reader.open(made.path) as reader:
            assert reader.size() == appended[-1].n + 1
        seen.append((appended[-1].n, read_seal(path).n))

    writer = made.open()
    writer.append([EXIT], made.door.stamp(), durable=told)
    assert seen == [(1, 1)]
    assert read_seal(path).n == 2

    def gone(appended: list[Appended]) -> None:
        raise RuntimeError(f"Nobody waits for entry {appended[-1].n}.")

    with pytest.raises(RuntimeError, match="entry 2"):
        writer.append([EXIT], made.door.stamp(), durable=gone)
    writer.append([EXIT], made.door.stamp())
    assert read_seal(path).n == writer.size == 4
    writer.close()


def test_what_was_told_before_the_seal_failed_is_there(made: Made) -> None:
    writer = made.open()
    told: list[Appended] = []
    assert writer._seal is not None
    os.close(writer._seal._descriptor)
    writer._seal._descriptor = os.open(made.path.with_suffix(".seal"), os.O_RDONLY)
    with pytest.raises(StateUnknown, match="seal"):
        writer.append([EXIT], made.door.stamp(), durable=told.extend)
    assert [entry.n for entry in told] == [1]
    with pytest.raises(StateUnknown):
        writer.append([EXIT], made.door.stamp(), durable=told.extend)
    again = made.open()
    assert again.size == read_seal(made.path.with_suffix(".seal")).n == 2
    again.close()
