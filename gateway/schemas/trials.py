"""Trials: what is asked of a key, and what it answered."""

from pydantic import Field

from gateway.schemas import CredentialId, Incoming, Outgoing


class TrialWish(Incoming):
    """Which key is to be tried."""

    credential_id: CredentialId


class Trial(Outgoing):
    """A trial as it stands; bytes are in hex, and empty while there are none.

    `state` is waiting, asking, touching, passed or failed. Nothing follows from any.
    """

    id: str
    credential_id: str
    holder_id: str
    state: str
    hint: str = Field(description="What to do next, one sentence.")
    expires_up_ms: int
    reason: str | None = Field(description="Why it failed, a stable word.")
    stages_us: dict[str, int] = Field(
        description="How long each stage took, in their order, in microseconds."
    )
    user_present: bool | None = Field(description="The answer's flag UP.")
    user_verified: bool | None = Field(description="The answer's flag UV.")
    counter: int | None = Field(description="The key's counter, as it answered.")
    challenge: str
    client_data_json: str
    request: str = Field(description="What was sent to the key, CTAP2.")
    authenticator_data: str
    signature: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {"passed", "failed"}
