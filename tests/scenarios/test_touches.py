"""Touches at a whole gateway in virtual time: each outcome, and what the strike did."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest

from gateway.core.facts import CredentialState, DenialReason, InputName, Mode, Pattern
from gateway.core.ids import PeerAddress
from gateway.ctap.framing import FrameCommand, fragment
from gateway.ports import Link, PeerInfo, Radio, Sighting
from gateway.radio_ports import RadioControl
from gateway.service.gateway import Adapters
from gateway.service.radio_watch import LOOK_EACH_MS
from gateway.service.session import QUIET_AFTER_DENIAL_MS
from gateway.sim.key import KeyraDevice
from gateway.sim.misbehaviour import Misbehaviour
from gateway.strike.wire import EXIT_SERIAL
from tests.virtual_site import ADMIN, CHALLENGE_MS, WALL_MS, Running, VirtualSite

HOUR_MS = 3_600_000


async def denied(
    site: VirtualSite, now: Running, key: KeyraDevice, reason: DenialReason
) -> None:
    """Touch, and see that this is why the door stays shut."""
    before = site.reasons(), await site.releases()
    ended = await site.touch(now, key)
    assert ended.data["result"] == reason.value
    assert ended.data["entry"] is None
    assert site.reasons() == [*before[0], reason.value]
    assert await site.releases() == before[1]
    assert Pattern.DENIED in {pattern for _, pattern in now.indicators.shown}


async def test_one_touch_one_opening(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        ended = await site.granted(now, key)
        assert now.strike.serials == [ended.data["entry"]]
        assert await site.releases() == 1
        assert not (await site.place.door.state()).released
        (grant,) = site.entries("door.grant")
        assert grant.n == ended.data["entry"]
        (unused,) = site.entries("door.unused")  # nobody walked through
        assert unused.what["entry"] == grant.n
        assert now.telemetry.counts()["touch.granted"] == 1


async def test_somebody_is_at_the_door_from_the_advert_to_the_end(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        assert not now.gateway.at_door()
        async with asyncio.TaskGroup() as group:
            touch = group.create_task(site.granted(now, key))

            async def there() -> bool:
                return now.gateway.at_door() or touch.done()

            await site.until(there)
            assert not touch.done()

        async def gone() -> bool:
            return not now.gateway.at_door()

        await site.until(gone)


# What the key does.

KEYS = {
    Misbehaviour.UV_NOT_SET: DenialReason.USER_NOT_VERIFIED,
    Misbehaviour.UP_NOT_SET: DenialReason.USER_NOT_PRESENT,
    Misbehaviour.COUNTER_STUCK: DenialReason.COUNTER_NOT_RISING,
    Misbehaviour.COUNTER_BACK: DenialReason.COUNTER_NOT_RISING,
    Misbehaviour.STALE_ANSWER: DenialReason.ANSWER_REPLAYED,
    Misbehaviour.FOREIGN_RP_ID: DenialReason.RP_ID_MISMATCH,
    Misbehaviour.WRONG_CREDENTIAL: DenialReason.CREDENTIAL_MISMATCH,
    Misbehaviour.BAD_SIGNATURE: DenialReason.SIGNATURE_INVALID,
    Misbehaviour.NONCANONICAL_CBOR: DenialReason.WIRE_BROKEN,
    Misbehaviour.TRUNCATED_CBOR: DenialReason.WIRE_BROKEN,
    Misbehaviour.RUBBISH_FRAMES: DenialReason.WIRE_BROKEN,
    Misbehaviour.STALL: DenialReason.NO_TOUCH,
    Misbehaviour.DISCONNECT_MID_MESSAGE: DenialReason.LINK_LOST,
}


@pytest.mark.parametrize("way", KEYS)
async def test_a_key_that_misbehaves(site: VirtualSite, way: Misbehaviour) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        await key.touch()
        await key.misbehave(way)
        await denied(site, now, key, KEYS[way])
        if KEYS[way] is DenialReason.COUNTER_NOT_RISING:
            (state,) = site.entries("credential.state")
            assert state.what["state"] == "suspended"
            assert state.what["by"] == {"gateway": True}
            assert [e.what["kind"] for e in site.entries("alarm")] == ["cloned-key"]
            await key.touch()
            await denied(site, now, key, DenialReason.CREDENTIAL_SUSPENDED)
        else:
            await site.granted(now, key)


async def test_a_key_that_only_breaks_custom_is_let_in(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        for way in (Misbehaviour.NO_KEEPALIVES, Misbehaviour.IGNORES_CANCEL):
            await key.misbehave(way)
            await site.granted(now, key)


async def test_a_finger_that_is_none(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.wrong_finger()
        await denied(site, now, key, DenialReason.FINGER_NOT_RECOGNISED)
        await key.decline()
        await denied(site, now, key, DenialReason.DECLINED)
        await denied(site, now, key, DenialReason.NO_TOUCH)
        await site.granted(now, key)


async def test_the_last_try_is_spared(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        for _ in range((await key.state()).uv_retries - 1):
            await key.wrong_finger()
            await denied(site, now, key, DenialReason.FINGER_NOT_RECOGNISED)
        await key.wrong_finger()
        for _ in range(2):
            await denied(site, now, key, DenialReason.LAST_TRY_SPARED)
        assert (await key.state()).uv_retries == 1
        await key.unblock()
        await site.granted(now, key)


async def test_a_key_that_blocked_itself(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        key.authenticator.uv_retries = 0
        await key.touch()
        await denied(site, now, key, DenialReason.FINGER_BLOCKED)


async def test_an_answer_too_late(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.misbehave(Misbehaviour.IGNORES_CANCEL)
        await key.touch(after_ms=CHALLENGE_MS + 500)
        await denied(site, now, key, DenialReason.CHALLENGE_EXPIRED)


async def test_a_key_without_our_credential(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        key.authenticator.reset()
        await key.touch()
        await denied(site, now, key, DenialReason.KEY_WITHOUT_CREDENTIAL)


async def test_a_bond_that_was_lost_is_an_alarm(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.lose_bond()
        await key.touch()
        await denied(site, now, key, DenialReason.BOND_MISSING)
        (alarm,) = site.entries("alarm")
        assert alarm.what["kind"] == "bond-lost"


async def test_a_holder_who_walks_away(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.present()

        async def blinking() -> bool:
            return (await key.state()).blinking

        await site.until(blinking)
        await key.walk_away()
        ended = await site.heard(now, "touch.ended")
        assert ended.data["result"] in {
            DenialReason.LINK_LOST.value,
            DenialReason.NO_TOUCH.value,
        }
        assert await site.releases() == 0


# What the rules say.

Rule = Callable[[VirtualSite, Running], Awaitable[None]]


def state(wish: CredentialState) -> Rule:
    async def rule(_site: VirtualSite, now: Running) -> None:
        (one,) = now.gateway.credentials()
        await now.gateway.set_credential_state(one.id, wish, ADMIN)

    return rule


async def lock_down(_site: VirtualSite, now: Running) -> None:
    await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)


async def lose_the_time(site: VirtualSite, _now: Running) -> None:
    site.clock.set_sync(-1)


async def come_at_night(site: VirtualSite, _now: Running) -> None:
    site.clock.set_wall(WALL_MS + 14 * HOUR_MS)


RULES: list[tuple[Rule, DenialReason]] = [
    (state(CredentialState.SUSPENDED), DenialReason.CREDENTIAL_SUSPENDED),
    (state(CredentialState.REVOKED), DenialReason.CREDENTIAL_REVOKED),
    (lock_down, DenialReason.LOCKDOWN),
    (lose_the_time, DenialReason.TIME_UNTRUSTED),
    (come_at_night, DenialReason.OUTSIDE_HOURS),
]


@pytest.mark.parametrize(
    ("rule", "reason"), RULES, ids=[reason.value for _, reason in RULES]
)
async def test_a_rule_holds_for_the_very_next_touch(
    site: VirtualSite, rule: Rule, reason: DenialReason
) -> None:
    site.windows = {"day": "Mon-Fri 06:00-18:00"}
    site.groups = {"staff": "day"}
    async with site.running() as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        await key.touch()
        await rule(site, now)
        await denied(site, now, key, reason)


async def test_a_holder_of_no_group_here(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now, group="elsewhere")
        await key.touch()
        await denied(site, now, key, DenialReason.DOOR_NOT_ALLOWED)


# What fails at the gateway.


async def test_nothing_opens_without_an_entry(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        before = len(site.entries())
        now.journal.always = "refuse"
        for finger in (key.touch, key.touch, key.wrong_finger):
            await finger()
            ended = await site.touch(now, key)
        assert ended.data["result"] == DenialReason.FINGER_NOT_RECOGNISED.value
        assert await site.releases() == 0
        assert len(site.entries()) == before
        assert not now.gateway.status().health.ledger_writable
        now.journal.always = "write"
        await site.sleep(2_000)
        assert now.gateway.status().health.ledger_writable
        (missed,) = site.entries("door.missed")
        assert missed.what["reasons"] == {
            DenialReason.LEDGER_UNAVAILABLE.value: 2,
            DenialReason.FINGER_NOT_RECOGNISED.value: 1,
        }
        assert missed.what["count"] == 3
        await site.granted(now, key)


@pytest.mark.parametrize("way", ["lose", "keep"])
async def test_an_unknown_ledger_ends_the_process(site: VirtualSite, way: str) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        now.journal.ways = [way]
        await key.touch()
        await key.present()
        await site.sleep(2_000)
        assert len(now.died) == 1
        assert await site.releases() == 0
        await key.sleep()
    assert len(site.entries("door.grant")) == (way == "keep")
    async with site.running() as now:  # through the normal open path
        assert now.gateway.status().ledger_size == len(site.entries())
        await site.granted(now, key)
        assert await site.releases() == 1


async def test_a_strike_out_of_reach(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        now.strike.fails = "keyra-strike is away."
        await key.touch()
        await denied(site, now, key, DenialReason.STRIKE_UNAVAILABLE)
        assert not now.gateway.status().health.strike_reachable
        assert now.gateway.status().door.phase == "secured"
        assert site.entries("door.unused") == []  # it was never released
        (alarm,) = site.entries("alarm")  # one, however often it is tried
        assert alarm.what == {"detail": "keyra-strike is away.", "kind": "strike-lost"}
        now.strike.fails = ""
        await site.sleep(1_000)
        assert now.gateway.status().health.strike_reachable
        await site.granted(now, key)


async def touch_with_the_ledger_held_up(
    site: VirtualSite, now: Running, key: KeyraDevice
) -> None:
    """Touch, and stop while the grant's entry is on its way to the disk."""
    now.journal.open_gate.clear()
    await key.touch()
    await key.present()

    async def decided() -> bool:
        return "decide" in now.telemetry.stages()

    await site.until(decided)


