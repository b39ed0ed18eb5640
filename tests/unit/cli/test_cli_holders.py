"""`keyra holders …`: tables in and out, and changes of one holder."""

import dataclasses
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import holders as verbs
from gateway.service.views import (
    EnrolmentOrder,
    HolderStateWish,
    HolderWish,
    ImportWish,
)

Run = Callable[..., Any]
HEAD = "holder,name,groups,from,until,role,uses,state\r\n"


@pytest.fixture
def administered(gateway: Any) -> Any:
    """A gateway with one administrator, of whom a finger is wanted for everything."""
    view = type(gateway.facade.people[0])
    gateway.facade.people.append(
        view("adm-1", "=Root", ("staff",), 0, 10**12, suspended=False, role="admin")
    )
    gateway.facade.people.sort(key=lambda one: one.id)
    return gateway


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., str]:
    def write(*lines: str) -> str:
        path = tmp_path / "people.csv"
        path.write_text(HEAD + "\r\n".join(lines), "utf-8", newline="")
        return str(path)

    return write


def test_the_list_is_as_it_was(ask: Run, administered: Any) -> None:
    assert administered
    assert "holder-0001  Ada Byron" in ask("holders").out
    (first, *_) = json.loads(ask("holders", "--json").out)
    assert (first["id"], first["uses_max"]) == ("adm-1", 0)


