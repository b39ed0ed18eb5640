"""When the strike is released: budget, silence, serials, faults."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.strike.machine import (
    EXITS_PER_MINUTE_MAX,
    OnFault,
    StrikeLimits,
    StrikeMachine,
)
from gateway.strike.wire import Refusal, Request, Word

LIMITS = StrikeLimits(momentary_ms_max=10_000, silence_ms_max=2_000, fault_ms=30_000)
ALIVE, SECURE, STATUS = (Request(w) for w in (Word.ALIVE, Word.SECURE, Word.STATUS))


def release(serial: int, duration_ms: int = 1_000) -> Request:
    return Request(Word.RELEASE, serial, duration_ms)


def released(machine: StrikeMachine) -> bool:
    """Ask anew each time; what a property said before does not bind it."""
    return machine.released


def due_ms(machine: StrikeMachine) -> int | None:
    """Likewise."""
    return machine.deadline_ms


@pytest.fixture
def strike() -> StrikeMachine:
    """One with a peer, at 0 ms."""
    machine = StrikeMachine(LIMITS, 0)
    assert machine.connect(0)
    return machine


def test_it_is_born_secured_and_waits() -> None:
    machine = StrikeMachine(LIMITS, 0)
    assert not released(machine)
    assert due_ms(machine) is None
    machine.pass_time(10**9)
    assert not released(machine)


def test_a_release_ends_at_its_time(strike: StrikeMachine) -> None:
    assert strike.request(release(7), 100) is None
    assert released(strike)
    assert due_ms(strike) == 1_100
    strike.pass_time(1_099)
    assert released(strike)
    strike.pass_time(1_100)
    assert not released(strike)


def test_it_secures_when_told(strike: StrikeMachine) -> None:
    strike.request(release(7), 0)
    assert strike.request(SECURE, 500) is None
    assert not released(strike)


def test_it_secures_when_its_peer_goes(strike: StrikeMachine) -> None:
    strike.request(release(7), 0)
    strike.disconnect()
    assert not released(strike)
    assert due_ms(strike) is None


def test_it_secures_in_the_middle_of_a_release_when_its_peer_is_silent(
    strike: StrikeMachine,
) -> None:
    strike.request(release(7, 10_000), 0)
    strike.request(ALIVE, 1_500)
    strike.pass_time(3_499)
    assert released(strike)
    assert due_ms(strike) == 3_500
    strike.pass_time(3_500)
    assert not released(strike)
    assert not strike.has_peer
    assert strike.connect(3_600)


def test_a_command_that_waited_too_long_finds_its_peer_given_up(
    strike: StrikeMachine,
) -> None:
    assert strike.request(release(7), 2_000) is Refusal.SILENT
    assert not released(strike)


def test_a_question_is_answered_and_is_no_sign_of_life(strike: StrikeMachine) -> None:
    strike.request(release(7, 10_000), 0)
    assert strike.request(STATUS, 1_999) is None
    strike.pass_time(2_000)
    assert not released(strike)


def test_one_peer_at_a_time(strike: StrikeMachine) -> None:
    assert not strike.connect(1_000)
    strike.request(ALIVE, 1_000)
    assert not strike.connect(2_999)
    assert strike.connect(3_000)


@pytest.mark.parametrize("duration_ms", [0, 10_001, 60_000, 10**8])
def test_no_release_is_longer_than_the_budget(
    strike: StrikeMachine, duration_ms: int
) -> None:
    assert strike.request(release(7, duration_ms), 0) is Refusal.DURATION
    assert not released(strike)
    assert strike.request(release(7, 10_000), 0) is None  # and the serial is not used


@pytest.mark.parametrize("serial", [7, 6, 0])
def test_a_serial_must_rise(strike: StrikeMachine, serial: int) -> None:
    strike.request(release(7), 0)
    strike.request(SECURE, 10)
    assert strike.request(release(serial), 20) is Refusal.SERIAL
    assert not released(strike)
    strike.disconnect()
    strike.connect(30)
    assert strike.request(release(serial), 40) is Refusal.SERIAL
    assert strike.request(release(8), 50) is None


def test_a_refused_release_leaves_the_one_that_runs(strike: StrikeMachine) -> None:
    strike.request(release(7), 0)
    assert strike.request(release(7, 5_000), 500) is Refusal.SERIAL
    assert due_ms(strike) == 1_000


def test_exits_are_bounded_in_number(strike: StrikeMachine) -> None:
    for n in range(EXITS_PER_MINUTE_MAX):
        assert strike.request(release(-1), n * 100) is None
    assert strike.request(release(-1), 6_000) is Refusal.EXIT_RATE
    assert strike.request(release(7), 6_000) is None  # a grant is another matter
    for now_ms in range(7_000, 60_000, 1_000):
        strike.request(ALIVE, now_ms)
    assert strike.request(release(-1), 59_999) is Refusal.EXIT_RATE
    assert strike.request(release(-1), 60_000) is None


def test_a_fault_releases_only_where_that_was_declared() -> None:
    machine = StrikeMachine(replace(LIMITS, on_fault=OnFault.RELEASE), 0)
    assert due_ms(machine) == 30_000
    machine.pass_time(29_999)
    assert not released(machine)
    machine.pass_time(30_000)
    assert released(machine)
    assert due_ms(machine) is None
    assert machine.connect(40_000)
    assert released(machine)  # a connection is no gateway yet
    assert machine.request(ALIVE, 40_001) is None
    assert not released(machine)


def test_a_restart_of_the_gateway_is_no_fault() -> None:
    machine = StrikeMachine(replace(LIMITS, on_fault=OnFault.RELEASE), 0)
    machine.connect(0)
    machine.request(release(1), 0)
    machine.disconnect()
    assert not released(machine)
    machine.pass_time(20_000)
    assert not released(machine)
    assert due_ms(machine) == 30_000


def test_a_silent_gateway_is_a_fault_in_the_end() -> None:
    machine = StrikeMachine(replace(LIMITS, on_fault=OnFault.RELEASE), 0)
    machine.connect(0)
    machine.pass_time(2_000)
    assert not released(machine)
    machine.pass_time(30_000)
    assert released(machine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"momentary_ms_max": 0},
        {"momentary_ms_max": 60_001},
        {"silence_ms_max": 0},
        {"silence_ms_max": 10_001},
        {"fault_ms": 1_999},
        {"fault_ms": 600_001},
    ],
)
def test_a_limit_out_of_bounds_is_no_limit(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        StrikeLimits(**wrong)


# Leases.


def lease(duration_ms: int = 3_000) -> Request:
    return Request(Word.LEASE, duration_ms=duration_ms)


def test_a_lease_ends_unless_it_is_asked_for_again(strike: StrikeMachine) -> None:
    assert strike.request(lease(), 0) is None
    assert strike.request(lease(), 1_500) is None
    strike.request(ALIVE, 3_000)
    assert released(strike)
    assert due_ms(strike) == 4_500
    strike.pass_time(4_499)
    assert released(strike)
    strike.pass_time(4_500)
    assert not released(strike)


def test_a_lease_and_a_release_do_not_end_one_another(strike: StrikeMachine) -> None:
    strike.request(lease(1_000), 0)
    strike.request(release(1, 1_800), 0)
    strike.pass_time(1_000)
    assert released(strike)
    strike.pass_time(1_800)
    assert not released(strike)
    strike.request(release(2, 500), 1_900)
    strike.request(lease(1_000), 1_900)
    strike.pass_time(2_400)
    assert released(strike)
    strike.request(SECURE, 2_500)
    assert not released(strike)
    assert due_ms(strike) == 2_500 + LIMITS.silence_ms_max


@pytest.mark.parametrize("duration_ms", [0, LIMITS.lease_ms_max + 1])
def test_a_lease_is_short(strike: StrikeMachine, duration_ms: int) -> None:
    assert strike.request(lease(duration_ms), 0) is Refusal.LEASE
    assert not released(strike)


def test_a_silent_peer_holds_nothing(strike: StrikeMachine) -> None:
    strike.request(lease(5_000), 0)
    strike.pass_time(LIMITS.silence_ms_max)
    assert not released(strike)
    assert strike.request(lease(), 3_000) is Refusal.SILENT
    strict = StrikeMachine(replace(LIMITS, lease_ms_max=0), 0)
    strict.connect(0)
    assert strict.request(lease(1), 0) is Refusal.LEASE