async def test_lockdown_between_the_decision_and_the_release(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await touch_with_the_ledger_held_up(site, now, key)
        async with asyncio.TaskGroup() as group:
            order = group.create_task(now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN))
            await site.sleep(10)
            assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
            assert not order.done()  # acknowledged once it is durable
            now.journal.open_gate.set()
        ended = await site.heard(now, "touch.ended")
        assert ended.data["result"] == DenialReason.LOCKDOWN.value
        assert await site.releases() == 0


async def test_revocation_while_a_grant_waits_for_the_disk(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        (one,) = now.gateway.credentials()
        now.journal.open_gate.clear()
        async with asyncio.TaskGroup() as group:
            wish = CredentialState.REVOKED
            group.create_task(now.gateway.set_credential_state(one.id, wish, ADMIN))
            await site.sleep(10)
            await touch_with_the_ledger_held_up(site, now, key)
            now.journal.open_gate.set()
        ended = await site.heard(now, "touch.ended")
        assert ended.data["result"] == DenialReason.DOOR_REFUSED.value
        assert await site.releases() == 0
        assert site.entries("door.grant") == []


async def test_an_exit_does_not_wait_for_the_ledger(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await touch_with_the_ledger_held_up(site, now, key)
        await site.place.pins.set_input(InputName.EXIT_REQUEST, active=True)
        await site.sleep(10)
        assert (await site.place.door.state()).released
        assert now.strike.serials == [EXIT_SERIAL]
        assert site.entries("door.exit") == []
        now.journal.open_gate.set()
        await site.sleep(10)
        assert len(site.entries("door.exit")) == 1


class _Link:
    """A link to a key that answers every request with one status."""

    fragment_bytes_max = 64

    def __init__(self, status: int) -> None:
        self._says = list(fragment(FrameCommand.MSG, bytes((status,)), 64))

    async def write(self, _fragment: bytes) -> None:
        """Take it."""

    async def read(self) -> bytes:
        return self._says.pop(0)

    async def info(self) -> PeerInfo:
        return PeerInfo()

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_key_with_an_error_of_its_own(site: VirtualSite) -> None:
    radios: list[_MistakenRadio] = []

    def wrap(on: Adapters) -> Adapters:
        radios.append(_MistakenRadio(on.radio))
        return replace(on, radio=radios[0])

    async with site.running(wrap) as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        radios[0].link = _Link(0x7F)
        await denied(site, now, key, DenialReason.KEY_ERROR)


class _MistakenRadio:
    """A radio with a mistake in it, whenever `mistaken`; or with a link of its own."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.mistaken = False
        self.link: Link | None = None

    def sightings(self) -> AsyncIterator[Sighting]:
        return self._radio.sightings()

    async def connect(self, address: PeerAddress) -> Link:
        if self.mistaken:
            raise ZeroDivisionError
        if self.link is not None:
            return self.link
        return await self._radio.connect(address)


async def test_an_error_that_nobody_foresaw_is_contained(
    site: VirtualSite, caplog: pytest.LogCaptureFixture
) -> None:
    radios: list[_MistakenRadio] = []

    def wrap(on: Adapters) -> Adapters:
        radios.append(_MistakenRadio(on.radio))
        return replace(on, radio=radios[0])

    async with site.running(wrap) as now:
        key = await site.enrol(now)
        radios[0].mistaken = True
        await key.present()
        await site.heard(now, "alarm")
        await key.sleep()
        assert now.died == []
        assert {e.what["detail"] for e in site.entries("alarm")} == {
            "ZeroDivisionError"
        }
        assert "nobody foresaw" in caplog.text
        radios[0].mistaken = False
        await site.sleep(6_000)
        await site.granted(now, key)


class _HidingRadio:
    """A radio whose controller tells each advertiser once, until it scans anew.

    It stands for the radio and for its control.
    """

    def __init__(self, radio: Radio, control: RadioControl) -> None:
        self._radio = radio
        self._control = control
        self._told: set[PeerAddress] = set()

    def __getattr__(self, name: str) -> object:
        return getattr(self._control, name)

    async def connect(self, address: PeerAddress) -> Link:
        return await self._radio.connect(address)

    async def sightings(self) -> AsyncIterator[Sighting]:
        async for sighting in self._radio.sightings():
            if sighting.address not in self._told:
                self._told.add(sighting.address)
                yield sighting

    async def refresh(self) -> None:
        self._told.clear()


async def test_who_tries_again_at_once_is_asked_when_the_quiet_is_over(
    site: VirtualSite,
) -> None:
    """Its next advert comes too early, and the controller hides those that follow."""

    def wrap(on: Adapters) -> Adapters:
        radio = _HidingRadio(on.radio, on.radio_control)
        return replace(
            on, radio=cast("Radio", radio), radio_control=cast("RadioControl", radio)
        )

    async with site.running(wrap) as now:
        key = await site.enrol(now)
        for step_ms in range(0, LOOK_EACH_MS, 250):  # wherever in its round a look is
            await site.sleep(6_000 + step_ms)
            await key.wrong_finger()
            await key.present()
            denied = await site.heard(now, "touch.ended", len(now.heard))
            await key.touch()
            await key.present()
            granted = await site.heard(now, "touch.ended", len(now.heard))
            assert granted.data["result"] == "granted"
            waited_ms = granted.up_ms - denied.up_ms
            assert QUIET_AFTER_DENIAL_MS <= waited_ms <= QUIET_AFTER_DENIAL_MS + 500


async def test_signal_and_battery_are_measured_where_nobody_waits(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.charge(15)
        await site.granted(now, key)
        await site.granted(now, key)
        found = await now.gateway.statistics(60_000)
        series = {one.name: one for one in found.series}
        assert (series["battery_percent"].count, series["battery_percent"].min) == (
            1,
            15,
        )
        assert series["signal_dbm"].count >= 2
        assert series["signal_dbm"].max < 0
        (low,) = site.entries("alarm")
        assert low.what["kind"] == "battery-low"
        assert str(low.what["detail"]).endswith(": 15 percent")
