"""A whole gateway in virtual time: its starts, its door, the street."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import cast

import pytest

from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.core.facts import CredentialState, DenialReason, InputName, Mode, Pattern
from gateway.core.ids import PeerAddress
from gateway.core.registry import RegistrySnapshot
from gateway.errors import LinkError, RegistryError
from gateway.ports import Link, Radio, Sighting
from gateway.radio_ports import RadioControl, RadioHealth
from gateway.service.doorkeeper import KEEP_ALIVE_MS
from gateway.service.gateway import Adapters
from gateway.service.liveness import STALLED_MS
from gateway.service.radio_ladder import ROUNDS_RECORDED_MAX
from tests.virtual_site import ADMIN, RELEASE_MS, Running, VirtualSite

MINUTE_MS = 60_000


# Starts.


async def test_lockdown_survives_a_restart(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
    async with site.running() as now:
        assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "lockdown"
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
    async with site.running() as now:
        await site.granted(now, key)


async def test_lockdown_does_not_wait_for_the_ledger(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        now.journal.always = "refuse"
        status = await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        assert status.door.mode is Mode.LOCKED_DOWN
        assert site.entries("door.mode") == []
        now.journal.always = "write"
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        modes = [entry.what["mode"] for entry in site.entries("door.mode")]
        assert modes == ["LockedDown", "Locked"]  # in the order in which they held
    async with site.running() as now:
        await site.granted(now, key)


async def test_a_lift_that_cannot_be_written_is_none(site: VirtualSite) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        now.journal.always = "refuse"
        with pytest.raises(Exception, match="full"):
            await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        assert now.gateway.status().door.mode is Mode.LOCKED_DOWN


async def stored(site: VirtualSite) -> RegistrySnapshot:
    snapshot = SqliteRegistryStore(site.registry_path).load()
    assert snapshot is not None
    return snapshot


async def test_a_snapshot_saves_reading_and_keeps_the_mode(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        await now.gateway.save_registry()
    async with site.running() as now:
        assert not now.recovered.edited
        assert now.recovered.folded < 5  # instead of the whole ledger
        assert len(site.entries()) > 5
        assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        await site.granted(now, key)
        assert site.entries("alarm") == []


async def test_an_edited_snapshot_is_thrown_away_and_an_alarm(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        (one,) = now.gateway.credentials()
        await now.gateway.set_credential_state(one.id, CredentialState.REVOKED, ADMIN)
        await now.gateway.save_registry()
    size = len(site.entries())
    with sqlite3.connect(site.registry_path) as database:
        database.execute("UPDATE credentials SET state='active'")
    database.close()
    async with site.running() as now:
        assert now.recovered.edited
        assert now.recovered.folded == size
        (alarm,) = site.entries("alarm")
        assert alarm.what["kind"] == "registry-edited"
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "credential-revoked"


async def test_a_snapshot_that_was_rolled_back_is_read_on_from(
    site: VirtualSite,
) -> None:
    """An older snapshot is genuine; what was ordered since is in the ledger."""
    async with site.running() as now:
        key = await site.enrol(now)
        await now.gateway.save_registry()
        old = await stored(site)
        (one,) = now.gateway.credentials()
        await now.gateway.set_credential_state(one.id, CredentialState.REVOKED, ADMIN)
        await now.gateway.save_registry()
    SqliteRegistryStore(site.registry_path).save(old)
    async with site.running() as now:
        assert not now.recovered.edited
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "credential-revoked"


async def test_a_snapshot_of_the_future_is_no_snapshot(site: VirtualSite) -> None:
    async with site.running() as now:
        await site.enrol(now)
        await now.gateway.save_registry()
    snapshot = await stored(site)
    SqliteRegistryStore(site.registry_path).save(replace(snapshot, entries=10_000))
    async with site.running() as now:
        assert now.recovered.edited
        assert len(now.gateway.credentials()) == 1


async def test_a_stop_in_good_order(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        await now.gateway.stop("told to")
        kinds = [entry.ev for entry in site.entries()][-4:]
        assert kinds == ["registry", "policy.stands", "door.mode", "stop"]
    assert now.watchdog.said[0] == "ready"
    assert now.watchdog.said[-1] == "stopping"


async def feeds(site: VirtualSite, now: Running) -> bool:
    """Whether the watchdog is fed in the next seconds."""
    fed = now.watchdog.said.count("alive")
    await site.sleep(5_000)
    return now.watchdog.said.count("alive") > fed


class WedgedControl:
    """A radio's control whose answers stop coming once it is told to hang."""

    def __init__(self, control: RadioControl) -> None:
        self._control = control
        self.hangs = False
        self.fault = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._control, name)

    async def health(self) -> RadioHealth:
        if self.hangs:
            await asyncio.Event().wait()
        health = await self._control.health()
        return replace(health, fault=self.fault or health.fault)


