"""A histogram of whole numbers: bounded, mergeable, with percentiles that are near.

Buckets are log-linear, as in HdrHistogram: 64 to each power of two, so a percentile is
wrong by 1/128 of itself at most, exact below 128, and two histograms add up without
loss.
"""

from collections import Counter
from typing import Final, Self

PER_OCTAVE: Final = 64
VALUE_MAX: Final = 2**53 - 1
"""What JSON carries exactly everywhere (RFC 8259 §6); larger ones count as this."""

INDEX_MAX: Final = 3071
"""The bucket of VALUE_MAX."""


class Histogram:
    """Counts values from -VALUE_MAX to VALUE_MAX."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: Final[Counter[int]] = Counter()
        self._count = 0

    @property
    def count(self) -> int:
        """How many values were added."""
        return self._count

    def add(self, value: int) -> None:
        """Count one value."""
        self._buckets[_index(value)] += 1
        self._count += 1

    def merge(self, other: Self) -> None:
        """Add what another one counted."""
        self._buckets.update(other._buckets)
        self._count += other._count

    def percentile(self, percent: int) -> int:
        """Return the value that `percent` of all do not exceed; 0 where there is none.

        Args:
            percent: 0 (the least) to 100 (the greatest).
        """
        rank = max(1, -(-self._count * percent // 100))
        for index in sorted(self._buckets):
            rank -= self._buckets[index]
            if rank <= 0:
                return _middle(index)
        return 0

    def pack(self) -> list[list[int]]:
        """Return [index, count] pairs, by index; `unpack` reads them."""
        return [[index, self._buckets[index]] for index in sorted(self._buckets)]

    @classmethod
    def unpack(cls, pairs: object) -> Self:
        """Read what `pack` wrote.

        Raises:
            ValueError: nothing that `pack` would write.
        """
        made = cls()
        if not isinstance(pairs, list):
            raise ValueError("no list of buckets")  # noqa: TRY004 - one error for all
        for pair in pairs:
            index, count = _pair(pair)
            made._buckets[index] += count
            made._count += count
        return made


def _pair(pair: object) -> tuple[int, int]:
    match pair:
        case [int(index), int(count)] if abs(index) <= INDEX_MAX and count > 0:
            return index, count
    raise ValueError("no bucket")


def _index(value: int) -> int:
    size = min(abs(value), VALUE_MAX)
    if size < PER_OCTAVE:
        index = size
    else:
        shift = size.bit_length() - PER_OCTAVE.bit_length()
        index = shift * PER_OCTAVE + (size >> shift)
    return -index if value < 0 else index


def _middle(index: int) -> int:
    size = abs(index)
    if size >= 2 * PER_OCTAVE:
        shift = size // PER_OCTAVE - 1
        size = (size - shift * PER_OCTAVE << shift) + (1 << shift) // 2
    return -size if index < 0 else size
