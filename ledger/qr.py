"""QR codes of checkpoints (ISO/IEC 18004: byte mode, level L, versions 1 to 20).

A head on a screen can be photographed by anyone who passes: a witness that nobody has
to run. Ours, because an auditor's machine should need nothing but Python.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ledger.errors import EncodingError

VERSION_MAX: Final = 20
QUIET_MODULES: Final = 2

# ISO/IEC 18004 table 9, level L: error correction codewords per block, and blocks.
_CORRECTION: Final = (
    7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
)  # fmt: skip
_BLOCKS: Final = (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8)
_BYTE_MODE: Final = 0b0100
_LEVEL_L: Final = 0b01
_LONG_COUNT_VERSION: Final = 10
_VERSION_BITS_FROM: Final = 7

_MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,  # noqa: ARG005 - the table's columns
    lambda x, y: x % 3 == 0,  # noqa: ARG005
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


def _capacity_bits(version: int) -> int:
    """Return how many modules carry data and error correction."""
    bits = (16 * version + 128) * version + 64
    if version > 1:
        count = version // 7 + 2
        bits -= (25 * count - 10) * count - 55
        if version >= _VERSION_BITS_FROM:
            bits -= 36
    return bits


def _data_codewords(version: int) -> int:
    blocks = _BLOCKS[version - 1]
    return _capacity_bits(version) // 8 - _CORRECTION[version - 1] * blocks


def _multiply(x: int, y: int) -> int:
    """Multiply in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for bit in reversed(range(8)):
        product = product << 1 ^ (product >> 7) * 0x11D
        product ^= (y >> bit & 1) * x
    return product


def _divisor(degree: int) -> list[int]:
    result = [0] * (degree - 1) + [1]
    root = 1
    for _ in range(degree):
        for i in range(degree):
            result[i] = _multiply(result[i], root)
            if i + 1 < degree:
                result[i] ^= result[i + 1]
        root = _multiply(root, 2)
    return result


def _remainder(data: bytes, divisor: list[int]) -> bytes:
    result = [0] * len(divisor)
    for byte in data:
        factor = byte ^ result.pop(0)
        result.append(0)
        for i, coefficient in enumerate(divisor):
            result[i] ^= _multiply(coefficient, factor)
    return bytes(result)


def _version_for(length_bytes: int) -> int:
    for version in range(1, VERSION_MAX + 1):
        count_bits = 8 if version < _LONG_COUNT_VERSION else 16
        if 4 + count_bits + 8 * length_bytes <= 8 * _data_codewords(version):
            return version
    raise EncodingError(f"{length_bytes} bytes are too many for a QR code.")


