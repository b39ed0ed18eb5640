import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.facts import InputName, Pattern
from gateway.errors import SimulationError
from gateway.sim.clock import SimulatedClock
from gateway.sim.door import STRIKE, SimulatedDoor, idle_level
from gateway.sim.inputs import BoardInputs, TracedIndicators
from gateway.sim.pins import Edge, InputEvent, PinBoard
from gateway.strike.wiring import Lock, Relay, Wiring


def board(pull: int = 0, *, keeps_outputs: bool = True) -> PinBoard:
    ticks = itertools.count(100)
    return PinBoard(lambda: next(ticks), {STRIKE: pull}, keeps_outputs=keeps_outputs)


async def levels(pins: PinBoard) -> list[int]:
    return [edge.level for edge in await pins.trace(STRIKE)]


async def test_a_line_begins_at_its_pull_and_remembers_each_edge_once() -> None:
    pins = board(pull=1)
    pins.claim(STRIKE, 1)
    pins.set(STRIKE, 0)
    pins.set(STRIKE, 0)
    at_ns = pins.set(STRIKE, 1)
    trace = await pins.trace(STRIKE)
    assert trace[0] == Edge(100, 1)
    assert trace[-1] == Edge(at_ns, 1)
    assert [edge.level for edge in trace] == [1, 0, 1]


@pytest.mark.parametrize(("keeps", "after"), [(True, [0, 1]), (False, [0, 1, 0])])
async def test_what_a_line_does_when_its_holder_dies(
    *, keeps: bool, after: list[int]
) -> None:
    pins = board(keeps_outputs=keeps)
    pins.claim(STRIKE, 0)
    pins.set(STRIKE, 1)
    pins.let_go(STRIKE)
    assert await levels(pins) == after
    pins.claim(STRIKE, 0)  # the next holder sets it right in the same step
    assert pins.level(STRIKE) == 0


def test_a_board_is_used_rightly_or_says_so() -> None:
    pins = board()
    with pytest.raises(SimulationError, match="not claimed"):
        pins.set(STRIKE, 1)
    pins.claim(STRIKE, 0)
    with pytest.raises(SimulationError, match="in use"):
        pins.claim(STRIKE, 0)
    with pytest.raises(SimulationError, match="0 or 1"):
        pins.set(STRIKE, 2)
    with pytest.raises(SimulationError, match="no output named"):
        pins.claim("siren", 0)


@given(st.lists(st.sampled_from([0, 1])), st.sampled_from([0, 1]))
def test_a_trace_alternates_and_rises(moves: list[int], pull: int) -> None:
    pins = board(pull)
    pins.claim(STRIKE, pull)
    for level in moves:
        pins.set(STRIKE, level)
    trace = asyncio.run(pins.trace(STRIKE))
    assert all(a.level != b.level for a, b in itertools.pairwise(trace))
    assert all(a.up_ns < b.up_ns for a, b in itertools.pairwise(trace))
    assert pins.level(STRIKE) == (moves[-1] if moves else pull)


async def test_inputs_tell_what_is_and_then_what_changes() -> None:
    pins, heard = board(), list[InputEvent]()
    stop = pins.watch(heard.append)
    assert {event.name for event in heard} == set(InputName)
    assert not any(event.active for event in heard)
    heard.clear()
    await pins.set_input(InputName.TAMPER, active=True)
    await pins.set_input(InputName.TAMPER, active=True)
    stop()
    await pins.set_input(InputName.TAMPER, active=False)
    assert [(event.name, event.active) for event in heard] == [(InputName.TAMPER, True)]


async def test_board_inputs_keep_the_port() -> None:
    pins, clock = board(), SimulatedClock(0)
    changes = BoardInputs(pins, clock).changes()
    first = [await anext(changes) for _ in InputName]
    assert {change.name for change in first} == set(InputName)
    await pins.set_input(InputName.FIRE, active=True)
    change = await anext(changes)
    assert (change.name, change.active) == (InputName.FIRE, True)
    await changes.aclose()


async def test_indicators_remember_and_tell() -> None:
    told: list[Pattern] = []
    indicators = TracedIndicators(SimulatedClock(0), told.append)
    indicators.show(Pattern.READY)
    indicators.show(Pattern.GRANTED)
    assert [pattern for _at, pattern in indicators.shown] == told
    assert told == [Pattern.READY, Pattern.GRANTED]


@pytest.mark.parametrize(("lock", "relay"), list(itertools.product(Lock, Relay)))
async def test_the_door_agrees_with_the_product_on_what_a_level_means(
    lock: Lock, relay: Relay
) -> None:
    pins = board(idle_level(relay))
    door = SimulatedDoor(pins, lock, relay)
    wiring = Wiring(lock, relay)
    pins.claim(STRIKE, wiring.safe_level)
    assert not (await door.state()).released
    assert not await door.open()
    pins.set(STRIKE, wiring.level(released=True))
    state = await door.state()
    assert state.released
    assert state.energised is wiring.energised(released=True)
    assert await door.open()
    pins.set(STRIKE, wiring.safe_level)
    assert await door.open()  # it stands open
    await door.close()
    assert not await door.open()
    await door.force()
    assert (await door.state()).open
    assert pins.inputs()[InputName.CONTACT_OPEN]


async def test_the_exit_button_is_pressed_for_a_moment() -> None:
    pins, heard = board(), list[InputEvent]()
    pins.watch(heard.append)
    heard.clear()
    await SimulatedDoor(pins, Lock.FAIL_SECURE, Relay.ACTIVE_HIGH).press_exit()
    assert [(event.name, event.active) for event in heard] == [
        (InputName.EXIT_REQUEST, True),
        (InputName.EXIT_REQUEST, False),
    ]