def test_a_table_is_imported_by_a_finger(
    ask: Run, administered: Any, table: Callable[..., str]
) -> None:
    path = table(
        "holder-0001,Ada Byron,staff,,,,0,",
        "h-7,Seven,staff night,,,,2,",
        "adm-1,,,,,admin,0,",
    )
    ended = ask("holders", "import", path, "--as", "adm-1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("3 holders read; 2 changed.\n")
    # A dry run first, whatever is asked for; who stands there already is left out.
    wish = ImportWish(
        (
            HolderWish("h-7", "Seven", ("staff", "night"), 0, 0, "", 2),
            HolderWish("adm-1", "", (), 0, 0, "admin", 0),
        )
    )
    assert administered.facade.desk.wishes == [wish, wish]
    assert len(administered.facade.desk.known) == 1


def test_a_dry_run_changes_nothing(
    ask: Run, administered: Any, table: Callable[..., str]
) -> None:
    path = table("h-7,Seven,,,,,0,")
    ended = ask("holders", "import", "--dry-run", path)
    assert ended.code == 0
    assert ended.out.endswith("1 holders read; 1 would change. Nothing was changed.\n")
    told = json.loads(ask("holders", "import", "--dry-run", path, "--json").out)
    assert (told["rows"], told["changes"], told["done"]) == (1, 1, 0)
    assert administered.facade.desk.known == {}


def test_one_bad_line_and_nothing_is_asked_for(
    ask: Run, administered: Any, table: Callable[..., str]
) -> None:
    ended = ask("holders", "import", table("h-7,Seven,,,,,0,", "h-8,,,,,,0,"))
    assert (ended.code, ended.out) == (1, "")
    assert "Line 3: h-8 is new here: give their name.\nNothing was" in ended.err
    assert administered.facade.desk.wishes == []


def test_a_second_signature_is_waited_for_before_what_follows(
    ask: Run,
    administered: Any,
    table: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verbs, "IMPORT_HOLDERS_MAX", 2)
    administered.facade.desk.ends = "pending"
    path = table(*(f"h-{n},N {n},,,,,0," for n in range(3)))
    ended = ask("holders", "import", path)
    assert ended.code == 0
    assert "0 of 3 changed. When the order is signed, import the table" in ended.out
    assert len(administered.facade.desk.known) == 1
    assert [len(wish.holders) for wish in administered.facade.desk.wishes] == [2, 1, 2]


def test_a_table_may_come_by_stdin(
    ask: Run, administered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert administered
    given = io.TextIOWrapper(io.BytesIO((HEAD + "h-7,Seven,,,,,0,").encode()))
    monkeypatch.setattr(sys, "stdin", given)
    ended = ask("holders", "import", "-", "--break-glass", "No key at hand today")
    assert ended.out == "1 holders read; 1 changed.\n"
    ((wish, _, _),) = administered.facade.desk.glass
    assert wish == ImportWish((HolderWish("h-7", "Seven", (), 0, 0, "", 0),))


def test_a_table_that_is_not_there(ask: Run, tmp_path: Path) -> None:
    ended = ask("holders", "import", str(tmp_path / "none.csv"))
    assert (ended.code, "No such file" in ended.err) == (1, True)
    ended = ask("holders", "import", str(tmp_path))
    assert (ended.code, "directory" in ended.err) == (1, True)


def test_an_export_is_for_this_user_alone_and_replaces_nothing(
    ask: Run, administered: Any, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    assert ask("holders", "export", str(path)).out == f"{path}: 2 holders.\n"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_bytes().decode()
    assert text == (
        HEAD
        + "adm-1,'=Root,staff,,2001-09-09T01:46:40Z,admin,0,active\r\n"
        + "holder-0001,Ada Byron,staff,,,,0,active\r\n"
    )
    ended = ask("holders", "export", str(path))
    assert (ended.code, "File exists" in ended.err) == (1, True)
    # Back again: there is nothing to do, and nobody is asked for a finger.
    assert ask("holders", "import", str(path)).out == "2 holders read; 0 changed.\n"
    assert administered.facade.desk.wishes == []


def test_an_export_to_the_screen_tells_of_names_that_are_locked(
    ask: Run, administered: Any
) -> None:
    people = administered.facade.people
    people[0] = dataclasses.replace(people[0], name=None)
    ended = ask("holders", "export")
    assert ended.out.splitlines()[1].startswith("adm-1,,staff,")
    assert ended.err == "keyra: 1 names cannot be read; their cells are empty.\n"


def test_an_export_that_the_disk_refuses_leaves_nothing(
    ask: Run, administered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert administered

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ended = ask("holders", "export", str(tmp_path / "people.csv"))
    assert (ended.code, "No space left" in ended.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_holder_is_suspended_and_resumed(ask: Run, administered: Any) -> None:
    ended = ask("holders", "suspend", "holder-0001")
    assert (ended.code, "holder-0001 is suspended." in ended.out) == (0, True)
    ended = ask("holders", "resume", "holder-0001", "--json")
    assert json.loads(ended.out)["id"] == "holder-0001"
    assert administered.facade.desk.wishes == [
        HolderStateWish("holder-0001", suspended=True),
        HolderStateWish("holder-0001", suspended=False),
    ]
    ended = ask("holders", "suspend", "holder-9")
    assert (ended.code, "There is no holder 'holder-9'" in ended.err) == (1, True)


def test_only_what_is_said_of_a_holder_changes(ask: Run, administered: Any) -> None:
    words = ("--group", "night", "--until", "2031-12-31T18:00+00:00", "--uses", "3")
    assert ask("holders", "change", "adm-1", *words).code == 0
    ask("holders", "change", "adm-1", "--no-groups", "--until", "none")
    ask("holders", "change", "adm-1", "--role", "none", "--name", "Anew")
    until_ms = 1956506400000
    assert administered.facade.desk.wishes == [
        HolderWish("adm-1", "", ("night",), until_ms=until_ms, uses_max=3),
        HolderWish("adm-1", "", (), until_ms=0),
        HolderWish("adm-1", "Anew", role=""),
    ]


def test_more_time_at_a_door_stays_whatever_a_table_says(
    ask: Run, administered: Any, table: Callable[..., str]
) -> None:
    people, desk = administered.facade.people, administered.facade.desk
    ask("holders", "change", "holder-0001", "--extended")
    assert desk.wishes[-1] == HolderWish("holder-0001", extended=True)
    people[1] = dataclasses.replace(people[1], extended=True)
    ask("holders", "import", table("holder-0001,,night,,,,0,"))
    assert desk.wishes[-1].holders[0].extended is None  # as it is
    assert "active, more time" in ask("holders").out
    ask("holders", "change", "holder-0001", "--no-extended")
    assert desk.wishes[-1].extended is False


def test_a_change_that_makes_no_sense(ask: Run, administered: Any) -> None:
    words = ("--from", "2031-01-02T00:00Z", "--until", "2031-01-01T00:00Z")
    ended = ask("holders", "change", "adm-1", *words)
    assert (ended.code, "until_ms must be later" in ended.err) == (1, True)
    assert ask("holders", "change", "adm-1", "--group", "A b").code == 1
    assert ask("holders", "change", "adm-1", "--until", "soon").code == 64
    assert administered.facade.desk.wishes == []


def test_what_waits_for_another_signature_is_not_said_to_be_done(
    ask: Run, administered: Any
) -> None:
    administered.facade.desk.ends = "pending"
    ended = ask("holders", "resume", "holder-0001")
    assert (ended.code, "is active" in ended.out) == (0, False)


def test_a_known_holder_is_enrolled_without_their_name(
    ask: Run, administered: Any
) -> None:
    administered.facade.desk.ends = "pending"
    assert ask("enrol", "holder-0001", "--break-glass", "No key at hand").code == 0
    ((wish, _, _),) = administered.facade.desk.glass
    assert wish == EnrolmentOrder("holder-0001")  # and everything stays as it is
    words = ("--no-groups", "--role", "none", "--extended", "--until", "none")
    assert (
        ask("enrol", "holder-0001", "--break-glass", "No key at hand", *words).code == 0
    )
    (_, (wish, _, _)) = administered.facade.desk.glass
    assert wish == EnrolmentOrder(
        "holder-0001", groups=(), role="", extended=True, until_ms=0
    )
