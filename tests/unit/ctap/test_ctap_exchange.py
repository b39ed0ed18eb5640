"""gateway.ctap.exchange: one conversation, step by step."""

from collections.abc import Callable
from itertools import product

import pytest

from gateway.ctap.exchange import (
    KEEPALIVES_MAX,
    SILENCE_MS_MAX,
    TRANSITIONS,
    Exchange,
    ExchangeState,
    KeepaliveSeen,
    _Event,
)
from gateway.ctap.framing import FrameCommand, FrameFault, fragment
from gateway.ctap.gatt import ERROR_WAIT_MS, TRANSMIT_DELAY_MS_MAX
from gateway.errors import (
    ExchangeCancelledError,
    FramingError,
    LinkTimeoutError,
    PeerError,
)

STARTED, DEADLINE = 1_000, 16_000
REQUEST = bytes(range(50))
PROCESSING, TOUCH = b"\x82\x00\x01\x01", b"\x82\x00\x01\x02"
ANSWER = b"\x83\x00\x02\x00\xa0"
LONG = list(fragment(FrameCommand.MSG, bytes(60), 20))
CANCEL = b"\xbe\x00\x00"
STATES = ExchangeState


def begin(command: FrameCommand = FrameCommand.MSG) -> Exchange:
    return Exchange(
        command,
        REQUEST,
        fragment_bytes_max=20,
        message_bytes_max=1024,
        started_ms=STARTED,
        deadline_ms=DEADLINE,
    )


def asked(now_ms: int = STARTED) -> Exchange:
    """An exchange whose request is out."""
    exchange = begin()
    exchange.outgoing()
    exchange.sent(now_ms)
    return exchange


def in_state(exchange: Exchange, state: ExchangeState) -> bool:
    return exchange.state is state


def cancelling() -> Exchange:
    exchange = asked()
    exchange.cancel(2_000)
    return exchange


def test_from_request_to_answer() -> None:
    exchange = begin()
    assert in_state(exchange, STATES.SENDING)
    assert exchange.outgoing() == list(fragment(FrameCommand.MSG, REQUEST, 20))
    assert exchange.outgoing() == []
    exchange.sent(1_100)
    assert in_state(exchange, STATES.WAITING)
    assert exchange.receive(PROCESSING, 1_500) == KeepaliveSeen(1)
    assert exchange.receive(TOUCH, 2_000) == KeepaliveSeen(2)
    assert in_state(exchange, STATES.NEEDS_TOUCH)
    assert exchange.receive(PROCESSING, 2_500) == KeepaliveSeen(1)
    assert in_state(exchange, STATES.WAITING)
    assert exchange.receive(ANSWER, 2_600) is None
    assert in_state(exchange, STATES.DONE)
    assert exchange.ended
    assert exchange.result() == b"\x00\xa0"
    assert not exchange.late


def test_an_answer_in_fragments() -> None:
    exchange = asked()
    for at, piece in enumerate(LONG):
        assert not exchange.ended
        exchange.receive(piece, 1_200 + at)
    assert exchange.result() == bytes(60)


def test_the_key_may_work_before_the_last_write_is_confirmed() -> None:
    for first, state in ((PROCESSING, STATES.WAITING), (TOUCH, STATES.NEEDS_TOUCH)):
        exchange = begin()
        exchange.outgoing()
        exchange.receive(first, 1_010)
        assert in_state(exchange, state)
        exchange.sent(1_020)
        assert in_state(exchange, state)
        assert exchange.deadline() == 1_010 + SILENCE_MS_MAX


def test_an_answer_may_overtake_the_confirmation_of_a_write() -> None:
    exchange = begin()
    exchange.outgoing()
    exchange.receive(ANSWER, 1_010)
    assert exchange.result() == b"\x00\xa0"


def test_nothing_is_sent_before_it_was_handed_out() -> None:
    exchange = begin()
    exchange.sent(1_100)
    assert in_state(exchange, STATES.SENDING)


def test_ping_is_answered_by_ping() -> None:
    exchange = begin(FrameCommand.PING)
    exchange.outgoing()
    exchange.receive(b"\x81\x00\x01a", 1_100)
    assert exchange.result() == b"a"


