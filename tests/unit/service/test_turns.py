"""Whose key is asked next: many keys around one door, in virtual time."""

import pytest

from gateway.core.ids import PeerAddress
from gateway.service.turns import (
    CONNECT_AGAIN_MS,
    CONNECT_MS,
    CONNECTING_MAX,
    FINGER_MS,
    FRESH_MS,
    KEYS_MAX,
    SESSIONS_MAX,
    Turns,
)

HONEST = PeerAddress("C0:00:00:00:FF:FF")
ADVERT_MS = 100


def key(number: int) -> PeerAddress:
    return PeerAddress(f"C0:00:00:00:{number >> 8:02X}:{number & 255:02X}")


def hear(turns: Turns, address: PeerAddress, now_ms: int) -> None:
    turns.heard(address, now_ms, may_ask=True)


def test_so_many_connect_at_once_and_no_more() -> None:
    turns = Turns()
    for number in range(CONNECTING_MAX + 1):
        hear(turns, key(number), number)
    given = {turns.next(10) for _ in range(CONNECTING_MAX)}
    assert None not in given
    assert turns.next(10) is None
    (first, *_) = given
    assert first is not None
    turns.connected(first, 20)
    assert turns.next(20) is not None


def test_a_key_that_went_to_sleep_gets_no_turn() -> None:
    turns = Turns()
    hear(turns, key(1), 0)
    assert turns.next(FRESH_MS + 1) is None


def test_a_key_that_may_not_be_asked_waits_for_nothing() -> None:
    turns = Turns()
    turns.heard(key(1), 0, may_ask=False)
    assert turns.next(0) is None


def test_who_did_not_answer_goes_behind_and_has_less_time() -> None:
    turns = Turns()
    hear(turns, key(1), 0)
    assert turns.connect_ms(key(1)) == CONNECT_MS
    assert turns.next(0) == key(1)
    turns.ended(key(1), 10, unreached=True, vain=False)
    assert turns.connect_ms(key(1)) == CONNECT_AGAIN_MS
    turns.heard(HONEST, 15, may_ask=True)
    hear(turns, key(1), 20)  # the newer advert
    chosen = [turns.next(20), turns.next(20)]
    assert chosen[0] == HONEST
    turns.connected(HONEST, 20)
    turns.ended(key(1), 30, unreached=False, vain=False)
    assert turns.connect_ms(key(1)) == CONNECT_MS


def test_a_holder_who_wakes_a_key_anew_is_no_idler() -> None:
    turns = Turns()
    hear(turns, key(1), 0)
    turns.next(0)
    turns.ended(key(1), 10, unreached=False, vain=True)
    turns.next(10)
    hear(turns, key(2), FRESH_MS + 10)
    hear(turns, key(1), FRESH_MS + 11)  # silent since; its holder pressed it again
    assert key(1) in {turns.next(FRESH_MS + 11), turns.next(FRESH_MS + 11)}


def test_memory_is_bounded_and_keeps_who_is_busy() -> None:
    turns = Turns()
    hear(turns, HONEST, 0)
    assert turns.next(0) == HONEST
    for number in range(2 * KEYS_MAX):
        hear(turns, key(number), 1)
    assert len(turns._keys) <= KEYS_MAX
    turns.connected(HONEST, 2)


def test_nobody_gives_way_while_there_is_room_or_nobody_waits() -> None:
    turns = Turns()
    for number in range(SESSIONS_MAX):
        hear(turns, key(number), 0)
        assert turns.next(0) == key(number)
        assert turns.to_yield(10**6) is None
        turns.connected(key(number), number)
        turns.at_finger(key(number), number, waits=True)
    assert turns.to_yield(10**6) is None
    hear(turns, HONEST, 10**6)
    assert turns.to_yield(10**6) == key(0)
    turns.at_finger(key(0), 10**6, waits=False)  # it answered just now
    assert turns.to_yield(10**6) == key(1)


@pytest.mark.parametrize("idlers", [50, 200])
@pytest.mark.parametrize("answer", [True, False])
def test_the_key_with_the_finger_on_it_is_served_among_idle_ones(
    idlers: int, *, answer: bool
) -> None:
    """It gets one of the next two turns; and a turn is at most FINGER_MS away.

    Idle keys advertise without end and are never touched; those that do not answer a
    connection at all keep a turn for as long as a connection may take.
    """
    turns, now_ms = Turns(), 0
    running: dict[PeerAddress, int] = {}
    given_after: list[PeerAddress] = []
    woke_ms = 60_000
    while HONEST not in given_after:
        for address in [a for a, until_ms in running.items() if until_ms <= now_ms]:
            del running[address]
            turns.ended(address, now_ms, unreached=not answer, vain=answer)
        idle = turns.to_yield(now_ms)
        if idle is not None and answer:
            del running[idle]
            turns.ended(idle, now_ms, unreached=False, vain=True)
        for number in range(idlers):
            hear(turns, key(number), now_ms)
        if now_ms >= woke_ms:
            hear(turns, HONEST, now_ms)
        while (given := turns.next(now_ms)) is not None:
            if now_ms >= woke_ms:
                given_after.append(given)
            running[given] = now_ms + (15_000 if answer else turns.connect_ms(given))
            if answer:
                turns.connected(given, now_ms)
                turns.at_finger(given, now_ms, waits=True)
        now_ms += ADVERT_MS
    assert len(given_after[: given_after.index(HONEST)]) <= 1
    assert now_ms - woke_ms <= FINGER_MS + 2 * ADVERT_MS