def _codewords(data: bytes, version: int) -> bytes:
    """Return data with padding and error correction, interleaved."""
    count_bits = 8 if version < _LONG_COUNT_VERSION else 16
    bits = f"{_BYTE_MODE:04b}{len(data):0{count_bits}b}"
    bits += "".join(f"{byte:08b}" for byte in data)
    capacity = _data_codewords(version)
    bits += "0" * min(4, 8 * capacity - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    words += bytes((0xEC, 0x11) * capacity)[: capacity - len(words)]

    count, correction = _BLOCKS[version - 1], _CORRECTION[version - 1]
    short, longer = divmod(capacity, count)
    divisor = _divisor(correction)
    blocks, at = [], 0
    for index in range(count):
        size = short + (index >= count - longer)
        blocks.append(words[at : at + size])
        at += size
    checks = [_remainder(block, divisor) for block in blocks]
    return bytes(
        [block[i] for i in range(short + 1) for block in blocks if i < len(block)]
        + [check[i] for i in range(correction) for check in checks]
    )


class _Symbol:
    """The matrix while it is drawn; `fixed` are function patterns."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.size = 17 + 4 * version
        self.dark = [[False] * self.size for _ in range(self.size)]
        self.fixed = [[False] * self.size for _ in range(self.size)]
        for i in range(self.size):
            self.set(6, i, dark=i % 2 == 0)
            self.set(i, 6, dark=i % 2 == 0)
        for x, y in ((3, 3), (self.size - 4, 3), (3, self.size - 4)):
            self._finder(x, y)
        for x, y in self._alignments():
            for dx, dy in _square(2):
                self.set(x + dx, y + dy, dark=max(abs(dx), abs(dy)) != 1)
        self.format(0)
        self._version_bits()

    def set(self, x: int, y: int, *, dark: bool) -> None:
        self.dark[y][x] = dark
        self.fixed[y][x] = True

    def _finder(self, x: int, y: int) -> None:
        for dx, dy in _square(4):
            if 0 <= x + dx < self.size and 0 <= y + dy < self.size:
                self.set(x + dx, y + dy, dark=max(abs(dx), abs(dy)) not in {2, 4})

    def _alignments(self) -> Iterator[tuple[int, int]]:
        if self.version == 1:
            return
        count = self.version // 7 + 2
        step = (self.version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
        last = self.size - 7
        places = [6, *(last - step * i for i in reversed(range(count - 1)))]
        for x in places:
            for y in places:
                if (x, y) not in {(6, 6), (6, last), (last, 6)}:
                    yield x, y

    def format(self, mask: int) -> None:
        data = _LEVEL_L << 3 | mask
        check = data
        for _ in range(10):
            check = check << 1 ^ (check >> 9) * 0x537
        bits = (data << 10 | check) ^ 0x5412
        first = [(8, i) for i in (*range(6), 7)] + [(8, 8), (7, 8)]
        first += [(14 - i, 8) for i in range(9, 15)]
        second = [(self.size - 1 - i, 8) for i in range(8)]
        second += [(8, self.size - 15 + i) for i in range(8, 15)]
        for places in (first, second):
            for i, (x, y) in enumerate(places):
                self.set(x, y, dark=bool(bits >> i & 1))
        self.set(8, self.size - 8, dark=True)

    def _version_bits(self) -> None:
        if self.version < _VERSION_BITS_FROM:
            return
        check = self.version
        for _ in range(12):
            check = check << 1 ^ (check >> 11) * 0x1F25
        bits = self.version << 12 | check
        for i in range(18):
            a, b = self.size - 11 + i % 3, i // 3
            self.set(a, b, dark=bool(bits >> i & 1))
            self.set(b, a, dark=bool(bits >> i & 1))

    def write(self, words: bytes) -> None:
        """Fill the data modules in the zigzag of §7.7.3."""
        bits = iter("".join(f"{word:08b}" for word in words))
        for x, y in self._zigzag():
            if not self.fixed[y][x]:
                self.dark[y][x] = next(bits, "0") == "1"

    def _zigzag(self) -> Iterator[tuple[int, int]]:
        columns = [x for x in range(self.size - 1, 0, -2) if x > 6]  # noqa: PLR2004 - timing
        columns += [5, 3, 1]
        for index, right in enumerate(columns):
            rows = range(self.size)
            for y in rows if index % 2 else reversed(rows):
                yield right, y
                yield right - 1, y

    def mask(self, index: int) -> None:
        applies = _MASKS[index]
        for y in range(self.size):
            for x in range(self.size):
                if not self.fixed[y][x] and applies(x, y):
                    self.dark[y][x] ^= True

    def penalty(self) -> int:
        """Score how hard the symbol is to read (§7.8.3, without the finder rule)."""
        lines = [*self.dark, *(list(column) for column in zip(*self.dark, strict=True))]
        score = 0
        for line in lines:
            run = 0
            for previous, module in zip([None, *line], line, strict=False):
                run = run + 1 if module == previous else 1
                score += {5: 3}.get(run, run > 5)  # noqa: PLR2004 - the rule's length
        for upper, lower in zip(self.dark, self.dark[1:], strict=False):
            for x in range(self.size - 1):
                score += 3 * (upper[x] == upper[x + 1] == lower[x] == lower[x + 1])
        count = sum(map(sum, self.dark))
        return score + 10 * (abs(20 * count - 10 * self.size**2) // self.size**2)


def _square(reach: int) -> Iterator[tuple[int, int]]:
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            yield dx, dy


def matrix(data: bytes) -> list[list[bool]]:
    """Return the symbol's modules, True for dark, without quiet zone.

    Raises:
        EncodingError: too many bytes.
    """
    version = _version_for(len(data))
    words = _codewords(data, version)
    symbols = []
    for index in range(len(_MASKS)):
        symbol = _Symbol(version)
        symbol.write(words)
        symbol.mask(index)
        symbol.format(index)
        symbols.append(symbol)
    return min(symbols, key=_Symbol.penalty).dark


def as_text(data: bytes) -> str:
    """Return the symbol in half blocks, light on dark terminals included.

    Raises:
        EncodingError: too many bytes.
    """
    rows = matrix(data)
    width = len(rows) + 2 * QUIET_MODULES
    empty = [[False] * width for _ in range(QUIET_MODULES)]
    side = [False] * QUIET_MODULES
    padded = [*empty, *([*side, *row, *side] for row in rows), *empty]
    padded += empty[: len(padded) % 2]
    # Light modules are drawn: terminals are dark, cameras want a light margin.
    glyphs = {
        (False, False): "█",
        (False, True): "▀",
        (True, False): "▄",
        (True, True): " ",
    }
    return "".join(
        "".join(glyphs[pair] for pair in zip(upper, lower, strict=True)) + "\n"
        for upper, lower in zip(padded[::2], padded[1::2], strict=True)
    )
