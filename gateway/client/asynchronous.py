"""The SDK for asyncio."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, Self, TypeVar

import httpx

from gateway.client import calls
from gateway.client.answers import (
    BASE_URL,
    EVENTS_TIMEOUT,
    TIMEOUT,
    check,
    is_passing,
    reaching,
    read,
)
from gateway.client.calls import Call
from gateway.client.following import PATH, Disconnected, Follower, Item
from gateway.client.front_async import AsyncFront
from gateway.client.ledger import AsyncLedger, Query
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


class AsyncClient(AsyncFront):
    """Asks one gateway. Use it in an `async with` statement, in one loop.

    Each method raises ApiError where the gateway refuses, and UnreachableError where
    it does not answer.
    """

    def __init__(
        self,
        socket_path: str = SOCKET_PATH,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,  # noqa: TID251 - a client has no gateway's clock
    ) -> None:
        """Prepare; the first request connects.

        Args:
            socket_path: of the gateway's local socket.
            pause: waits between two attempts to follow events, in seconds.
        """
        self._socket_path: Final = socket_path
        self._pause: Final = pause
        self._http: Final = httpx.AsyncClient(
            base_url=BASE_URL,
            transport=httpx.AsyncHTTPTransport(uds=socket_path),
            timeout=TIMEOUT,
            trust_env=False,
        )
        self.ledger: Final = AsyncLedger(self._ask, self._pieces)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def status(self) -> Status:
        """Return the gateway at a glance."""
        return await self._ask(calls.status())

    async def statistics(self, minutes: int = 60) -> Statistics:
        """Return what was measured in the last minutes."""
        return await self._ask(calls.statistics(minutes))

    async def holder_page(
        self, cursor: str | None = None, matching: str = ""
    ) -> HolderPage:
        """Return one page of holders: those with a text in name, groups or role."""
        return await self._ask(calls.holders(cursor, matching))

    async def holders(self, matching: str = "") -> AsyncIterator[Holder]:
        """Yield all holders, or those that match, by id, page by page."""
        cursor: str | None = None
        while True:
            page = await self.holder_page(cursor, matching)
            for item in page.items:
                yield item
            if (cursor := page.next) is None:
                return

    async def credentials(self, holder_id: str = "") -> AsyncIterator[Credential]:
        """Yield all credentials, or one holder's, by id, page by page."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.credentials(cursor, holder_id))
            for item in page.items:
                yield item
            if (cursor := page.next) is None:
                return

    async def enrolment(self) -> Enrolment | None:
        """Return the ceremony under way, or the last one."""
        return await self._ask(calls.enrolment())

    async def enrol(self, order: EnrolmentOrder) -> Enrolment:
        """Arm the ceremony; its steps are events."""
        return await self._ask(calls.enrol(order))

    async def answer_comparison(self, *, agree: bool) -> Enrolment:
        """Say whether the number on the key equals the one shown."""
        return await self._ask(calls.answer_comparison(ComparisonAnswer(agree=agree)))

    async def cancel_enrolment(self) -> Enrolment:
        """End the ceremony without a credential."""
        return await self._ask(calls.cancel_enrolment())

    async def erase_holder(self, holder_id: str) -> Holder:
        """Remove a holder's name for good, and revoke their keys."""
        return await self._ask(calls.erase_holder(holder_id))

    async def set_credential_state(
        self, credential_id: str, state: CredentialWish
    ) -> Credential:
        """Suspend, resume or revoke; holds for the very next touch."""
        change = CredentialStateChange(state=state)
        return await self._ask(calls.set_credential_state(credential_id, change))

    async def propose(self, order: OrderWish, *, dry_run: bool = False) -> Order:
        """Order a change: done at once, or put on the desk to be signed."""
        return await self._ask(calls.propose(order, dry_run=dry_run))

    async def policy(self) -> PolicyInForce:
        """Return the policy in force."""
        return await self._ask(calls.policy())

    async def kept_policy(self, sha256: str) -> KeptPolicy:
        """Return a policy that was ordered once, by its hash."""
        return await self._ask(calls.kept_policy(sha256))

    async def orders(self) -> tuple[Order, ...]:
        """Return the orders that are remembered, oldest first."""
        return await self._ask(calls.orders())

    async def order(self, order_id: str) -> Order:
        """Return one order."""
        return await self._ask(calls.order(order_id))

    async def choose(self, order_id: str, code: str, holder_id: str) -> Order:
        """Let an order go on air for one administrator's key, for half a minute."""
        choice = OrderChoice(code=code, holder_id=holder_id)
        return await self._ask(calls.choose(order_id, choice))

    async def withdraw(self, order_id: str) -> Order:
        """Withdraw an order."""
        return await self._ask(calls.withdraw(order_id))

    async def break_glass(self, order: OrderWish, reason: str) -> Order:
        """Order without a finger, as root; everybody gets to know."""
        glass = BrokenGlass(order=order, reason=reason)
        return await self._ask(calls.break_glass(glass))

    async def set_mode(self, mode: ModeWish, for_ms: int = 0) -> Status:
        """Lock down, or return to normal."""
        return await self._ask(calls.set_mode(ModeChange(mode=mode, for_ms=for_ms)))

    async def commission(self, confirmed: tuple[CommissioningPoint, ...]) -> Status:
        """Confirm what the gateway cannot find out."""
        return await self._ask(calls.commission(Commissioning(confirmed=confirmed)))

    async def self_test(self) -> SelfTest:
        """Have the door try itself; it is released for a moment."""
        return await self._ask(calls.self_test())

    async def self_test_seen(self, entry: int, *, moved: bool) -> Status:
        """Say what was seen of the test of that entry."""
        seen = SelfTestSeen(entry=entry, moved=moved)
        return await self._ask(calls.self_test_seen(seen))

    async def begin_trial(self, credential_id: str) -> Trial:
        """Have a key tried: its next touch opens nothing."""
        wish = TrialWish(credential_id=credential_id)
        return await self._ask(calls.begin_trial(wish))

    async def trial(self) -> Trial | None:
        """Return the trial under way, or the last one."""
        return await self._ask(calls.trial())

    async def cancel_trial(self) -> Trial:
        """End the trial under way."""
        return await self._ask(calls.cancel_trial())

    async def events(self, recent: int = 0) -> AsyncGenerator[Item, None]:
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
                async with aclosing(self._stream(follower)) as items:
                    async for item in items:
                        yield item
                why = "The gateway ended the stream."
            except UnreachableError as error:
                why = str(error)
            except ApiError as error:
                if not is_passing(error):
                    raise
                why = str(error)
            yield Disconnected(why)
            await self._pause(follower.pause_s())

    async def _stream(self, follower: Follower) -> AsyncGenerator[Item, None]:
        async with self._reading(follower) as lines:
            while True:
                with reaching(self._socket_path):
                    line = await anext(lines, None)
                if line is None:
                    return
                if (item := follower.line(line)) is not None:
                    yield item

    @asynccontextmanager
    async def _reading(self, follower: Follower) -> AsyncIterator[AsyncIterator[str]]:
        query, headers = follower.request()
        request = self._http.build_request(
            "GET", PATH, params=query, headers=headers, timeout=EVENTS_TIMEOUT
        )
        with reaching(self._socket_path):
            response = await self._http.send(request, stream=True)
        try:
            with reaching(self._socket_path):
                if not response.is_success:
                    await response.aread()
            check(response)
            yield response.aiter_lines()
        finally:
            await response.aclose()

    async def _pieces(self, path: str, query: Query) -> AsyncIterator[bytes]:
        with reaching(self._socket_path):
            async with self._http.stream("GET", path, params=query) as response:
                if not response.is_success:
                    await response.aread()
                check(response)
                async for piece in response.aiter_bytes():
                    yield piece

    async def _ask(self, call: Call[_Answer]) -> _Answer:
        attempts = Attempts(call)
        while True:
            try:
                return read(call, await self._send(call, attempts.headers))
            except (ApiError, UnreachableError) as error:
                pause_s = attempts.pause_s(error)
            await self._pause(pause_s)

    async def _send(
        self, call: Call[Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        with reaching(self._socket_path):
            return await self._http.request(
                call.method,
                call.path,
                params=call.query,
                content=call.body,
                headers=headers,
            )
