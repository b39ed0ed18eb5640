"""Whatever keys, adverts and callers say: without a good answer the strike stays.

Each example runs a whole gateway in virtual time: one holder is enrolled and lets
themselves in once, to show that the door works, and then everything that comes is bad.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import async_solipsism
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.facts import CredentialState
from gateway.core.ids import PeerAddress
from gateway.ctap.advert import FidoAdvert
from gateway.ctap.framing import FrameCommand, fragment
from gateway.errors import KeyraError, LinkLostError
from gateway.ports import Link, PeerInfo, Radio, Sighting
from gateway.service.gateway import Adapters
from gateway.service.views import EnrolmentOrder
from gateway.sim.attestation_ca import AttestationChain, attestation_chain
from gateway.sim.key import KeyraDevice
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.place import MADE_FROM, MADE_UNTIL
from tests.virtual_site import ADMIN, Running, VirtualSite, virtual_site

# Two deadlines a rounding error apart are one to the loop, which says so.
pytestmark = pytest.mark.filterwarnings(
    "ignore::async_solipsism.exceptions.ResolutionWarning"
)

FRAGMENT_BYTES_MAX = 64
HARMLESS = {Misbehaviour.NO_KEEPALIVES, Misbehaviour.FLOOD, Misbehaviour.IGNORES_CANCEL}
"""Bad manners, after which the answer may still be a good one."""
EXAMPLES = settings(max_examples=15)

Attack = Callable[[VirtualSite, Running, KeyraDevice], Coroutine[None, None, None]]


@cache
def chain() -> AttestationChain:
    return attestation_chain(1, MADE_FROM, MADE_UNTIL)


class RubbishLink:
    """A link to a key that says what it was told to say, and hangs up."""

    fragment_bytes_max = FRAGMENT_BYTES_MAX

    def __init__(self, says: Sequence[bytes]) -> None:
        self._says = list(says)

    async def write(self, fragment: bytes) -> None:
        assert len(fragment) <= FRAGMENT_BYTES_MAX

    async def read(self) -> bytes:
        if not self._says:
            raise LinkLostError("It hung up.")
        return self._says.pop(0)

    async def info(self) -> PeerInfo:
        return PeerInfo()

    async def close(self) -> None:
        """It is gone."""


class StreetRadio:
    """A real radio, until the street takes it over."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.says: Sequence[bytes] = ()
        self.taken = False
        self.heard: asyncio.Queue[Sighting] = asyncio.Queue()

    async def sightings(self) -> AsyncIterator[Sighting]:
        async with aclosing(self._radio.sightings()) as real:  # type: ignore[type-var]  # a generator
            async for sighting in real:
                yield sighting
                if self.taken:
                    break
        while True:
            yield await self.heard.get()

    async def connect(self, address: PeerAddress) -> Link:
        if not self.taken:
            return await self._radio.connect(address)
        return RubbishLink(self.says)


def attacked(attack: Attack, says: Sequence[bytes] | None = None) -> None:
    """Show that the door works, attack it, and look at the strike's trace."""

    async def live(folder: Path) -> None:
        async with virtual_site(folder, chain()) as site:
            streets: list[StreetRadio] = []

            def wrap(on: Adapters) -> Adapters:
                if says is None:
                    return on
                streets.append(StreetRadio(on.radio))
                return replace(on, radio=streets[0])

            async with site.running(wrap) as now:
                key = await site.enrol(now)
                await site.granted(now, key)
                before = await site.place.pins.trace("strike")
                if streets:
                    streets[0].says, streets[0].taken = says or (), True
                await attack(site, now, key)
                assert now.died == []
                assert await site.place.pins.trace("strike") == before
                assert len(site.entries("door.grant")) == 1

    with (
        TemporaryDirectory() as name,
        asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner,
    ):
        runner.run(live(Path(name)))


# A counter is bad only against one that was learned: after an answer that was refused,
# and so taught nothing, a stuck one has risen. tests/scenarios has these two.
AGAINST_LEARNED = {Misbehaviour.COUNTER_STUCK, Misbehaviour.COUNTER_BACK}
bad_ways = st.sampled_from(sorted(set(Misbehaviour) - HARMLESS - AGAINST_LEARNED))
any_ways = st.sets(st.sampled_from(sorted(Misbehaviour)), max_size=3)
fingers = st.sampled_from(["touch", "wrong_finger", "decline", "slow_touch"])


