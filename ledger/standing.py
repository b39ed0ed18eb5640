"""What holds of a past until something newer is said: words, and a key's state."""

from dataclasses import dataclass
from typing import Final

from ledger.errors import EvidenceError

ACTIVE: Final = "active"
ERASED: Final = "erased"
REVOKED: Final = "revoked"
STATES: Final = (ACTIVE, "suspended", REVOKED)
GET: Final = "webauthn.get"
CREATE: Final = "webauthn.create"
UNLOCK: Final = "door.unlock"
ORDER: Final = "admin.order"
ENROL: Final = "enrol"
ENROL_PROOF: Final = "enrol.proof"
STANDING: Final = {
    "alias": "alias",
    "alias.removed": "alias",
    "commissioned": "door",
    "door.mode": "mode",
    "door.over": "mode",
    "policy": "door",
    "purpose": "purpose",
    "purpose.removed": "purpose",
}
"""Kinds of entries of which a prune keeps the newest, for each value of this member."""


@dataclass(slots=True)
class Credential:
    """An enrolled key, as the ledger's own entries leave it.

    Attributes:
        entry: number of its enrolment.
        state_entry: number of the entry that gave it its state.
        counter_entry: number of the entry that gave it its counter.
    """

    holder: str
    public_key: bytes
    counter: int
    entry: int
    until_ms: int = 0
    state: str = ACTIVE
    state_entry: int = -1
    counter_entry: int = -1

    def rise(self, counter: int, entry: int) -> None:
        """Take the counter of an answer.

        Raises:
            EvidenceError: it fell.
        """
        if (counter or self.counter) and counter <= self.counter:
            raise EvidenceError(
                f"the key's counter fell from {self.counter} to {counter}."
            )
        self.counter, self.counter_entry = counter, entry
