import hashlib

import pytest

from ledger.errors import EncodingError
from ledger.qr import as_text, matrix

# The symbols of these lengths were read back with another project's decoder; their
# digests hold them to it.
READ_BACK = {
    1: "f2cc09ed9c553293",
    150: "016b29a69c69352d",
    400: "2f84e934e65e5b24",
    858: "ccc28860ec81c122",
}


def text(length_bytes: int) -> bytes:
    return bytes((i * 37 + length_bytes) % 94 + 32 for i in range(length_bytes))


@pytest.mark.parametrize("length_bytes", READ_BACK)
def test_symbols_are_those_that_a_decoder_read(length_bytes: int) -> None:
    rows = matrix(text(length_bytes))
    assert all(len(row) == len(rows) for row in rows)
    modules = bytes(module for row in rows for module in row)
    assert hashlib.sha256(modules).hexdigest()[:16] == READ_BACK[length_bytes]


def test_a_text_shows_a_light_margin() -> None:
    lines = as_text(b"checkpoint").splitlines()
    assert set(lines[0]) == {"█"}
    assert len(set(map(len, lines))) == 1
    assert set("".join(lines)) <= set("█▀▄ ")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(EncodingError):
        matrix(bytes(859))
