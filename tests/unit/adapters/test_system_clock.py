"""The machine's clocks, as far as a test may believe them."""

import asyncio
import ctypes
import time
from typing import Any

import pytest

from gateway.adapters import system_clock
from gateway.adapters.system_clock import SystemClock, SystemEntropy
from ledger.clock import read_stamp


def test_it_reads_the_clocks_that_the_ledgers_own_commands_read() -> None:
    before, now, after = read_stamp(), SystemClock().now(), read_stamp()
    assert before.up_ms <= now.up_ms <= after.up_ms
    assert before.at_ms <= now.wall_ms <= after.at_ms
    assert now.boot == before.boot
    assert now.err_ms >= -1


def kernel(state: int, maxerror_us: int) -> Any:
    """What stands for the C library's ntp_gettimex."""

    def ntp_gettimex(pointer: Any) -> int:
        # byref keeps the structure that it points to.
        pointer._obj.maxerror = ctypes.c_long(maxerror_us)
        return state

    return ntp_gettimex


@pytest.mark.parametrize(
    ("state", "maxerror_us", "err_ms"),
    [
        (0, 0, 0),
        (0, 1, 1),
        (0, 1_000, 1),
        (0, 16_000_000, 16_000),
        (1, 2_500, 3),  # a leap second is due, and the clock is right
        (5, 2_500, -1),  # TIME_ERROR
        (-1, 0, -1),
    ],
)
def test_the_error_is_the_kernels_rounded_up(
    state: int, maxerror_us: int, err_ms: int
) -> None:
    clock = SystemClock()
    vars(clock)["_ntp_gettime"] = kernel(state, maxerror_us)
    assert clock.now().err_ms == err_ms
    assert clock.now().wall_is_trusted is (err_ms >= 0)


def test_a_c_library_without_the_call_vouches_for_nothing() -> None:
    clock = SystemClock()
    vars(clock)["_ntp_gettime"] = None
    assert clock.now().err_ms == -1


async def test_sleeping_ends_at_its_time_and_not_before() -> None:
    clock = SystemClock()
    due_ms = clock.now().up_ms + 15
    await clock.sleep_until(due_ms)
    assert clock.now().up_ms >= due_ms
    started_s = time.perf_counter()
    await clock.sleep_until(due_ms - 1_000_000)
    assert time.perf_counter() - started_s < 1


async def test_sleep_can_be_cancelled() -> None:
    clock = SystemClock()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await clock.sleep_until(clock.now().up_ms + 3_600_000)


def test_ticks_never_go_back() -> None:
    clock = SystemClock()
    ticks = [clock.ticks_us() for _ in range(1_000)]
    assert ticks == sorted(ticks)


def test_randomness_is_of_the_length_asked_for_and_fresh() -> None:
    entropy = SystemEntropy()
    tokens = {entropy.token(32) for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {32}
    assert system_clock.SLEEP_MS_MAX <= 10_000