@EXAMPLES
@given(st.lists(st.tuples(bad_ways, any_ways, fingers), min_size=1, max_size=4))
def test_keys_that_misbehave(
    touches: list[tuple[Misbehaviour, set[Misbehaviour], str]],
) -> None:
    async def attack(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
        for bad, more, finger in touches:
            await key.misbehave(bad, *more)
            await getattr(key, finger)()
            await key.present()
            await site.sleep(20_000)
            await key.sleep()
            await site.sleep(6_000)
            assert now.died == []

    attacked(attack)


status_and_rubbish = st.builds(
    lambda status, rest: bytes((status,)) + rest,
    st.sampled_from([0, 0, 0, 0x2E, 0x31, 0xFF]),
    st.binary(max_size=200),
)
framed = st.builds(
    lambda command, data: list(fragment(command, data, FRAGMENT_BYTES_MAX)),
    st.sampled_from(sorted(FrameCommand)),
    status_and_rubbish,
)
fragments = st.lists(
    st.one_of(framed, st.lists(st.binary(max_size=FRAGMENT_BYTES_MAX), max_size=3)),
    max_size=6,
).map(lambda parts: [piece for part in parts for piece in part])
octets = st.integers(0, 255)
addresses = st.one_of(
    st.none(),  # the holder's own
    st.builds(lambda a, b: PeerAddress(f"C0:00:00:00:{a:02X}:{b:02X}"), octets, octets),
)
adverts = st.lists(
    st.tuples(
        addresses,
        st.builds(FidoAdvert, st.booleans(), st.booleans(), st.text(max_size=32)),
        st.integers(-127, 20),
        st.integers(0, 2_000),
    ),
    max_size=30,
)


@EXAMPLES
@given(fragments, adverts)
def test_frames_and_adverts_of_anybody(
    says: list[bytes],
    street: list[tuple[PeerAddress | None, FidoAdvert, int, int]],
) -> None:
    async def attack(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
        radio = now.gateway._on.radio
        assert isinstance(radio, StreetRadio)
        await key.present()  # the last advert that the real radio gives
        await site.sleep(3_000)
        holder = PeerAddress(key.address)
        touch = (None, FidoAdvert(pairing=False, passkey=False), -40, 0)
        for address, advert, rssi_dbm, later_ms in [touch, *street, touch]:
            await site.sleep(later_ms)
            up_ms = site.clock.now().up_ms
            radio.heard.put_nowait(Sighting(address or holder, advert, rssi_dbm, up_ms))
        await site.sleep(30_000)
        assert site.reasons()  # it did listen, and denied

    attacked(attack, says)


words = st.one_of(st.text(max_size=80), st.sampled_from(["h1", "h2", "", "staff"]))
numbers = st.integers(-(2**63), 2**63)
orders = st.builds(
    EnrolmentOrder,
    holder_id=words,
    name=words,
    groups=st.lists(words, max_size=3).map(tuple),
    from_ms=numbers,
    until_ms=numbers,
    credential_until_ms=numbers,
)


@EXAMPLES
@given(
    st.lists(
        st.one_of(
            orders,
            st.tuples(words, st.sampled_from(CredentialState)),
            st.booleans(),
            st.none(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_callers_who_ask_for_anything(asked: list[object]) -> None:
    async def attack(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
        for wish in asked:
            with suppress(KeyraError):
                match wish:
                    case EnrolmentOrder():
                        await now.gateway.enrol(wish, ADMIN)
                        await key.lose_bond()
                        await key.pairing_mode()
                    case (str(name), CredentialState() as state):
                        await now.gateway.set_credential_state(name, state, ADMIN)
                    case bool(agree):
                        await now.gateway.answer_comparison(agree=agree)
                    case _:
                        await now.gateway.cancel_enrolment()
            await site.sleep(500)
        await site.sleep(5_000)

    attacked(attack)
