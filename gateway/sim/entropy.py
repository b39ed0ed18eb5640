"""Bytes that a seed decides, so that a failing run can be run again."""

import hashlib
from typing import Final


class SeededEntropy:
    """ports.Entropy for simulations: the same seed and label give the same bytes."""

    def __init__(self, seed: int, label: str = "") -> None:
        """Start a stream; streams of different labels are unrelated."""
        self._prefix: Final = f"keyra/sim/{seed}/{label}/".encode()
        self._count = 0

    def token(self, length_bytes: int) -> bytes:
        """Return the next bytes of the stream."""
        out = bytearray()
        while len(out) < length_bytes:
            out += hashlib.sha256(self._prefix + str(self._count).encode()).digest()
            self._count += 1
        return bytes(out[:length_bytes])
