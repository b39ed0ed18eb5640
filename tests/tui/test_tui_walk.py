"""The newcomer's walk on a terminal, with keys alone: the demonstration, live.

Enrol a holder, open the door, find the entry, verify, export, revoke, see the denial.
Each step waits for a text on the screen, and for no time.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.verify import Exit, verify_lines
from tests.tmux import Tmux

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(900)]

HOLDER = "holder-2"
AT_CONSOLE = "╭─ You, before the door"
AT_DOOR = "┏━ You, before the door"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@pytest.fixture
def live(folder: Path) -> Iterator[Tmux]:
    """The live demonstration, with the welcome read; the person is at the door."""
    demo = ("-m", "gateway", "demo", "--live", "--seed", "5")
    with Tmux(folder, demo, 120, 40) as terminal:
        terminal.sees("Welcome to a KEYRA door")
        terminal.press("Enter")
        terminal.sees(AT_DOOR)
        yield terminal


def test_enrol_open_find_verify_export_revoke_and_be_denied(
    live: Tmux, folder: Path
) -> None:
    order_an_enrolment(live)
    sign_it_at_the_door(live)
    go_through_the_ceremony(live)
    open_the_door(live)
    find_the_entry(live)
    verify(live)
    export(live, folder / "walk.jsonl")
    revoke(live)
    be_denied(live)
    live.press("q")
    assert live.ended() == 0


def to_the_console(live: Tmux) -> None:
    live.press("F2")
    live.sees(AT_CONSOLE)


def to_the_door(live: Tmux) -> None:
    live.press("F2")
    live.sees(AT_DOOR)


def order_an_enrolment(live: Tmux) -> None:
    to_the_console(live)
    live.press("3")
    live.sees("Whose key?", "enter Begin")
    for field in (HOLDER, "Ada Byron", "staff"):
        live.type(field)
        live.press("Tab")
    live.sees(HOLDER, "Ada Byron")
    live.press("Enter")
    live.sees(f"Register {HOLDER} (Ada Byron)", "waits for a finger", "s Sign")


def sign_it_at_the_door(live: Tmux) -> None:
    live.press("s")
    live.sees("TOUCH NOW", "admin: touch your key")
    to_the_door(live)
    live.sees("An order waits for a touch", "> admin")
    live.press("t")
    live.sees("It is signed and done.")
    live.press("F2")
    live.sees("[>] 1  The key is put into pairing mode", AT_CONSOLE)


def go_through_the_ceremony(live: Tmux) -> None:
    to_the_door(live)
    live.press("Down", "Down")
    live.sees("> new-1")
    live.press("p")
    live.sees("Does the key show", "Next: The key shows")
    to_the_console(live)
    live.press("e")
    to_the_door(live)
    live.press("y")
    live.sees("[>] 4", "BLINKS")
    live.press("t")
    live.sees("[>] 5", "BLINKS")
    live.press("t")
    live.sees("REGISTERED.", f"opens for {HOLDER}")


def open_the_door(live: Tmux) -> None:
    live.sees("strike holds")
    live.press("t")
    live.sees("strike RELEASED")
    live.press("o")
    live.sees("door   OPEN")
    live.press("o")
    live.sees("door   shut", "strike holds")


def find_the_entry(live: Tmux) -> None:
    to_the_console(live)
    live.press("5")
    live.sees("[5 Ledger]", "live")
    live.press("/")
    live.sees("enter keeps it")
    live.type(f"{HOLDER} door.grant")
    live.press("Enter")
    live.sees("kind:door.grant")
    live.press("Enter")
    live.sees("kind   door.grant")
    live.press("Escape")
    live.misses("kind   door.grant")
    live.press("Escape")
    live.misses("kind:door.grant")


def verify(live: Tmux) -> None:
    live.press("v")
    live.sees("The verifier key that you hold")
    live.press("Enter")
    live.sees("Verification", "CONSISTENT")
    live.press("Escape")
    live.misses("CONSISTENT")


def export(live: Tmux, path: Path) -> None:
    live.press("e")
    live.sees("into which new file?", "ledger-export.jsonl")
    live.press("C-u")
    live.misses("ledger-export.jsonl")
    live.type(str(path))
    live.sees(path.name)
    live.press("Enter")
    live.sees(f"{path}: ", "bytes. `keyra-ledger verify`")
    with path.open("rb") as lines:
        assert verify_lines(lines, vkey=None).exit is Exit.INCOMPLETE


def revoke(live: Tmux) -> None:
    live.press("2")
    live.sees("[2 People]", "Ada Byron")
    live.press("/")
    live.sees("enter keeps it")
    live.type(HOLDER)
    live.press("Enter")
    live.sees("People: 1", f"Ada Byron, {HOLDER}")
    live.press("Enter")
    live.sees("v Revoke key")
    live.press("v")
    live.sees(f"of {HOLDER} will be", "Cancel")
    live.press("Right", "Enter")
    live.sees("is revoked.")


def be_denied(live: Tmux) -> None:
    live.press("1")
    live.sees("[1 Door]")
    to_the_door(live)
    live.press("t")
    live.sees("DENIED", "credential-revoked", "strike holds")
    to_the_console(live)