async def test_a_wedged_radio_watch_starves_the_watchdog_and_a_dead_radio_does_not(
    site: VirtualSite,
) -> None:
    controls: list[WedgedControl] = []

    def wrap(on: Adapters) -> Adapters:
        controls.append(WedgedControl(on.radio_control))
        return replace(on, radio_control=cast("RadioControl", controls[0]))

    async with site.running(wrap) as now:
        controls[0].fault = "The adapter hci0 is gone."
        await site.sleep(10 * MINUTE_MS)
        assert not now.gateway.status().health.scanning
        assert await feeds(site, now)
        controls[0].hangs = True
        await site.sleep(STALLED_MS + 5_000)
        assert not await feeds(site, now)


async def test_a_write_that_never_ends_starves_the_watchdog(site: VirtualSite) -> None:
    async with site.running() as now:
        now.journal.open_gate.clear()
        await site.place.door.press_exit()  # opens, and its entry waits
        await site.sleep(STALLED_MS // 2)
        assert await feeds(site, now)
        await site.sleep(STALLED_MS // 2)
        assert not await feeds(site, now)
        now.journal.open_gate.set()
        assert await feeds(site, now)


async def test_a_ledger_that_refuses_starves_nothing_and_the_exit_opens(
    site: VirtualSite,
) -> None:
    """A restart would find the same full disk, and no ledger can be opened on one."""
    async with site.running() as now:
        key = await site.enrol(now)
        now.journal.always = "refuse"
        await key.touch()
        ended = await site.touch(now, key)
        assert ended.data["result"] == DenialReason.LEDGER_UNAVAILABLE.value
        assert not now.gateway.status().health.ledger_writable
        await site.sleep(2 * STALLED_MS)
        assert await feeds(site, now)
        before = await site.releases()
        await site.place.door.press_exit()
        await site.sleep(5_000)
        assert await site.releases() == before + 1
        now.journal.always = "write"
        await site.sleep(5_000)
        assert site.entries("door.exit")
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "granted"


async def test_a_strike_that_never_answers_starves_the_watchdog(
    site: VirtualSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.running() as now:
        silence = asyncio.Event()
        monkeypatch.setattr(now.strike, "keep_alive", silence.wait)
        await site.sleep(STALLED_MS + 5_000)
        assert not await feeds(site, now)
        silence.set()
        assert await feeds(site, now)


async def test_a_strike_that_is_away_starves_the_watchdog_only_in_the_end(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        now.strike.fails = "keyra-strike is out of reach; is it running?"
        await site.sleep(STALLED_MS - 10_000)
        assert not now.gateway.status().health.strike_reachable
        assert await feeds(site, now)
        await site.sleep(10_000)
        assert not await feeds(site, now)
        now.strike.fails = ""
        assert await feeds(site, now)
        assert now.gateway.status().health.strike_reachable


# Orders that meet.


async def test_two_orders_at_once_leave_a_ledger_that_can_be_read(
    site: VirtualSite,
) -> None:
    """Both are legal when they are asked for; only the first one still is after it."""
    async with site.running() as now:
        await site.enrol(now)
        (one,) = now.gateway.credentials()
        now.journal.open_gate.clear()

        async def order(state: CredentialState) -> None:
            await now.gateway.set_credential_state(one.id, state, ADMIN)

        async with asyncio.TaskGroup() as group:
            group.create_task(order(CredentialState.REVOKED))
            late = group.create_task(_refused(order(CredentialState.SUSPENDED)))
            await site.sleep(10)
            now.journal.open_gate.set()
        assert late.result()
        assert len(site.entries("credential.state")) == 1
    async with site.running() as now:
        (one,) = now.gateway.credentials()
        assert one.state is CredentialState.REVOKED


async def _refused(order: Awaitable[None]) -> bool:
    try:
        await order
    except RegistryError:
        return True
    return False


async def test_a_caller_who_leaves_does_not_split_ledger_and_registry(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        await site.enrol(now)
        (one,) = now.gateway.credentials()
        now.journal.open_gate.clear()
        async with asyncio.TaskGroup() as group:
            wish = CredentialState.SUSPENDED
            order = group.create_task(
                now.gateway.set_credential_state(one.id, wish, ADMIN)
            )
            await site.sleep(10)
            order.cancel()
            await site.sleep(10)
            now.journal.open_gate.set()
        await site.sleep(10)
        assert now.gateway.credentials()[0].state is CredentialState.SUSPENDED
        assert now.gateway.status().ledger_size == len(site.entries())
        await now.gateway.stop("told to")
        assert site.entries()[-1].ev == "stop"
        assert now.died == []


# The street.


async def test_strangers_are_summed_up_once_a_minute(site: VirtualSite) -> None:
    async with site.running() as now:
        for number in range(5):
            key = await site.place.add_key(f"stranger-{number}")
            await key.present(awake_ms=10 * MINUTE_MS)
        await site.sleep(5 * MINUTE_MS + 1_000)
        strangers = site.entries("door.strangers")
        assert 5 <= len(strangers) <= 7
        assert sum(entry.what["adverts"] for entry in strangers) > 1_000
        assert {entry.what["addresses"] for entry in strangers[1:]} == {5}
        assert await site.releases() == 0
        assert "touch.stranger" in now.kinds()
        assert set(site.reasons()) == set()


async def test_a_key_in_pairing_mode_is_nothing_to_an_idle_gateway(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.pairing_mode()
        await site.sleep(MINUTE_MS)
        assert now.gateway.enrolment() is None
        assert (await key.state()).bonds == 0


async def test_a_key_cannot_hold_the_gateway_busy(site: VirtualSite) -> None:
    """A key that fails at once begins so many touches in a minute, and no more."""
    async with site.running() as now:
        key = await site.enrol(now)
        before = len(site.reasons())
        await key.wrong_finger(times=60)
        key.authenticator.uv_retries = 10_000
        await key.present(awake_ms=10 * MINUTE_MS)
        await site.sleep(MINUTE_MS)
        begun = len(site.reasons()) - before
        assert 10 <= begun <= site.limits.sessions_per_address_per_minute_max


# The door.


async def test_forced_held_and_cleared(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await site.sleep(1_000)
        await site.place.door.force()
        await site.sleep(100)
        assert now.gateway.status().door.phase == "forced"
        await site.place.door.close()
        await key.touch()
        await key.present()
        await site.until(lambda: _released(site))
        assert await site.place.door.open()
        await site.sleep(site.timing.held_open_ms + 100)
        assert now.gateway.status().door.phase == "held"
        await site.place.door.close()
        await site.sleep(100)
        kinds = [e.ev for e in site.entries() if e.ev.startswith("door.")]
        assert kinds == [
            *("door.forced", "door.closed", "door.clear"),
            *("door.grant", "door.opened", "door.held", "door.closed", "door.clear"),
        ]
        assert now.gateway.status().door.phase == "secured"
        await key.sleep()


async def _released(site: VirtualSite) -> bool:
    return (await site.place.door.state()).released


async def test_exit_opens_in_lockdown_too(site: VirtualSite) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        await site.place.door.press_exit()
        assert await _released(site)
        await site.sleep(RELEASE_MS)
        assert not await _released(site)
        assert len(site.entries("door.exit")) == 1


@pytest.mark.parametrize("name", [InputName.TAMPER, InputName.FIRE])
async def test_tampering_and_fire_are_alarms(
    site: VirtualSite, name: InputName
) -> None:
    async with site.running() as now:
        await site.place.pins.set_input(name, active=True)
        await site.sleep(10)
        assert Pattern.ALARM in {pattern for _, pattern in now.indicators.shown}
        await site.place.pins.set_input(name, active=False)
        await site.sleep(10)
        said = [(e.what["kind"], e.what["detail"]) for e in site.entries("alarm")]
        assert said == [(name.value, "begun"), (name.value, "ended")]
        assert await site.releases() == 0


class _LostRadio:
    """A radio whose scan cannot go on, whenever `lost`."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.lost = True

    async def sightings(self) -> AsyncIterator[Sighting]:
        if self.lost:
            raise LinkError("The adapter hci0 is gone.")
        async for sighting in self._radio.sightings():
            yield sighting
            if self.lost:
                raise LinkError("The adapter hci0 is gone again.")

    async def connect(self, address: PeerAddress) -> Link:
        return await self._radio.connect(address)


async def test_a_radio_that_is_gone_for_an_hour_is_one_entry(site: VirtualSite) -> None:
    radios: list[_LostRadio] = []

    def wrap(on: Adapters) -> Adapters:
        radios.append(_LostRadio(on.radio))
        return replace(on, radio=radios[0])

    def alarms(kind: str) -> list[str]:
        said = [entry.what for entry in site.entries("alarm")]
        return [what["detail"] for what in said if what["kind"] == kind]

    async with site.running(wrap) as now:
        await site.sleep(60 * MINUTE_MS)
        assert not now.gateway.status().health.scanning
        assert alarms("scan-lost") == ["The adapter hci0 is gone."]
        steps = ["restart-scan", "power-cycle", "reset", "restart-service"]
        assert alarms("scan-recovery") == steps * ROUNDS_RECORDED_MAX
        assert now.gateway.status().counts["radio.reset"] > ROUNDS_RECORDED_MAX
        radios[0].lost = False
        key = await site.enrol(now)  # it is tried again and again
        assert now.gateway.status().health.scanning
        await site.granted(now, key)
        radios[0].lost = True
        await key.present()
        await site.sleep(MINUTE_MS)
        assert alarms("scan-lost")[1:] == [
            "ended: keys and others are heard again",
            "The adapter hci0 is gone again.",
        ]
        assert now.died == []


async def test_an_opening_whose_strike_was_lost_is_written_down_as_such(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await key.touch(times=1)
        await key.present()
        await site.until(lambda: _released(site))
        now.strike.fails = "away"
        await site.sleep(KEEP_ALIVE_MS + 10)
        await site.place.pins.set_input(InputName.CONTACT_OPEN, active=True)
        await site.sleep(1_000)
        (opened,) = site.entries("door.opened")
        assert opened.what["after"] == "strike-lost"
        assert [one.what["kind"] for one in site.entries("alarm")] == ["strike-lost"]


async def test_an_overdue_relock_does_not_spoil_the_next_opening(
    site: VirtualSite,
) -> None:
    """The relock met a strike that was away; the release after it did not."""
    async with site.running() as now:
        key = await site.enrol(now)
        await key.touch(times=1)
        await key.present()
        await site.until(lambda: _released(site))
        now.strike.fails = "away"
        await site.sleep(RELEASE_MS + 10)
        now.strike.fails = ""
        await key.sleep()
        await site.sleep(6_000)
        await site.granted(now, key)
        alarms = [entry.what for entry in site.entries("alarm")]
        assert alarms == [
            {"detail": "away", "kind": "strike-lost"},
            {"detail": "ended", "kind": "strike-lost"},
        ]
