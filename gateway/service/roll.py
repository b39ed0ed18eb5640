"""The roll of holders and credentials: what an administrator sees and changes of it.

An erasure is ordered in the ledger first, in one transaction with the revocation of the
holder's keys, and carried out in the people database after. Whatever happens between
the two, the ledger's order stands: it is carried out again at every start, so also
against a people database that was restored from a backup, and every minute until it
succeeds.
"""

import logging
from typing import Final

from gateway.core import entries
from gateway.core.encoding import from_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, HolderId, is_identifier
from gateway.core.registry import Holder, Registry, is_erased
from gateway.errors import HolderUnknownError, RegistryError
from gateway.ports import Clock, PeopleStore
from gateway.service.recorder import Recorder
from gateway.service.views import Actor, CredentialView, HolderView

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

    def holders(self) -> list[HolderView]:
        """Return all holders, by id."""
        every = sorted(self._registry.holders(), key=lambda one: one.id)
        return [self._view(holder) for holder in every]

    def credentials(self) -> list[CredentialView]:
        """Return all credentials, by id."""
        wall_ms = self._clock.now().wall_ms
        every = sorted(self._registry.credentials(), key=lambda one: one.id)
        return [CredentialView.of(credential, wall_ms) for credential in every]

    async def set_credential_state(
        self, credential_id: str, state: CredentialState, actor: Actor
    ) -> CredentialView:
        """Suspend, resume or revoke; holds for the very next touch.

        Raises:
            RegistryError: no such credential, or its state does not allow it.
            JournalError: it could not be recorded, and nothing changed.
        """
        raw = from_base64url(credential_id)
        if raw is None or self._registry.credential(CredentialId(raw)) is None:
            raise RegistryError("No credential has this id; list them with their ids.")
        key = CredentialId(raw)
        await self._recorder.append(
            entries.credential_state_record(
                key, state, "administration", entries.by_uid(actor.uid)
            )
        )
        changed = self._registry.credential(key)
        if changed is None:
            raise RegistryError("This credential is gone.")
        return CredentialView.of(changed, self._clock.now().wall_ms)

    async def erase(self, holder_id: str, actor: Actor) -> HolderView:
        """Remove a holder's name for good and revoke their keys; may be asked again.

        The people database is written anew here, on the door's own loop: it is small.

        Raises:
            HolderUnknownError: there is no such holder.
            JournalError: it could not be recorded, and nothing changed.
            RegistryError: it is recorded, and the name is still there for a while.
        """
        subject = HolderId(holder_id)
        known = self._registry.holder(subject)
        if known is None and not (
            is_identifier(holder_id) and self._people.knows(holder_id)
        ):
            raise HolderUnknownError("No holder has this id; list them with their ids.")
        if not is_erased(known):
            by = entries.by_uid(actor.uid)
            await self._recorder.append_made(lambda: self._erasure(subject, by))
        self._unfinished = True
        self.finish_erasures()
        erased = self._registry.holder(subject)
        if self._unfinished or erased is None:
            raise RegistryError(
                f"The erasure of {holder_id} is recorded and its keys are revoked, but "
                "the people database does not take it now: it is tried again every "
                "minute and at each start."
            )
        return self._view(erased)

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

    def _erasure(self, holder_id: HolderId, by: entries.By) -> list[entries.Record]:
        """Return what the ledger is to say, made in the recorder's turn."""
        revoked = CredentialState.REVOKED
        keys = sorted(
            one.id
            for one in self._registry.credentials()
            if one.holder_id == holder_id and one.state is not revoked
        )
        return [
            *(
                entries.credential_state_record(key, revoked, "erasure", by)
                for key in keys
            ),
            entries.erase_record(holder_id, by),
        ]

    def _view(self, holder: Holder) -> HolderView:
        return HolderView(
            holder.id,
            self._people.reveal(holder.name_commitment),
            holder.groups,
            holder.from_ms,
            holder.until_ms,
            holder.suspended,
            is_erased(holder),
        )
