"""Who is at the door: bounded, whatever the street does."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import PeerAddress
from gateway.ctap.advert import FidoAdvert
from gateway.ports import Sighting
from gateway.service.sightings import (
    MINUTE_MS,
    STRANGER_SUMMARY_MS,
    SightingBook,
    Verdict,
)

ADDRESSES_MAX = 4
SESSIONS_MAX = 3


def advert(number: int, up_ms: int, *, pairing: bool = False) -> Sighting:
    address = PeerAddress(f"C0:00:00:00:00:{number:02X}")
    heard = FidoAdvert(pairing=pairing, passkey=False)
    return Sighting(address, heard, -50, up_ms)


def a_book() -> SightingBook:
    return SightingBook(
        addresses_max=ADDRESSES_MAX, sessions_per_minute_max=SESSIONS_MAX
    )


def test_a_bonded_key_is_a_touch_once_at_a_time() -> None:
    book = a_book()
    seen = advert(1, 0)
    assert book.sort(seen, bonded=True) is Verdict.TOUCH
    book.started(seen.address, 0)
    assert book.busy == 1
    assert book.sort(advert(1, 10), bonded=True) is Verdict.IGNORE
    assert book.sort(advert(2, 10), bonded=True) is Verdict.TOUCH
    book.ended(seen.address, 500)
    assert book.busy == 0
    assert book.sort(advert(1, 499), bonded=True) is Verdict.IGNORE
    assert book.sort(advert(1, 500), bonded=True) is Verdict.TOUCH


def test_so_many_sessions_in_a_minute() -> None:
    book = a_book()
    for number in range(SESSIONS_MAX):
        assert book.sort(advert(1, number), bonded=True) is Verdict.TOUCH
        book.started(advert(1, 0).address, number)
        book.ended(advert(1, 0).address, 0)
    assert book.sort(advert(1, MINUTE_MS - 1), bonded=True) is Verdict.IGNORE
    assert book.sort(advert(1, MINUTE_MS), bonded=True) is Verdict.TOUCH


def test_pairing_comes_first() -> None:
    book = a_book()
    for bonded in (True, False):
        seen = advert(1, 0, pairing=True)
        assert book.sort(seen, bonded=bonded) is Verdict.PAIRING
    assert book.stranger_summary(0) is None


def test_a_key_whose_session_is_under_way_is_not_forgotten() -> None:
    book = a_book()
    book.started(advert(0, 0).address, 0)
    for number in range(1, 4 * ADDRESSES_MAX):
        assert book.sort(advert(number, 1), bonded=True) is Verdict.TOUCH
    assert book.sort(advert(0, 2), bonded=True) is Verdict.IGNORE
    assert book.busy == 1


def test_strangers_are_summed_up_at_most_once_a_minute() -> None:
    book = a_book()
    assert book.stranger_summary(0) is None
    assert book.sort(advert(1, 5), bonded=False) is Verdict.STRANGER
    assert book.sort(advert(1, 6), bonded=False) is Verdict.IGNORE
    first = book.stranger_summary(10)
    assert first is not None
    assert (first.adverts, first.addresses, first.seconds) == (2, 1, 0)
    for number in range(ADDRESSES_MAX + 3):
        book.sort(advert(number, 20), bonded=False)
    assert book.stranger_summary(10 + STRANGER_SUMMARY_MS - 1) is None
    second = book.stranger_summary(10 + STRANGER_SUMMARY_MS)
    assert second is not None
    assert (second.adverts, second.seconds) == (ADDRESSES_MAX + 3, 60)
    assert second.addresses == ADDRESSES_MAX  # all that are remembered
    assert book.stranger_summary(10 + 9 * STRANGER_SUMMARY_MS) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 5_000), st.booleans()),
        max_size=300,
    )
)
def test_its_memory_is_bounded(heard: list[tuple[int, int, bool]]) -> None:
    book = a_book()
    up_ms = 0
    for number, later_ms, bonded in heard:
        up_ms += later_ms
        seen = advert(number, up_ms)
        if book.sort(seen, bonded=bonded) is Verdict.TOUCH:
            book.started(seen.address, up_ms)
            book.ended(seen.address, up_ms + 100)
        assert len(book._budgets) <= ADDRESSES_MAX
        assert len(book._strangers) <= ADDRESSES_MAX
