"""What the API may ask of the ledger; kept by adapters.ledger_books.processes.

Everything here happens outside the gateway's own process, so nobody who reads can hold
up the door.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

Question = Mapping[str, str | int | bool | None]
"""What is asked: `ask` names it, the other members belong to it."""


@dataclass(frozen=True, slots=True)
class VerificationWish:
    """What an auditor brings to a verification; all of it may be missing.

    Attributes:
        vkey: the ledger's verifier key.
        expect: a checkpoint held, `SIZE:ROOT`.
        deep: check each opening's own signature again.
    """

    vkey: str = ""
    expect: str = ""
    deep: bool = False


@dataclass(frozen=True, slots=True)
class VerificationView:
    """The verification under way, or the last one.

    Attributes:
        state: none, running, cancelled, or how it ended: verified, tampered,
            incomplete, unreadable.
        done: how many entries of `whole` were read.
        detail: why there is no verdict, one sentence.
        verdict: what `keyra-ledger verify --json` said, once it is over.
    """

    state: str = "none"
    deep: bool = False
    done: int = 0
    whole: int = 0
    detail: str = ""
    verdict: Mapping[str, Any] = field(default_factory=dict)


class LedgerFacade(Protocol):
    """The ledger, to be read. Nothing here changes anything in it."""

    async def ask(self, question: Question) -> bytes:
        """Return the answer to a question, as JSON.

        Raises:
            EntryUnknownError: there is no such entry.
            LedgerBusyError: too many ask at once.
            LedgerReadError: the ledger cannot be read.
        """

    def export(
        self, first: int | None, last: int | None, uid: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Yield a sealed export in pieces, no faster than they are taken.

        Raises:
            LedgerBusyError: as many as may be are under way.
            LedgerReadError: it cannot be made, or ended too early.
        """

    def verification(self) -> VerificationView:
        """Return the verification under way, or the last one."""

    def verify(self, wish: VerificationWish) -> VerificationView:
        """Begin to verify the whole ledger.

        Raises:
            VerificationRunningError: one is under way.
        """

    def cancel_verification(self) -> VerificationView:
        """End the verification under way without a verdict."""
