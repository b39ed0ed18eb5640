"""The API's models of users and of health; see the package for the rules."""

from typing import Annotated, Final

from pydantic import Field

from gateway.schemas import Credential, Health, Incoming, Outgoing, StageFigures

ALIAS_CHARS_MAX: Final = 120

Alias = Annotated[str, Field(min_length=1, max_length=ALIAS_CHARS_MAX)]


class User(Outgoing):
    """A holder with their keys; aliases are counted, and never told."""

    id: str
    name: str | None
    groups: tuple[str, ...]
    role: str
    state: str
    alias_count: int
    credentials: tuple[Credential, ...]


class UserPage(Outgoing):
    """Users by id; `next` is the cursor of the page that follows, or null."""

    items: tuple[User, ...]
    next: str | None


class AliasQuestion(Incoming):
    """By which alias somebody is looked for."""

    alias: Alias


class Radio(Outgoing):
    """The radio; times in milliseconds since boot, null where nothing was heard."""

    scanning: bool
    scanning_changed_up_ms: int
    heard_up_ms: int | None
    signal_dbm: int | None
    fault: str


class Upkeep(Outgoing):
    """What is done for the gateway's data; -1 for what is not known."""

    sealed_entries: int
    backup_ms: int
    backup_entries: int
    verified_ms: int
    disk_free_bytes: int


class Wellbeing(Outgoing):
    """How the gateway is, in detail; `clock_error_ms` is -1 while nobody vouches."""

    up_ms: int
    wall_ms: int
    health: Health
    radio: Radio
    clock_error_ms: int
    ledger_entries: int
    upkeep: Upkeep
    stages: dict[str, StageFigures]
    gauges: dict[str, int] = Field(description="Levels; a name ends in its unit.")
