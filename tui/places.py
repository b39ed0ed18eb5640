"""The one table of the console's screens."""

from collections.abc import Mapping
from typing import Final

from tui.screens.approvals import ApprovalsScreen
from tui.screens.base import KeyraScreen
from tui.screens.door import DoorScreen
from tui.screens.enrol import EnrolScreen
from tui.screens.health import HealthScreen
from tui.screens.ledger import LedgerScreen
from tui.screens.people import PeopleScreen
from tui.screens.playground import PlaygroundScreen
from tui.screens.policy import PolicyScreen
from tui.screens.purposes import PurposesScreen
from tui.screens.settings import SettingsScreen
from tui.screens.start import StartScreen
from tui.screens.users import UsersScreen
from tui.terminal import Place

PLACES: Final[Mapping[Place, type[KeyraScreen]]] = {
    Place("1", "Door", "How the door is, and what happened last."): DoorScreen,
    Place(
        "2",
        "People",
        "Holders and keys, and what may be done.",
    ): PeopleScreen,
    Place("3", "Enrol", "A holder gets a key, step by step."): EnrolScreen,
    Place("4", "Approvals", "What waits for whose finger."): ApprovalsScreen,
    Place("5", "Ledger", "What happened, each entry with its proof."): LedgerScreen,
    Place("6", "Policy", "Who may pass when, and why somebody may not."): PolicyScreen,
    Place("7", "Users", "People as applications know them."): UsersScreen,
    Place("8", "Purposes", "Why applications ask for a touch."): PurposesScreen,
    Place("9", "Settings", "Switches, and what each risks."): SettingsScreen,
    Place("0", "Health", "Radio, clock, ledger, disk, backups."): HealthScreen,
    Place("P", "Playground", "A key is tried, and opens nothing."): PlaygroundScreen,
    Place("S", "Start", "What a new door still needs."): StartScreen,
}
"""In the order in which they are listed; the first one is open at the start."""
