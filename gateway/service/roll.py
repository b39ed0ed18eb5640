"""The roll of holders and credentials: what an administrator sees and changes of it."""

from typing import Final

from gateway.core import entries
from gateway.core.encoding import from_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId
from gateway.core.registry import Holder, Registry
from gateway.errors import RegistryError
from gateway.ports import Clock, PeopleStore
from gateway.service.recorder import Recorder
from gateway.service.views import Actor, CredentialView, HolderView


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

    def _view(self, holder: Holder) -> HolderView:
        return HolderView(
            holder.id,
            self._people.reveal(holder.name_commitment),
            holder.groups,
            holder.from_ms,
            holder.until_ms,
            holder.suspended,
        )
