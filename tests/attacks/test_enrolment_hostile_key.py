"""A hostile key in the ceremony: it ends for a reason, and the next one can begin."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from gateway.core.ids import PeerAddress
from gateway.ctap.command import CtapCommand
from gateway.ctap.framing import TO_KEY, FrameCommand, Reassembler
from gateway.ctap.status import CtapStatus
from gateway.ports import Link, PeerInfo, Radio, Sighting
from gateway.service.gateway import Adapters
from gateway.service.views import EnrolmentOrder
from tests.virtual_site import ADMIN, VirtualSite

REQUEST_BYTES_MAX = 4_096
OUT_OF_PLACE = [
    CtapStatus.CREDENTIAL_EXCLUDED,
    CtapStatus.UNSUPPORTED_ALGORITHM,
    CtapStatus.UNSUPPORTED_OPTION,
    CtapStatus.INVALID_OPTION,
    CtapStatus.NO_CREDENTIALS,
]


@dataclass
class Lie:
    """A status that a key answers one command with, whatever was asked."""

    command: CtapCommand
    status: int

    @property
    def fragment(self) -> bytes:
        """The answer, in one piece."""
        return bytes((FrameCommand.MSG, 0, 1, self.status))


class LyingLink:
    """A link at whose other end one command is answered with a lie."""

    def __init__(self, link: Link, lie: Lie) -> None:
        self._link = link
        self._lie = lie
        self._frames = Reassembler(REQUEST_BYTES_MAX, TO_KEY)
        self._lies = False

    @property
    def fragment_bytes_max(self) -> int:
        """As the link's."""
        return self._link.fragment_bytes_max

    async def write(self, fragment: bytes) -> None:
        """Swallow what is to be lied about."""
        frame = self._frames.feed(fragment)
        self._lies = frame is not None and frame.data[:1] == bytes((self._lie.command,))
        if not self._lies:
            await self._link.write(fragment)

    async def read(self) -> bytes:
        """Lie, or as the link."""
        return self._lie.fragment if self._lies else await self._link.read()

    async def info(self) -> PeerInfo:
        """As the link's."""
        return await self._link.info()

    async def close(self) -> None:
        """As the link's."""
        await self._link.close()


class LyingRadio:
    """A radio with lying keys."""

    def __init__(self, radio: Radio, lie: Lie) -> None:
        self._radio = radio
        self._lie = lie

    def sightings(self) -> AsyncIterator[Sighting]:
        """As the radio's."""
        return self._radio.sightings()

    async def connect(self, address: PeerAddress) -> Link:
        """Connect to a liar."""
        return LyingLink(await self._radio.connect(address), self._lie)


@pytest.mark.parametrize("status", OUT_OF_PLACE)
@pytest.mark.parametrize(
    "command",
    [CtapCommand.GET_INFO, CtapCommand.MAKE_CREDENTIAL, CtapCommand.GET_ASSERTION],
)
async def test_a_refusal_that_makes_no_sense_ends_the_ceremony(
    site: VirtualSite, command: CtapCommand, status: CtapStatus
) -> None:
    def lying(on: Adapters) -> Adapters:
        return replace(on, radio=LyingRadio(on.radio, Lie(command, status)))

    async with site.running(lying) as now:
        key = await site.place.add_key("liar")
        order = EnrolmentOrder("h1", "A name", ("staff",))
        await now.gateway.enrol(order, ADMIN)
        await key.touch(times=2)
        await key.pairing_mode()
        await site.ceremony(now, "comparing")
        await now.gateway.answer_comparison(agree=True)
        ended = await site.ceremony(now, "failed")
        assert ended.step == "failed"
        await site.sleep(1_000)
        assert not now.died
        assert (await now.gateway.enrol(order, ADMIN)).step == "armed"


@pytest.mark.parametrize("how", ["numbers-differ", "cancelled", "window-ended"])
async def test_a_key_that_steps_into_anothers_ceremony_keeps_its_own_bond(
    site: VirtualSite, how: str
) -> None:
    """Else anybody who puts up its address would lock its holder out."""
    async with site.running() as now:
        enrolled = await site.enrol(now)
        await site.place.add_key("h2")
        await now.gateway.enrol(EnrolmentOrder("h2", "A name", ("staff",)), ADMIN)
        await enrolled.pairing_mode()
        await site.ceremony(now, "comparing")
        if how == "numbers-differ":
            await now.gateway.answer_comparison(agree=False)
        elif how == "cancelled":
            await now.gateway.cancel_enrolment()
        assert (await site.ceremony(now, "failed")).step == "failed"
        await enrolled.sleep()
        await site.sleep(1_000)
        assert PeerAddress(enrolled.address) in await site.adapter.bonds()
        await site.granted(now, enrolled)
