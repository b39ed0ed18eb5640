"""The roll of holders and credentials: what an administrator sees and changes of it.

An erasure is ordered in the ledger first, in one transaction with the revocation of the
holder's keys, and carried out in the people database after. Whatever happens between
the two, the ledger's order stands: it is carried out again at every start, so also
against a people database that was restored from a backup, and every minute until it
succeeds.
"""

import logging
from collections.abc import Sequence
from typing import Final

from gateway.core import entries
from gateway.core.administration import Change
from gateway.core.encoding import from_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, HolderId, is_identifier
from gateway.core.order_entries import change_record
from gateway.core.registry import Holder, Registry, is_erased
from gateway.errors import HolderUnknownError, RegistryError
from gateway.ports import Clock, PeopleStore
from gateway.service.recorder import Recorder
from gateway.service.views import CredentialView, HolderView

_LOG: Final = logging.getLogger(__name__)


class Roll:
    """The registry with its names, for people."""

    def __init__(
        self,
        registry: Registry,
        recorder: Recorder,
        people: PeopleStore,
        clock: Clock,
    ) -> None:
        self._registry: Final = registry
        self._recorder: Final = recorder
        self._people: Final = people
        self._clock: Final = clock
        self._unfinished = True  # until a look at the people database said otherwise
        self._alarmed = False

    def holders(self, after: str = "", limit: int = 0) -> list[HolderView]:
        """Return holders by id, from after one on; with a limit of 0 all of them.

        Their names are read together: on the door's loop nothing is opened for each.
        """
        every = (one for one in self._registry.holders() if one.id > after)
        page = sorted(every, key=lambda one: one.id)[: limit or None]
        names = self._people.reveal_all([one.name_commitment for one in page])
        return [_view(one, names.get(one.name_commitment)) for one in page]

    def credentials(self) -> list[CredentialView]:
        """Return all credentials, by id."""
        wall_ms = self._clock.now().wall_ms
        every = sorted(self._registry.credentials(), key=lambda one: one.id)
        return [CredentialView.of(credential, wall_ms) for credential in every]

    def credential(self, credential_id: str) -> CredentialView:
        """Return one credential.

        Raises:
            RegistryError: there is none of this id.
        """
        raw = from_base64url(credential_id)
        known = None if raw is None else self._registry.credential(CredentialId(raw))
        if known is None:
            raise RegistryError("No credential has this id; list them with their ids.")
        return CredentialView.of(known, self._clock.now().wall_ms)

    def holder(self, holder_id: str) -> HolderView:
        """Return one holder.

        Raises:
            HolderUnknownError: there is no such holder.
        """
        known = self._registry.holder(HolderId(holder_id))
        if known is None:
            raise HolderUnknownError("No holder has this id; list them with their ids.")
        return _view(known, self._people.reveal(known.name_commitment))

    def erasable(self, holder_id: str) -> HolderId:
        """Return the id of somebody of whom there is something to erase.

        Raises:
            HolderUnknownError: there is no such holder.
        """
        known = self._registry.holder(HolderId(holder_id))
        if known is None and not (
            is_identifier(holder_id) and self._people.knows(holder_id)
        ):
            raise HolderUnknownError("No holder has this id; list them with their ids.")
        return HolderId(holder_id)

    async def erase(
        self,
        holder_id: HolderId,
        changes: Sequence[Change],
        by: entries.By,
        first: Sequence[entries.Record],
    ) -> None:
        """Remove a holder's name for good and revoke their keys; may be asked again.

        The people database is written anew here, on the door's own loop: it is small.

        Args:
            holder_id: whose.
            changes: what `erasure` said when it was ordered.
            by: who ordered it.
            first: what is written with it, before.

        Raises:
            JournalError: it could not be recorded, and nothing changed.
            RegistryError: a key was enrolled meanwhile, and nothing changed; or it is
                recorded, and the name is still there for a while.
        """
        ordered = tuple(changes)

        def records() -> list[entries.Record]:
            if tuple(self.erasure(holder_id)) != ordered:
                raise RegistryError(
                    f"The keys of {holder_id} have changed meanwhile; order it again."
                )
            return [*first, *(change_record(change, by) for change in ordered)]

        if ordered or first:
            await self._recorder.append_made(records)
        self._unfinished = True
        self.finish_erasures()
        if self._unfinished:
            raise RegistryError(
                f"The erasure of {holder_id} is recorded and its keys are revoked, but "
                "the people database does not take it now: it is tried again every "
                "minute and at each start."
            )

    def finish_erasures(self) -> None:
        """Carry out, as far as it is not, what the ledger ordered to be erased."""
        if not self._unfinished:
            return
        erased = [one.id for one in self._registry.holders() if is_erased(one)]
        try:
            self._people.erase(*erased)
        except RegistryError as error:
            _LOG.error("Names of erased holders may still be there: %s", error)
            if erased and not self._alarmed:
                self._alarmed = True
                self._recorder.note(
                    entries.alarm_record("erasure", "A name could not be erased yet.")
                )
        else:
            self._unfinished = self._alarmed = False

    def forget_strangers(self) -> None:
        """Remove names of whom the ledger knows nothing: an enrolment ended unheard.

        For a start only: later such a name may be that of somebody who is on the way.
        """
        known = {str(one.id) for one in self._registry.holders()}
        try:
            strangers = sorted(self._people.subjects() - known)
            if strangers:
                self._people.erase(*strangers)
                _LOG.warning("%d names of nobody enrolled are removed", len(strangers))
        except RegistryError as error:  # the next start tries again
            _LOG.error("Names of nobody enrolled may still be there: %s", error)

    def erasure(self, holder_id: HolderId) -> list[Change]:
        """Return what the ledger is to say; nothing about somebody who is erased."""
        if is_erased(self._registry.holder(holder_id)):
            return []
        revoked = CredentialState.REVOKED
        keys = sorted(
            one.id
            for one in self._registry.credentials_of(holder_id)
            if one.state is not revoked
        )
        records = [
            *(
                entries.credential_state_record(key, revoked, "erasure", {})
                for key in keys
            ),
            entries.erase_record(holder_id, {}),
        ]
        return [Change.of(record.ev, record.what) for record in records]


def _view(holder: Holder, name: str | None) -> HolderView:
    return HolderView(
        holder.id,
        name,
        holder.groups,
        holder.from_ms,
        holder.until_ms,
        holder.suspended,
        is_erased(holder),
        holder.role.value,
        holder.uses_max,
        holder.extended,
    )
