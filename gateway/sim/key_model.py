"""How one simulated key differs from another, and how it looks from outside."""

from dataclasses import dataclass
from typing import Final

from gateway.ctap.command import Protocol
from gateway.sim.attestation_ca import AttestationChain
from gateway.sim.authenticator import ALG_ES256, AttestationStyle, Authenticator
from gateway.sim.entropy import SeededEntropy
from gateway.sim.key_pairing import KeyIo
from gateway.sim.token_issuer import TokenIssuer

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
        tokens: protocols by which it issues tokens for a verification, the best first;
            none for a key that verifies as it answers.
        by_hand: whether its holder is asked, and must `press`, when numbers are to be
            compared; else they agree at once.
        remembers_touch: whether the touch for a token is the one for the request too.
        control_point_bytes: fidoControlPointLength, 20 to 512.
        advertising_ms: interval between two adverts while awake.
    """

    io: KeyIo = KeyIo.COMPARE
    algorithm: int = ALG_ES256
    style: AttestationStyle = AttestationStyle.PACKED_X5C
    aaguid: bytes | None = None
    counts: bool = True
    tokens: tuple[Protocol, ...] = ()
    remembers_touch: bool = True
    by_hand: bool = False
    control_point_bytes: int = 512
    advertising_ms: int = ADVERTISING_MS

    def authenticator(
        self, chain: AttestationChain, entropy: SeededEntropy
    ) -> Authenticator:
        """Return the authenticator of such a key; `entropy` decides its secrets."""
        issuer = None
        if self.tokens:
            issuer = TokenIssuer(
                self.tokens, entropy, remembers_touch=self.remembers_touch
            )
        return Authenticator(
            chain,
            entropy,
            algorithm=self.algorithm,
            style=self.style,
            aaguid=self.aaguid,
            counts=self.counts,
            tokens=issuer,
        )


DEFAULT_MODEL: Final = KeyModel()


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as somebody who holds it sees it.

    Attributes:
        shown_number: what its display shows during pairing, or None.
        bonds: how many gateways it is bonded with.
        asks: whether it waits for its holder to compare that number, and to press.
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
    asks: bool
