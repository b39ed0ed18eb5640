"""Two declarations, four combinations, no other truth."""

import pytest

from gateway.strike.wiring import Lock, Relay, Wiring


@pytest.mark.parametrize(
    ("lock", "relay", "released_level", "energised_when_released"),
    [
        (Lock.FAIL_SECURE, Relay.ACTIVE_HIGH, 1, True),
        (Lock.FAIL_SECURE, Relay.ACTIVE_LOW, 0, True),
        (Lock.FAIL_SAFE, Relay.ACTIVE_HIGH, 0, False),
        (Lock.FAIL_SAFE, Relay.ACTIVE_LOW, 1, False),
    ],
)
def test_each_combination(
    lock: Lock, relay: Relay, released_level: int, *, energised_when_released: bool
) -> None:
    wiring = Wiring(lock, relay)
    assert wiring.level(released=True) == released_level
    assert wiring.level(released=False) == wiring.safe_level == 1 - released_level
    assert wiring.energised(released=True) is energised_when_released
    assert wiring.energised(released=False) is not energised_when_released
    assert wiring.released(released_level)
    assert not wiring.released(wiring.safe_level)
