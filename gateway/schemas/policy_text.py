"""The policy in force, as the API shows it, and the texts of policies."""

from typing import Annotated, Final

from pydantic import Field

from gateway.schemas import Outgoing

POLICY_CHARS_MAX: Final = 128 * 1024

PolicyText = Annotated[str, Field(max_length=POLICY_CHARS_MAX)]
"""The sections of a config that say who may pass when, as TOML."""

PolicyDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PolicyInForce(Outgoing):
    """The policy that decides, as the ledger names it."""

    sha256: str = Field(description="Of the text, 64 hex digits.")
    text: str = Field(description="Empty where it is not there: nobody is let in.")
    usable: bool
    config_sha256: str = Field(description="Of the config file's own policy.")
    config_differs: bool = Field(description="That one says something else.")


class KeptPolicy(Outgoing):
    """A policy that was ordered once, and may be in force no more."""

    sha256: str
    text: str
