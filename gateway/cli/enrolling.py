"""`keyra enrol`: the ceremony, step by step, with what to do next."""

import argparse
import sys
from contextlib import closing
from typing import Final

from pydantic import ValidationError

from gateway.cli.ordering import carry_out
from gateway.cli.texts import ID_CHARS_SHOWN, say, say_json
from gateway.client import Client, Disconnected
from gateway.errors import EnrolmentError
from gateway.order_schemas import KeyOrder
from gateway.printing import printable
from gateway.schemas import Enrolment, EnrolmentOrder, Event

CLOCK_UNTRUSTED: Final = (
    "The gateway's clock is not synchronised. A key's certificates cannot be judged "
    "without it: unless it is by then, the ceremony ends after the pairing."
)
_YES: Final = frozenset({"y", "yes"})


def enrol(options: argparse.Namespace) -> int:
    """Arm the ceremony and see it through; Ctrl-C ends it without a credential.

    Raises:
        EnrolmentError: it ended without a credential, or the order makes no sense.
    """
    order = _order(options)
    with Client(options.socket) as client:
        if not client.status().health.clock_synchronised:
            sys.stderr.write(f"keyra: {CLOCK_UNTRUSTED}\n")
        armed: list[Enrolment | None] = []
        wish = _ordered(order)
        done = carry_out(
            client, options, wish, lambda: armed.append(client.enrol(order))
        )
        begun = armed[0] if armed else client.enrolment()
        if not done or begun is None:
            return 0
        try:
            ended = _Ceremony(client, begun.id, quiet=options.json).follow(begun)
        except KeyboardInterrupt:
            client.cancel_enrolment()
            raise
    if options.json:
        say_json(ended)
    if ended.step == "failed":
        raise EnrolmentError(
            f"The enrolment of {order.holder_id} failed "
            f"({ended.reason or 'no reason given'}): {printable(ended.hint)}",
            ended.reason or "unknown",
        )
    if not options.json:
        key = (ended.credential_id or "")[:ID_CHARS_SHOWN]
        say(f"Registered: {printable(ended.model or 'a key')} {key}.")
    return 0


def _order(options: argparse.Namespace) -> EnrolmentOrder:
    try:
        return EnrolmentOrder(
            holder_id=options.holder,
            **({"name": options.name} if options.name else {}),
            groups=options.groups,
            from_ms=options.from_ms,
            until_ms=options.until_ms,
            role="" if options.role == "none" else options.role,
            credential_until_ms=options.key_until_ms,
            replaces=options.replaces,
            uses_max=options.uses_max,
            duress=options.duress,
            extended=options.extended,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(step) for step in first["loc"]) or "the order"
        raise EnrolmentError(
            f"This cannot be enrolled: {where}: {first['msg']}.", "order-invalid"
        ) from error


def _ordered(order: EnrolmentOrder) -> KeyOrder:
    """Return the same as an order; without a name where none was given."""
    return KeyOrder(kind="enrol", **order.model_dump(exclude_defaults=True))


class _Ceremony:
    """Shows each step once, and asks the one question."""

    def __init__(self, client: Client, ceremony_id: str, *, quiet: bool) -> None:
        self._client: Final = client
        self._id: Final = ceremony_id
        self._quiet: Final = quiet
        self._shown = ""

    def follow(self, begun: Enrolment) -> Enrolment:
        """Return how the ceremony ended.

        Raises:
            EnrolmentError: another ceremony took its place.
        """
        now = self._take(begun)
        with closing(self._client.events()) as items:
            while not now.is_over:
                item = next(items)
                if isinstance(item, Disconnected):
                    sys.stderr.write(f"keyra: {item.why} Trying again.\n")
                elif not isinstance(item, Event) or item.kind.startswith("enrol"):
                    now = self._take(self._client.enrolment())
        return now

    def _take(self, now: Enrolment | None) -> Enrolment:
        if now is None or now.id != self._id:
            raise EnrolmentError(
                "The ceremony is gone: the gateway was restarted, or somebody else "
                "began another one; begin anew.",
                "superseded",
            )
        if now.step == self._shown:
            return now
        self._shown = now.step
        if not (self._quiet or now.is_over):  # how it ended is said at the end
            say(f"{now.step:<10} {printable(now.hint)}")
        if now.step == "comparing" and now.number is not None:
            return self._take(
                self._client.answer_comparison(agree=_numbers_agree(now.number))
            )
        return now


def _numbers_agree(number: int) -> bool:
    digits = f"{number:06}"
    sys.stderr.write(f"Does the key show {digits[:3]} {digits[3:]}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES
