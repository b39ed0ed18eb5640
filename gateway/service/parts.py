"""The gateway's parts that need nothing of each other but what is handed over."""

import os
from collections.abc import Mapping
from typing import Any

from gateway.core.challenge import ChallengeBook
from gateway.core.door import Door
from gateway.core.orders import Order
from gateway.core.registry import Registry
from gateway.service.composition import Adapters, Setting
from gateway.service.door_checks import DoorChecks
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.events import EventStream
from gateway.service.recorder import Recorder
from gateway.service.telemetry_keeper import TelemetryKeeper
from gateway.service.timekeeper import Timekeeper

__all__ = [
    "make_book",
    "make_checks",
    "make_doorkeeper",
    "make_recorder",
    "make_telemetry",
]


def make_telemetry(on: Adapters) -> TelemetryKeeper:
    """Return the keeper of what is measured."""
    return TelemetryKeeper(on.telemetry, on.telemetry_store, on.sensors, on.clock)


def make_book(setting: Setting) -> ChallengeBook:
    """Return an empty book of challenges within the configured limits."""
    limits = setting.limits
    return ChallengeBook(
        setting.place,
        open_max=limits.open_challenges_max,
        answers_max=limits.answers_remembered_max,
    )


def make_recorder(
    setting: Setting, on: Adapters, registry: Registry, events: EventStream
) -> Recorder:
    """Return the one writer of the ledger."""
    return Recorder(
        on.journal, registry, on.clock, setting.place.door, events, on.silent_alarm
    )


def make_doorkeeper(
    setting: Setting,
    on: Adapters,
    recorder: Recorder,
    timekeeper: Timekeeper,
    events: EventStream,
    protected: tuple[Order, ...],
) -> Doorkeeper:
    """Return the keeper of a closed door, on which `protected` orders stand already."""
    return Doorkeeper(
        Door(setting.place.door, orders=protected),
        setting.timing,
        clock=on.clock,
        strike=on.strike,
        indicators=on.indicators,
        recorder=recorder,
        timekeeper=timekeeper,
        events=events,
        on_fire=setting.on_fire,
    )


def make_checks(
    setting: Setting,
    on: Adapters,
    doorkeeper: Doorkeeper,
    recorder: Recorder,
    commissioned: Mapping[str, Any] | None,
) -> DoorChecks:
    """Return the door's self-test and commissioning."""
    return DoorChecks(
        door=setting.place.door,
        wiring=setting.wiring,
        has_contact=setting.timing.contact,
        own_uid=os.geteuid(),
        doorkeeper=doorkeeper,
        recorder=recorder,
        clock=on.clock,
        commissioned=commissioned,
    )
