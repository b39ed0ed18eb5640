"""`keyra policy propose|show|history`: asked of a gateway, and read without one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.policy_store import TEXT_BYTES_MAX, FilePolicyStore
from gateway.config import defaults_text, load_policy
from gateway.core.entries import by_uid
from gateway.core.ids import DoorId
from gateway.core.order_entries import change_record, policy_change
from gateway.core.policy_standing import PolicyStanding, policy_digest
from gateway.errors import PolicyError
from gateway.service.views import PolicyWish
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer

Run = Callable[..., Any]
NOON_MS = 1_785_412_800_000
OTHER = """
[[group]]
id = "night-shift"
doors = ["front-door"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(OTHER)
    return path


@pytest.fixture
def config(tmp_path: Path, command: Run) -> Path:
    """A config with a ledger, and no gateway."""
    path = tmp_path / "gateway.toml"
    path.write_text(defaults_text().replace("/var/lib/keyra", str(tmp_path / "state")))
    assert command("init", "--config", str(path)).code == 0
    return path


def put_in_force(config: Path, text: str, *, keep: bool = True) -> str:
    """Write what a gateway writes when a policy was ordered."""
    state, sha256 = config.parent / "state", policy_digest(text)
    if keep:
        FilePolicyStore(state / "policies").save(text)
    standing = PolicyStanding(sha256, "0" * 64)
    record = change_record(policy_change(DoorId("front-door"), standing), by_uid(0))
    writer = Writer.open(state / "ledger.db", SigningKey.load(state / "ledger.key"))
    writer.append(
        [Draft(record.ev, record.what)], Stamp(NOON_MS, "00000000c0ffee00", 20, 0)
    )
    writer.close()
    return sha256


def test_a_proposal_is_said_first_and_then_signed(
    ask: Run, gateway: Any, file: Path
) -> None:
    view = type(gateway.facade.people[0])
    gateway.facade.people.append(
        view("adm-1", "Root", ("staff",), 0, 0, suspended=False, role="admin")
    )
    ended = ask("policy", "propose", str(file), "--dry-run")
    assert (ended.code, gateway.facade.desk.known) == (0, {})
    ended = ask("policy", "propose", str(file))
    assert ended.code == 0, ended
    assert f"The policy {'a' * 16} is in force." in ended.out
    wish = gateway.facade.desk.wishes[-1]
    assert wish == PolicyWish(load_policy(file).text())
    assert 'id = "night-shift"' in wish.text


def test_what_is_no_policy_is_refused_before_anybody_is_asked(
    ask: Run, gateway: Any, file: Path
) -> None:
    file.write_text("[[group]]\nid = 3\n")
    ended = ask("policy", "propose", str(file))
    assert ended.code == 78
    assert str(file) in ended.err
    assert gateway.facade.desk.wishes == []
    assert ask("policy", "propose", str(file.with_name("none.toml"))).code == 78


def test_the_text_of_an_earlier_one_comes_from_the_gateway(
    ask: Run, config: Path
) -> None:
    words = ("policy", "show", "--config", str(config), "--hash")
    assert ask(*words, "a" * 64).out == "[rules]\n"
    assert ask(*words, "b" * 64).code == 1


def test_without_a_gateway_the_ledger_says_what_is_in_force(
    command: Run, config: Path, file: Path
) -> None:
    show = ("policy", "show", "--config", str(config))
    assert "night-shift" not in command(*show).out
    sha256 = put_in_force(config, load_policy(file).text())
    out = command(*show).out
    assert "night-shift" in out
    assert f"SHA-256 {sha256}." in out
    assert "The config's own policy says something else" in out
    found = json.loads(command(*show, "--json").out)
    assert (found["sha256"], found["usable"]) == (sha256, True)
    assert command(*show, "--hash", sha256).out == load_policy(file).text()
    gone = put_in_force(config, "[rules]\n", keep=False)
    ended = command(*show)
    assert ended.code == 1
    assert gone in ended.out
    assert command(*show, "--hash", gone).code == 1


def test_history_lists_them_with_who_ordered(
    command: Run, config: Path, file: Path
) -> None:
    first = put_in_force(config, load_policy(file).text())
    second = put_in_force(config, "[rules]\n", keep=False)
    words = ("policy", "history", "--config", str(config))
    rows = json.loads(command(*words, "--json").out)
    assert [(row["sha256"], row["kept"]) for row in rows] == [
        (first, True),
        (second, False),
    ]
    lines = command(*words).out.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("its text is not here")


def test_a_store_takes_no_name_and_no_text_but_its_own(tmp_path: Path) -> None:
    store = FilePolicyStore(tmp_path / "policies")
    sha256 = policy_digest(OTHER)
    assert store.load(sha256) is None
    store.save(OTHER)
    store.save(OTHER)
    assert store.load(sha256) == OTHER
    path = tmp_path / "policies" / f"{sha256}.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    for rubbish in (b"\xff", b"", OTHER.encode() + b"#", b"x" * (TEXT_BYTES_MAX + 9)):
        path.write_bytes(rubbish)
        assert store.load(sha256) is None
    assert store.load(f"../{path.parent.name}/{sha256}") is None
    path.unlink()
    path.mkdir()
    assert store.load(sha256) is None
    (path / "full").touch()
    with pytest.raises(PolicyError):
        store.save(OTHER)
