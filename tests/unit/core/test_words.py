"""Identifiers, instants, reasons and positions: the words that all rooms share."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.facts import DenialReason, Mode
from gateway.core.ids import ID_CHARS_MAX, is_identifier
from gateway.core.position import LedgerPosition
from gateway.errors import EvidenceError
from tests.desk import at


@pytest.mark.parametrize("text", ["a", "0", "front-door", "h.1_2", "a" * ID_CHARS_MAX])
def test_identifiers(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "A", "a b", "a/b", "ä", "a\n", "a" * (ID_CHARS_MAX + 1)]
)
def test_no_identifiers(text: str) -> None:
    assert not is_identifier(text)


@given(st.text())
def test_an_identifier_needs_no_escape_anywhere(text: str) -> None:
    if is_identifier(text):
        assert text.isascii()
        assert not set(text) & set("\"'\\/<>&%?# \t\r\n:;")


@pytest.mark.parametrize(("err_ms", "trusted"), [(-1, False), (0, True), (900, True)])
def test_an_unsynchronised_clock_is_not_believed(err_ms: int, *, trusted: bool) -> None:
    assert at(err_ms=err_ms).wall_is_trusted is trusted


def test_a_reason_is_found_by_its_word() -> None:
    words: Any = DenialReason
    assert words("key-unknown") is DenialReason.KEY_UNKNOWN
    assert DenialReason.KEY_UNKNOWN.sentence.startswith("No key")
    assert Mode("LockedDown") is Mode.LOCKED_DOWN


def test_a_position_needs_its_maker() -> None:
    with pytest.raises(EvidenceError):
        LedgerPosition(None, 1, bytes(32), None)  # type: ignore[arg-type] # a forger
