"""The enrolment ceremony's shell: pairs, creates, proves and writes down, once asked.

The ceremony itself is core.enrolment; this carries it out against a real key and turns
each thing that can go wrong into one of its named failures. One ceremony at a time.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.core import enrolment, entries
from gateway.core.assertion import Verified
from gateway.core.challenge import ChallengeBook
from gateway.core.enrolment import EnrolmentFailure, EnrolmentState, EnrolmentStep
from gateway.core.entries import Record
from gateway.core.facts import CredentialState
from gateway.core.ids import PeerAddress
from gateway.core.registry import Credential, Registry
from gateway.errors import (
    AuthenticatorError,
    EnrolmentError,
    JournalError,
    JournalStateUnknownError,
    LinkError,
    PairingRefusedError,
    RegistryError,
    WireError,
)
from gateway.ports import (
    Bond,
    Clock,
    Entropy,
    Pairing,
    PeopleStore,
    Radio,
    Sighting,
)
from gateway.service.addresses import KnownAddresses
from gateway.service.armed_order import ArmedOrder, EnrolmentTask
from gateway.service.events import EventStream
from gateway.service.new_credential import (
    CeremonyFailedError,
    Creation,
    CredentialMaker,
    EnrolmentRules,
    failure_of,
)
from gateway.service.recorder import Recorder
from gateway.service.views import EnrolmentView
from gateway.service.waiting import before

_REVOKED: Final = CredentialState.REVOKED
_LOG: Final = logging.getLogger(__name__)
_UNPAIRED: Final = {  # was it refused, and had nobody compared here yet?
    (True, True): EnrolmentFailure.NUMBER_REFUSED,
    (True, False): EnrolmentFailure.PAIRING_REFUSED,
    (False, True): EnrolmentFailure.NUMBER_UNANSWERED,
    (False, False): EnrolmentFailure.LINK_LOST,
}


class Enroller:
    """Carries out one ceremony at a time."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        rules: EnrolmentRules,
        book: ChallengeBook,
        registry: Registry,
        clock: Clock,
        entropy: Entropy,
        radio: Radio,
        pairing: Pairing,
        people: PeopleStore,
        recorder: Recorder,
        events: EventStream,
        keys: KnownAddresses,
    ) -> None:
        self._rules: Final = rules
        self._maker: Final = CredentialMaker(rules, book, clock, entropy)
        self._registry: Final = registry
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._radio: Final = radio
        self._pairing: Final = pairing
        self._people: Final = people
        self._recorder: Final = recorder
        self._events: Final = events
        self._keys: Final = keys
        self._order: ArmedOrder | None = None
        self._found: asyncio.Future[PeerAddress] | None = None
        self._armed: Final = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    # What the API and the radio say.

    @property
    def address(self) -> PeerAddress | None:
        """The key that the ceremony under way is about: no stranger."""
        found, order = self._found, self._order
        if found is None or not found.done() or found.cancelled():
            return None
        return (order and order.bonded) or found.result()

    @property
    def view(self) -> EnrolmentView | None:
        """The ceremony under way, or the last one."""
        return None if self._order is None else self._order.view

    def arm(self, task: EnrolmentTask) -> EnrolmentView:
        """Open the window for one key.

        Raises:
            EnrolmentError: another ceremony is under way.
        """
        if self._order is not None and not self._order.ceremony.is_over:
            raise EnrolmentError(
                "Another enrolment is under way: wait for its end, or cancel it.",
                "busy",
            )
        self._order = ArmedOrder(
            id=f"enr_{self._entropy.token(8).hex()}",
            task=task,
            ceremony=enrolment.arm(
                task.holder.id, self._clock.now(), self._rules.window_ms
            ),
        )
        self._found = asyncio.get_running_loop().create_future()
        self._armed.set()
        return self._told(self._order)

    async def arm_ordered(self, task: EnrolmentTask, first: Sequence[Record]) -> None:
        """Open the window, and write down who ordered that.

        Raises:
            EnrolmentError: another ceremony is under way.
            JournalError: it could not be written, and the window is closed again.
        """
        self.arm(task)
        if first:
            try:
                await self._recorder.append(*first)
            except JournalError:
                await self.cancel()
                raise

    def sighted(self, sighting: Sighting) -> None:
        """Hear of a key in pairing mode; it counts only while the window is open."""
        if self._found is not None and not self._found.done():
            self._found.set_result(sighting.address)

    def answer_comparison(self, *, agree: bool) -> EnrolmentView:
        """Say whether the number on the key equals the one shown.

        Raises:
            EnrolmentError: no number is shown now.
        """
        order = self._order
        if (
            order is None
            or order.ceremony.state is not EnrolmentState.COMPARING
            or order.comparison is None
            or order.comparison.done()
        ):
            raise EnrolmentError("No number is to be compared now.", "no-comparison")
        order.comparison.set_result(agree)
        return self._told(order)

    async def cancel(self) -> EnrolmentView:
        """End the ceremony without a credential.

        Raises:
            EnrolmentError: none is under way, or it is being written down already.
        """
        order = self._order
        if order is None or order.ceremony.is_over:
            raise EnrolmentError("No enrolment is under way.", "none")
        order.ceremony = enrolment.fail(order.ceremony, EnrolmentFailure.CANCELLED)
        if not order.ceremony.is_over:
            raise EnrolmentError("The credential is being written down.", "too-late")
        if self._work is not None:
            self._work.cancel()
        return self._told(order)

    # The work.

    async def run(self) -> None:
        """Carry out what is armed, until cancelled.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        await self._clear_up()
        while True:
            await self._armed.wait()
            self._armed.clear()
            order, found = self._order, self._found
            if order is None or found is None or order.ceremony.is_over:
                continue
            async with asyncio.TaskGroup() as group:
                self._work = group.create_task(self._carry_out(order, found))
            self._work = None

    async def _clear_up(self) -> None:
        """Remove the bonds of ceremonies that a restart cut short."""
        for address in self._keys.unfinished:
            try:
                await self._pairing.forget(address)
            except LinkError as error:  # the next start tries again
                _LOG.warning("A bond was not removed: %s", error)
            else:
                self._keys.forget(address)

    async def _carry_out(
        self, order: ArmedOrder, found: asyncio.Future[PeerAddress]
    ) -> None:
        address: PeerAddress | None = None
        try:
            ends_ms = order.ceremony.window_ends_up_ms
            address = await before(self._clock, ends_ms, _value(found))
            self._advance(order, EnrolmentStep.KEY_FOUND)
            if address is not None:
                await self._with_key(order, address)
        except CeremonyFailedError as failed:
            self._fail(order, failed.failure, failed.detail)
        except JournalStateUnknownError:
            raise
        except Exception as error:  # noqa: BLE001 - must not stop the door for others
            _LOG.exception("A ceremony ended in an error that nobody foresaw")
            self._recorder.note(entries.alarm_record("internal", type(error).__name__))
            self._fail(order, EnrolmentFailure.INTERNAL)
        finally:
            if self._found is found:  # the next ceremony may have been armed by now
                self._found = None
            if address is not None and order.ceremony.must_forget_bond:
                await self._forget(order.bonded or address)

    async def _forget(self, address: PeerAddress) -> None:
        """Remove the bond, unless it is an enrolled key's.

        Anybody can put up its address while a ceremony is armed; no key shall lose
        its door that way.
        """
        known = self._keys.credential_at(address)
        credential = None if known is None else self._registry.credential(known)
        if credential is None or credential.state is _REVOKED:
            await self._pairing.forget(address)
            self._keys.forget(address)
        else:
            self._keys.keep(address)

    async def _with_key(self, order: ArmedOrder, address: PeerAddress) -> None:
        self._keys.pairing(address)
        bond = await self._pair(order, address)
        order.bonded = bond.address
        self._advance(order, EnrolmentStep.BONDED)
        holder_id = order.task.holder.id
        link = None
        try:
            link = await self._radio.connect(bond.address)
            keys = self._registry.credentials_of(holder_id)
            exclude = [one.id for one in keys if one.state is not _REVOKED]
            creation = await self._maker.create(link, holder_id, exclude)
            self._check_new(creation)
            order.model = creation.key.model
            self._advance(order, EnrolmentStep.ATTESTED)
            credential, proof = await self._maker.prove(
                link, holder_id, creation, order.task.until_ms
            )
            self._advance(order, EnrolmentStep.PROVED)
        except (LinkError, WireError, AuthenticatorError) as error:
            raise failure_of(error) from error
        finally:
            if link is not None:
                await link.close()
        self._keys.about_to_enrol(bond.address, credential.id)
        await self._record(order, bond, creation, credential, proof)
        self._keys.remember(bond.address, credential.id)
        order.credential_id = credential.id
        self._advance(order, EnrolmentStep.RECORDED)

    async def _pair(self, order: ArmedOrder, address: PeerAddress) -> Bond:
        async def compare(number: int) -> bool:
            order.number = number
            order.comparison = asyncio.get_running_loop().create_future()
            try:
                self._advance(order, EnrolmentStep.NUMBER_SHOWN)
                agree = await order.comparison
                if agree:
                    self._advance(order, EnrolmentStep.NUMBER_AGREED)
            except CeremonyFailedError:  # the window ended; the ceremony knows it
                return False
            return agree

        try:
            bond = await before(
                self._clock,
                order.ceremony.window_ends_up_ms,
                self._pairing.pair(address, compare),
            )
        except (PairingRefusedError, LinkError) as error:
            refused = isinstance(error, PairingRefusedError)
            comparing = order.ceremony.state is EnrolmentState.COMPARING
            raise CeremonyFailedError(_UNPAIRED[refused, comparing]) from error
        if bond is None:
            raise CeremonyFailedError(EnrolmentFailure.WINDOW_ENDED)
        return bond

    async def _record(
        self,
        order: ArmedOrder,
        bond: Bond,
        creation: Creation,
        credential: Credential,
        proof: Verified,
    ) -> None:
        task, refused = order.task, EnrolmentFailure.REGISTRY_REFUSED
        if self._registry.holder(task.holder.id) != task.before:
            raise CeremonyFailedError(refused, "changed-meanwhile")
        enrol = entries.enrol_record(
            replace(credential, duress=task.duress),
            task.by,
            bond.method,
            creation.challenge,
            creation.made.attestation_object,
            proof,
            task.replaces,
        )
        records = [enrol]
        if task.holder != task.before:
            records.insert(0, entries.holder_record(task.holder, task.by))
        if task.replaces is not None:
            records.append(
                entries.credential_state_record(
                    task.replaces, _REVOKED, "replaced", task.by
                )
            )
        try:
            if task.opening is not None:
                self._people.keep(task.holder.id, task.opening)
            await self._record_all(task, records)
        except RegistryError as error:
            raise CeremonyFailedError(EnrolmentFailure.REGISTRY_REFUSED) from error
        except JournalStateUnknownError:
            raise
        except JournalError as error:
            raise CeremonyFailedError(EnrolmentFailure.LEDGER_UNAVAILABLE) from error

    async def _record_all(self, task: EnrolmentTask, records: list[Record]) -> None:
        """Record it; no name is kept of a holder whom the ledger did not take."""
        try:
            await self._recorder.append(*records)
        except JournalStateUnknownError:
            raise  # the entry may be there, and would then need its name
        except (JournalError, RegistryError):
            if task.opening is not None:
                self._people.withdraw(task.opening.commitment)
            raise

    def _check_new(self, creation: Creation) -> None:
        if self._registry.credential(creation.key.credential_id) is not None:
            raise CeremonyFailedError(EnrolmentFailure.REGISTRY_REFUSED)

    # Telling.

    def _advance(self, order: ArmedOrder, step: EnrolmentStep) -> None:
        order.ceremony = enrolment.advance(order.ceremony, step, self._clock.now())
        if order.ceremony.failure is not None:
            raise CeremonyFailedError(order.ceremony.failure, order.ceremony.detail)
        self._told(order)

    def _fail(
        self, order: ArmedOrder, failure: EnrolmentFailure, detail: str = ""
    ) -> None:
        order.ceremony = enrolment.fail(order.ceremony, failure, detail)
        if not order.ceremony.is_over:  # a key may refuse what it was not asked
            refused = EnrolmentFailure.KEY_ERROR
            order.ceremony = enrolment.fail(order.ceremony, refused, failure.value)
        self._told(order)

    def _told(self, order: ArmedOrder) -> EnrolmentView:
        view = order.view
        self._events.publish(
            "enrolment",
            self._clock.now(),
            {
                "id": view.id,
                "holder": view.holder_id,
                "step": view.step,
                "reason": view.reason,
            },
        )
        return view


async def _value(found: asyncio.Future[PeerAddress]) -> PeerAddress:
    return await asyncio.shield(found)
