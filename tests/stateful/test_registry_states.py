"""Whatever is said to the registry, its laws hold, and a replay gives the same."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.encoding import to_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId
from gateway.core.registry import STATE_CHANGES, Registry
from gateway.errors import RegistryError
from tests.desk import Desk

IDS = st.sampled_from([CredentialId(bytes((n,)) * 32) for n in range(4)])
DESK = Desk()


class RegistryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.states: dict[CredentialId, CredentialState] = {}
        self.counters: dict[CredentialId, int] = {}
        self.tell("holder", DESK.holder().row())

    def tell(self, ev: str, what: dict[str, Any]) -> bool:
        before = self.registry.snapshot()
        try:
            self.registry.apply(len(self.said), ev, what)
        except RegistryError:
            assert self.registry.snapshot() == before
            return False
        self.said.append((ev, what))
        return True

    @rule(credential_id=IDS)
    def enrol(self, credential_id: CredentialId) -> None:
        took = self.tell("enrol", DESK.enrolled(id=credential_id).row())
        assert took is (credential_id not in self.states)
        if took:
            self.states[credential_id] = CredentialState.ACTIVE
            self.counters[credential_id] = 0

    @rule(credential_id=IDS, to=st.sampled_from(CredentialState))
    def change(self, credential_id: CredentialId, to: CredentialState) -> None:
        legal = (self.states.get(credential_id), to) in STATE_CHANGES
        what = {"credential": to_base64url(credential_id), "state": to.value}
        assert self.tell("credential.state", what) is legal
        if legal:
            self.states[credential_id] = to

    @rule(
        credential_id=IDS,
        counter=st.integers(0, 20),
        ev=st.sampled_from(["door.grant", "door.deny"]),
    )
    def use(self, credential_id: CredentialId, counter: int, ev: str) -> None:
        what = {"credential": to_base64url(credential_id), "counter": counter}
        assert self.tell(ev, what) is (credential_id in self.states)
        if credential_id in self.states:
            self.counters[credential_id] = max(counter, self.counters[credential_id])

    @rule()
    def restart_from_the_ledger(self) -> None:
        replayed = Registry()
        for n, (ev, what) in enumerate(self.said):
            replayed.apply(n, ev, what)
        assert replayed.snapshot() == self.registry.snapshot()
        self.registry = replayed

    @rule()
    def restart_from_a_snapshot(self) -> None:
        snapshot = self.registry.snapshot()
        what = {
            "digest": snapshot.digest(),
            "entries": snapshot.entries,
            "rows": snapshot.rows,
        }
        self.registry = Registry.restored(snapshot, what)

    @invariant()
    def it_says_what_was_said(self) -> None:
        assert {one.id: one.state for one in self.registry.credentials()} == self.states
        counters = {one.id: one.counter for one in self.registry.credentials()}
        assert counters == self.counters


TestRegistry = RegistryMachine.TestCase
TestRegistry.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
