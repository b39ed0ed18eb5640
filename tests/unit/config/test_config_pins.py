"""No pin of the header releases a door while the machine boots."""

import itertools

import pytest

from gateway.config.pins import BCM_MAX, BCM_MIN, reset_level, strike_pin_fault
from gateway.strike.wiring import Lock, Relay, Wiring

WIRINGS = [Wiring(lock, relay) for lock, relay in itertools.product(Lock, Relay)]
PINS = range(BCM_MIN, BCM_MAX + 1)


@pytest.mark.parametrize("wiring", WIRINGS, ids=str)
def test_a_pin_is_taken_only_if_its_reset_level_secures(wiring: Wiring) -> None:
    for bcm in PINS:
        if strike_pin_fault(bcm, wiring) is None:
            assert not wiring.released(reset_level(bcm))
        elif bcm != 14:
            assert wiring.released(reset_level(bcm))


@pytest.mark.parametrize("wiring", WIRINGS, ids=str)
def test_the_advice_leads_to_pins_that_are_taken(wiring: Wiring) -> None:
    for bcm in PINS:
        says = strike_pin_fault(bcm, wiring)
        if says and "take one of" in says:
            low, high = map(int, says.rpartition("one of ")[2].split(" to "))
            good = [n for n in range(low, high + 1) if not strike_pin_fault(n, wiring)]
            assert len(good) >= 7


@pytest.mark.parametrize(
    ("bcm", "level"), [(0, 1), (2, 1), (8, 1), (9, 0), (17, 0), (27, 0)]
)
def test_pulls_at_reset_are_those_of_the_data_sheet(bcm: int, level: int) -> None:
    assert reset_level(bcm) == level
