"""How one simulated key differs from another, and how it looks from outside."""

from dataclasses import dataclass
from typing import Final

from gateway.sim.authenticator import ALG_ES256, AttestationStyle
from gateway.sim.key_pairing import KeyIo

ADVERTISING_MS: Final = 100


@dataclass(frozen=True, slots=True)
class KeyModel:
    """How one key differs from another.

    Attributes:
        io: what it has to pair with.
        algorithm: COSE algorithm of its credentials.
        style: its attestation statement.
        aaguid: what it claims, None for its chain's.
        counts: False for a signature counter that is always 0.
        control_point_bytes: fidoControlPointLength, 20 to 512.
        advertising_ms: interval between two adverts while awake.
    """

    io: KeyIo = KeyIo.COMPARE
    algorithm: int = ALG_ES256
    style: AttestationStyle = AttestationStyle.PACKED_X5C
    aaguid: bytes | None = None
    counts: bool = True
    control_point_bytes: int = 512
    advertising_ms: int = ADVERTISING_MS


DEFAULT_MODEL: Final = KeyModel()


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as somebody who holds it sees it.

    Attributes:
        shown_number: what its display shows during pairing, or None.
        bonds: how many gateways it is bonded with.
    """

    name: str
    address: str
    awake: bool
    pairing: bool
    connected: bool
    blinking: bool
    battery_percent: int
    uv_retries: int
    counter: int
    credentials: int
    bonds: int
    shown_number: int | None
