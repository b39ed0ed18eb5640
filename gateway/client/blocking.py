"""The SDK for code that waits."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import httpx

from gateway.client import calls
from gateway.client.answers import (
    BASE_URL,
    EVENTS_TIMEOUT,
    TIMEOUT,
    check,
    is_passing,
    knock,
    reaching,
    read,
)
from gateway.client.calls import Call
from gateway.client.following import PATH, Disconnected, Follower, Item
from gateway.client.front_blocking import Front
from gateway.client.ledger import Ledger, Query
from gateway.client.retrying import Attempts
from gateway.errors import ApiError, UnreachableError
from gateway.order_schemas import BrokenGlass, Order, OrderChoice, OrderWish
from gateway.schemas import (
    SOCKET_PATH,
    Commissioning,
    CommissioningPoint,
    ComparisonAnswer,
    Credential,
    CredentialStateChange,
    CredentialWish,
    Enrolment,
    EnrolmentOrder,
    Holder,
    HolderPage,
    ModeChange,
    ModeWish,
    SelfTest,
    SelfTestSeen,
    Statistics,
    Status,
)
from gateway.schemas.policy_text import KeptPolicy, PolicyInForce
from gateway.schemas.trials import Trial, TrialWish

_Answer = TypeVar("_Answer")


def _pause(duration_s: float) -> None:
    threading.Event().wait(duration_s)


class Client(Front):
    """Asks one gateway. Use it in a `with` statement, in one thread.

    Each method raises ApiError where the gateway refuses, and UnreachableError where
    it does not answer.
    """

    def __init__(
        self,
        socket_path: str = SOCKET_PATH,
        *,
        pause: Callable[[float], None] = _pause,
    ) -> None:
        """Prepare; the first request connects.

        Args:
            socket_path: of the gateway's local socket.
            pause: waits between two attempts to follow events, in seconds.
        """
        self._socket_path: Final = socket_path
        self._pause: Final = pause
        self._reached = False
        self._http: Final = httpx.Client(
            base_url=BASE_URL,
            transport=httpx.HTTPTransport(uds=socket_path),
            timeout=TIMEOUT,
            trust_env=False,
        )
        self.ledger: Final = Ledger(self._ask, self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._http.close()

    def status(self) -> Status:
        """Return the gateway at a glance."""
        return self._ask(calls.status())

    def statistics(self, minutes: int = 60) -> Statistics:
        """Return what was measured in the last minutes."""
        return self._ask(calls.statistics(minutes))

    def holder_page(self, cursor: str | None = None, matching: str = "") -> HolderPage:
        """Return one page of holders: those with a text in name, groups or role."""
        return self._ask(calls.holders(cursor, matching))

    def holders(self, matching: str = "") -> Iterator[Holder]:
        """Yield all holders, or those that match, by id, page by page."""
        cursor: str | None = None
        while True:
            page = self.holder_page(cursor, matching)
            yield from page.items
            if (cursor := page.next) is None:
                return

    def credentials(self, holder_id: str = "") -> Iterator[Credential]:
        """Yield all credentials, or one holder's, by id, page by page."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.credentials(cursor, holder_id))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def enrolment(self) -> Enrolment | None:
        """Return the ceremony under way, or the last one."""
        return self._ask(calls.enrolment())

    def enrol(self, order: EnrolmentOrder) -> Enrolment:
        """Arm the ceremony; its steps are events."""
        return self._ask(calls.enrol(order))

    def answer_comparison(self, *, agree: bool) -> Enrolment:
        """Say whether the number on the key equals the one shown."""
        return self._ask(calls.answer_comparison(ComparisonAnswer(agree=agree)))

    def cancel_enrolment(self) -> Enrolment:
        """End the ceremony without a credential."""
        return self._ask(calls.cancel_enrolment())

    def erase_holder(self, holder_id: str) -> Holder:
        """Remove a holder's name for good, and revoke their keys."""
        return self._ask(calls.erase_holder(holder_id))

    def set_credential_state(
        self, credential_id: str, state: CredentialWish
    ) -> Credential:
        """Suspend, resume or revoke; holds for the very next touch."""
        change = CredentialStateChange(state=state)
        return self._ask(calls.set_credential_state(credential_id, change))

    def propose(self, order: OrderWish, *, dry_run: bool = False) -> Order:
        """Order a change: done at once, or put on the desk to be signed."""
        return self._ask(calls.propose(order, dry_run=dry_run))

    def policy(self) -> PolicyInForce:
        """Return the policy in force."""
        return self._ask(calls.policy())

    def kept_policy(self, sha256: str) -> KeptPolicy:
        """Return a policy that was ordered once, by its hash."""
        return self._ask(calls.kept_policy(sha256))

    def orders(self) -> tuple[Order, ...]:
        """Return the orders that are remembered, oldest first."""
        return self._ask(calls.orders())

    def order(self, order_id: str) -> Order:
        """Return one order."""
        return self._ask(calls.order(order_id))

    def choose(self, order_id: str, code: str, holder_id: str) -> Order:
        """Let an order go on air for one administrator's key, for half a minute."""
        choice = OrderChoice(code=code, holder_id=holder_id)
        return self._ask(calls.choose(order_id, choice))

    def withdraw(self, order_id: str) -> Order:
        """Withdraw an order."""
        return self._ask(calls.withdraw(order_id))

    def break_glass(self, order: OrderWish, reason: str) -> Order:
        """Order without a finger, as root; everybody gets to know."""
        glass = BrokenGlass(order=order, reason=reason)
        return self._ask(calls.break_glass(glass))

    def set_mode(self, mode: ModeWish, for_ms: int = 0) -> Status:
        """Lock down, or return to normal."""
        return self._ask(calls.set_mode(ModeChange(mode=mode, for_ms=for_ms)))

    def commission(self, confirmed: tuple[CommissioningPoint, ...]) -> Status:
        """Confirm what the gateway cannot find out."""
        return self._ask(calls.commission(Commissioning(confirmed=confirmed)))

    def self_test(self) -> SelfTest:
        """Have the door try itself; it is released for a moment."""
        return self._ask(calls.self_test())

    def self_test_seen(self, entry: int, *, moved: bool) -> Status:
        """Say what was seen of the test of that entry."""
        return self._ask(calls.self_test_seen(SelfTestSeen(entry=entry, moved=moved)))

    def begin_trial(self, credential_id: str) -> Trial:
        """Have a key tried: its next touch opens nothing."""
        wish = TrialWish(credential_id=credential_id)
        return self._ask(calls.begin_trial(wish))

    def trial(self) -> Trial | None:
        """Return the trial under way, or the last one."""
        return self._ask(calls.trial())

    def cancel_trial(self) -> Trial:
        """End the trial under way."""
        return self._ask(calls.cancel_trial())

    def events(self, recent: int = 0) -> Generator[Item, None, None]:
        """Follow what happens, for ever: a snapshot, then changes and heartbeats.

        A broken stream is a Disconnected, and is taken up again where it broke; then
        another Snapshot says how things stand, and whether anything is missing.

        Args:
            recent: how many past events to begin with.

        Raises:
            ApiError: the gateway refuses for good.
        """
        follower = Follower(recent)
        while True:
            try:
                yield from self._stream(follower)
                why = "The gateway ended the stream."
            except UnreachableError as error:
                why = str(error)
            except ApiError as error:
                if not is_passing(error):
                    raise
                why = str(error)
            yield Disconnected(why)
            self._pause(follower.pause_s())

    def _stream(self, follower: Follower) -> Iterator[Item]:
        with self._reading(follower) as lines:
            while True:
                with reaching(self._socket_path):
                    line = next(lines, None)
                if line is None:
                    return
                if (item := follower.line(line)) is not None:
                    yield item

    @contextmanager
    def _reading(self, follower: Follower) -> Iterator[Iterator[str]]:
        knock(self._socket_path)
        query, headers = follower.request()
        request = self._http.build_request(
            "GET", PATH, params=query, headers=headers, timeout=EVENTS_TIMEOUT
        )
        with reaching(self._socket_path):
            response = self._http.send(request, stream=True)
        try:
            with reaching(self._socket_path):
                if not response.is_success:
                    response.read()
            check(response)
            yield response.iter_lines()
        finally:
            response.close()

    def _pieces(self, path: str, query: Query) -> Iterator[bytes]:
        knock(self._socket_path)
        with (
            reaching(self._socket_path),
            self._http.stream("GET", path, params=query) as response,
        ):
            if not response.is_success:
                response.read()
            check(response)
            yield from response.iter_bytes()

    def _ask(self, call: Call[_Answer]) -> _Answer:
        attempts = Attempts(call)
        while True:
            try:
                return read(call, self._send(call, attempts.headers))
            except (ApiError, UnreachableError) as error:
                pause_s = attempts.pause_s(error)
            self._pause(pause_s)

    def _send(self, call: Call[Any], headers: Mapping[str, str]) -> httpx.Response:
        if not self._reached:
            knock(self._socket_path)
        self._reached = False  # until there is an answer
        with reaching(self._socket_path):
            response = self._http.request(
                call.method,
                call.path,
                params=call.query,
                content=call.body,
                headers=headers,
            )
        self._reached = True
        return response
