"""What a new door still needs, in the order in which it is done. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.schemas import Status
from tui.view_models import live
from tui.view_models.live import Model

UNKNOWN: Final = "Connecting ..."
READY: Final = (
    "This door is ready. Keep a checkpoint of its ledger elsewhere (5, then c), and a "
    "backup (`keyra backup`), again and again."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        done: whether it was; told by the gateway, never by a tick that somebody sets.
        how: what to do, one sentence.
    """

    done: bool
    what: str
    how: str


def steps(
    status: Status, *, administered: bool, shared: bool, opened: bool
) -> tuple[Step, ...]:
    """Judge each step by what the gateway says.

    Args:
        status: the gateway's.
        administered: whether an administrator has a key that works.
        shared: whether keys of two people work.
        opened: whether the ledger holds an opening by a key.
    """
    broken = [what for works, what in live.health(Model(status=status)) if not works]
    return (
        Step(
            not broken,
            "Radio, strike, ledger and clock work",
            f"Not working: {', '.join(broken)}. `keyra doctor` finds out why.",
        ),
        Step(
            status.door.commissioned,
            "The door was commissioned",
            "Stand at the door as its installer, and run `sudo keyra commission`.",
        ),
        Step(
            administered,
            "An administrator has a key",
            "Press 3: enrol the first key with the role admin.",
        ),
        Step(
            shared,
            "Somebody else has a key",
            "Press 3 again: a lost key of the only administrator locks all out.",
        ),
        Step(
            opened,
            "The door was opened with a finger",
            "Wake a key at the door and touch it; P tries one without opening.",
        ),
    )


def text(found: Sequence[Step]) -> str:
    """Write the steps, and what to do next in one sentence."""
    waiting = next((step for step in found if not step.done), None)
    lines = [
        f"{number}. {'done' if one.done else 'NEXT' if one is waiting else 'open'}  "
        f"{one.what}"
        for number, one in enumerate(found, 1)
    ]
    return "\n".join([*lines, "", waiting.how if waiting else READY])
