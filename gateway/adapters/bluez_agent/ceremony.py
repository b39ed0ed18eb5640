"""What one pairing asks of people: the agent's answers, without any bus."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from dbus_next.message import Message

from gateway.config import PairingMethod

PASSKEY_MAX: Final = 999_999
REJECTED: Final = "org.bluez.Error.Rejected"


@dataclass(slots=True)
class Ceremony:
    """What one pairing asks of people and has learnt.

    Attributes:
        questions: numbers to show; with the call to answer, or None where a number is
            only shown.
        method: how the bond is being made; nothing asked means Just Works.
        refused: why this side refused, one sentence.
    """

    device: str
    allowed: frozenset[PairingMethod]
    questions: "asyncio.Queue[tuple[int, Message | None]]" = field(
        default_factory=lambda: asyncio.Queue(4)
    )
    method: PairingMethod = PairingMethod.JUST_WORKS
    refused: str | None = None

    def heard(self, call: Message) -> Message | bool:
        """Answer the agent's call, now or (True) later."""
        match call.member, call.body:
            case "RequestConfirmation", [_, int(number)]:
                return self._ask(PairingMethod.NUMERIC_COMPARISON, number, call)
            case "DisplayPasskey", [_, int(number), _]:
                return self._show(number, call)
            case "RequestAuthorization", [_]:
                return self._refusal(PairingMethod.JUST_WORKS, call) or agreed(call)
            case "RequestPasskey", _:
                self.refused = (
                    "The key wants a number typed in here, which this console cannot."
                )
        return rejected(call)

    def _ask(self, method: PairingMethod, number: int, call: Message) -> Message | bool:
        refusal = self._refusal(method, call)
        if refusal is not None:
            return refusal
        if self.questions.full() or not 0 <= number <= PASSKEY_MAX:
            return rejected(call)
        self.method = method
        self.questions.put_nowait((number, call))
        return True

    def _show(self, number: int, call: Message) -> Message:
        refusal = self._refusal(PairingMethod.PASSKEY, call)
        if refusal is not None:
            return refusal
        # BlueZ calls again for each digit typed on the key.
        if self.method is not PairingMethod.PASSKEY and 0 <= number <= PASSKEY_MAX:
            self.method = PairingMethod.PASSKEY
            self.questions.put_nowait((number, None))
        return agreed(call)

    def _refusal(self, method: PairingMethod, call: Message) -> Message | None:
        if method in self.allowed:
            return None
        self.refused = f"The key pairs by {method.value}, which this site forbids."
        return rejected(call)


def agreed(call: Message) -> Message:
    """Return the reply that lets BlueZ go on."""
    return Message.new_method_return(call)


def rejected(call: Message) -> Message:
    """Return the reply that ends the pairing."""
    return Message.new_error(call, REJECTED, "Not in this ceremony.")