def test_an_unknown_keepalive_status_is_passed_on() -> None:
    exchange = asked()
    assert exchange.receive(b"\x82\x00\x01\x07", 1_100) == KeepaliveSeen(7)
    assert in_state(exchange, STATES.WAITING)


def test_a_keepalive_left_over_from_before_is_ignored() -> None:
    exchange = begin()
    assert exchange.receive(TOUCH, 1_010) is None
    assert in_state(exchange, STATES.SENDING)
    assert exchange.outgoing()


def test_an_answer_before_the_request_breaks_the_rules() -> None:
    exchange = begin()
    exchange.receive(ANSWER, 1_010)
    with pytest.raises(FramingError, match="MSG was not asked yet") as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.UNEXPECTED_ANSWER
    assert exchange.outgoing() == []


def test_an_answer_to_another_question_breaks_the_rules() -> None:
    exchange = asked()
    exchange.receive(b"\x81\x00\x01a", 1_100)
    with pytest.raises(FramingError, match="PING came, and MSG was asked") as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.UNEXPECTED_ANSWER


@pytest.mark.parametrize(
    ("code", "name"), [(6, "BUSY"), (5, "REQ_TIMEOUT"), (0x42, "unknown")]
)
@pytest.mark.parametrize("make", [asked, begin, cancelling])
def test_a_ble_error_ends_it(
    make: Callable[[], Exchange], code: int, name: str
) -> None:
    exchange = make()
    exchange.receive(bytes((0xBF, 0, 1, code)), 2_100)
    assert in_state(exchange, STATES.FAILED)
    with pytest.raises(PeerError, match=name) as caught:
        exchange.result()
    assert caught.value.ble_error == code


def test_a_broken_fragment_ends_it_and_result_names_the_fault() -> None:
    exchange = asked()
    exchange.receive(LONG[0], 1_100)
    assert exchange.receive(TOUCH, 1_200) is None
    with pytest.raises(FramingError) as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.KEEPALIVE_INSIDE_FRAME


def test_an_answer_is_bounded() -> None:
    exchange = asked()
    exchange.receive(b"\x83\x04\x01", 1_100)
    with pytest.raises(FramingError) as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.FRAME_TOO_LONG


def test_keepalives_are_bounded() -> None:
    exchange = asked()
    for _ in range(KEEPALIVES_MAX):
        assert exchange.receive(PROCESSING, 1_100)
    assert exchange.receive(PROCESSING, 1_100) is None
    with pytest.raises(FramingError) as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.KEEPALIVE_FLOOD


def test_after_the_end_nothing_changes() -> None:
    exchange = asked()
    exchange.receive(ANSWER, 1_100)
    assert exchange.receive(LONG[0], 1_200) is None
    exchange.cancel(1_300)
    exchange.sent(1_300)
    exchange.tick(99_000)
    assert in_state(exchange, STATES.DONE)
    assert exchange.deadline() is None
    assert not exchange.cancelled
    assert exchange.outgoing() == []


def test_a_result_before_the_end_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="not ended"):
        begin().result()


@pytest.mark.parametrize("deadline_ms", [STARTED, STARTED - 1])
def test_a_deadline_lies_ahead(deadline_ms: int) -> None:
    with pytest.raises(ValueError, match="deadline"):
        Exchange(
            FrameCommand.MSG,
            b"\x04",
            fragment_bytes_max=20,
            message_bytes_max=1024,
            started_ms=STARTED,
            deadline_ms=deadline_ms,
        )


def test_cancel_asks_the_key_and_waits_for_its_answer() -> None:
    exchange = asked()
    exchange.receive(TOUCH, 1_500)
    exchange.cancel(2_000)
    assert in_state(exchange, STATES.CANCELLING)
    assert exchange.outgoing() == [CANCEL]
    assert exchange.deadline() == 2_000 + ERROR_WAIT_MS
    exchange.cancel(2_100)
    assert exchange.outgoing() == []
    assert exchange.receive(TOUCH, 2_200) == KeepaliveSeen(2)
    assert in_state(exchange, STATES.CANCELLING)
    exchange.receive(b"\x83\x00\x01\x2d", 2_300)
    assert exchange.result() == b"\x2d"
    assert exchange.late


def test_a_cancel_during_the_write_follows_the_request() -> None:
    exchange = begin()
    exchange.outgoing()
    exchange.cancel(1_010)
    assert in_state(exchange, STATES.CANCELLING)
    assert exchange.outgoing() == [CANCEL]


def test_a_cancel_before_the_write_sends_nothing() -> None:
    exchange = begin()
    exchange.cancel(1_010)
    assert in_state(exchange, STATES.FAILED)
    assert exchange.outgoing() == []
    with pytest.raises(ExchangeCancelledError, match="after 10 ms"):
        exchange.result()


def test_a_cancel_without_an_answer_ends_after_the_error_wait() -> None:
    exchange = cancelling()
    exchange.tick(2_000 + ERROR_WAIT_MS - 1)
    assert in_state(exchange, STATES.CANCELLING)
    exchange.tick(2_000 + ERROR_WAIT_MS)
    with pytest.raises(ExchangeCancelledError, match="after 1000 ms"):
        exchange.result()
    assert exchange.cancelled
    assert not exchange.late


def test_an_answer_drops_a_cancel_not_yet_written() -> None:
    exchange = cancelling()
    exchange.receive(ANSWER, 2_001)
    assert exchange.outgoing() == []
    assert exchange.late


def test_the_deadline_cancels_whatever_the_key_does() -> None:
    exchange = asked()
    for now_ms in range(STARTED, DEADLINE, 500):
        exchange.receive(TOUCH, now_ms)
    assert exchange.deadline() == DEADLINE
    exchange.tick(DEADLINE)
    assert in_state(exchange, STATES.CANCELLING)
    assert exchange.outgoing() == [CANCEL]
    exchange.tick(DEADLINE + ERROR_WAIT_MS)
    with pytest.raises(LinkTimeoutError, match="within 15000 ms"):
        exchange.result()


def test_the_deadline_ends_what_was_never_written() -> None:
    exchange = begin()
    assert exchange.deadline() == DEADLINE
    exchange.tick(DEADLINE)
    with pytest.raises(LinkTimeoutError, match="within 15000 ms"):
        exchange.result()


def test_silence_cancels() -> None:
    exchange = asked(1_200)
    assert exchange.deadline() == 1_200 + SILENCE_MS_MAX
    exchange.tick(1_199 + SILENCE_MS_MAX)
    assert in_state(exchange, STATES.WAITING)
    exchange.tick(1_200 + SILENCE_MS_MAX)
    assert in_state(exchange, STATES.CANCELLING)
    exchange.tick(1_200 + SILENCE_MS_MAX + ERROR_WAIT_MS)
    with pytest.raises(LinkTimeoutError, match="silent for 2000 ms"):
        exchange.result()


def test_a_message_that_breaks_off_ends_it() -> None:
    exchange = asked()
    exchange.receive(LONG[0], 1_300)
    assert exchange.deadline() == 1_300 + TRANSMIT_DELAY_MS_MAX
    exchange.tick(1_300 + TRANSMIT_DELAY_MS_MAX)
    with pytest.raises(FramingError, match="broke off for 1500 ms") as caught:
        exchange.result()
    assert caught.value.reason == FrameFault.STALLED


def test_a_message_may_break_off_while_cancelling_too() -> None:
    exchange = cancelling()
    exchange.receive(LONG[0], 2_100)
    assert exchange.deadline() == 2_100 + TRANSMIT_DELAY_MS_MAX
    exchange.tick(2_100 + TRANSMIT_DELAY_MS_MAX)
    with pytest.raises(FramingError, match="broke off"):
        exchange.result()


def test_the_table_ends_nowhere_but_in_done_and_failed() -> None:
    ends = {STATES.DONE, STATES.FAILED}
    assert {state for state, _ in TRANSITIONS} == set(STATES) - ends
    for state, event in product(set(STATES) - ends, (_Event.ANSWERED, _Event.BROKEN)):
        assert TRANSITIONS[state, event] in ends
