"""A gateway without a door behind a real API: what its façade was asked is recorded.

It runs in a loop and thread of its own, so that blocking and async clients, the command
line and the console can all talk to it over a real unix socket.
"""

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from gateway.api import Rights, create_app, serve
from gateway.core.commissioning import Point
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import Now
from gateway.core.measurement import Statistics, statistics
from gateway.errors import (
    AdministrationError,
    EnrolmentError,
    HolderUnknownError,
    KeyraError,
    PolicyError,
    RegistryError,
)
from gateway.service.events import Event, EventStream
from gateway.service.telemetry import MemoryTelemetry, StageFigures
from gateway.service.trials import TrialView
from gateway.service.views import (
    Actor,
    CredentialView,
    DoorView,
    EnrolmentOrder,
    EnrolmentView,
    HealthView,
    HolderView,
    OrderView,
    PolicyView,
    SelfTestView,
    StatusView,
    Wish,
)
from tests.books import FakeBooks
from tests.fake_front import FakeFront

NOW = Now(up_ms=60_000, wall_ms=1_700_000_000_000, err_ms=5, boot="0123456789abcdef")
STOP_S = 10

_Result = TypeVar("_Result")


def credential(number: int, state: CredentialState) -> CredentialView:
    """A credential of holder-`number`."""
    return CredentialView(
        id=f"cred-{number:04}AAAAAAAAAAAA",
        holder_id=f"holder-{number:04}",
        state=state,
        aaguid="00000000-0000-0000-0000-00000000c0de",
        model="KEYRA One",
        counter=7,
        until_ms=0,
    )


class FakeFacade:
    """Keeps the contract of service.facade.Facade."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.telemetry = MemoryTelemetry()
        self.changes: list[tuple[str, int]] = []
        self.fails: Exception | None = None
        self.door = DoorView("main", "secured", Mode.LOCKED, None, commissioned=True)
        self.health = HealthView(
            scanning=True,
            ledger_writable=True,
            strike_reachable=True,
            clock_synchronised=True,
        )
        self.known = {
            view.id: view
            for view in (
                credential(1, CredentialState.ACTIVE),
                credential(2, CredentialState.REVOKED),
            )
        }
        self.people = [
            HolderView("holder-0001", "Ada Byron", ("staff",), 0, 0, suspended=False),
            HolderView("holder-0002", None, (), 0, 0, suspended=True, erased=True),
        ]
        self.ceremony: EnrolmentView | None = None
        self.desk = FakeAdministration(self)
        self.tried = FakeTrials(self)
        self.front = FakeFront(
            lambda: self.people, self.credentials, self._changed, lambda: self.health
        )

    def publish(self, kind: str, /, **data: object) -> None:
        """Let something happen."""
        self.stream.publish(kind, NOW, data)

    def status(self) -> StatusView:
        return StatusView(
            version="0.1.0",
            site="hq",
            gateway="gw-1",
            up_ms=NOW.up_ms,
            wall_ms=NOW.wall_ms,
            started_up_ms=1_000,
            door=self.door,
            health=self.health,
            ledger_size=42,
            last_event_id=self.stream.last_id,
            stages={"verify": StageFigures(500, 210, 480)},
            counts={"grants": 3},
        )

    async def statistics(self, since_ms: int) -> Statistics:
        self.telemetry.stage("verify", 210)
        return statistics(
            [self.telemetry.take(NOW.wall_ms)], NOW.wall_ms - since_ms, NOW.wall_ms
        )

    def holders(self, after: str = "", limit: int = 0) -> list[HolderView]:
        return [one for one in self.people if one.id > after][: limit or None]

    def credentials(self) -> list[CredentialView]:
        return sorted(self.known.values(), key=lambda view: view.id)

    def enrolment(self) -> EnrolmentView | None:
        return self.ceremony

    async def enrol(self, order: EnrolmentOrder, actor: Actor) -> EnrolmentView:
        self._changed(f"enrol {order.holder_id}", actor)
        if self.ceremony and self.ceremony.step not in {"registered", "failed"}:
            raise EnrolmentError("Another ceremony is under way.", "busy")
        view = EnrolmentView("e1", order.holder_id, "armed", "Press the key's button.")
        return self.step(view)

    async def answer_comparison(self, *, agree: bool) -> EnrolmentView:
        self._changed(f"comparison {agree}")
        if self.ceremony is None or self.ceremony.step != "comparing":
            raise EnrolmentError("There is no number to compare now.", "no-number")
        if not agree:
            return self.step(self._now("failed", reason="numbers-differ"))
        return self.step(self._now("creating"))

    async def cancel_enrolment(self) -> EnrolmentView:
        self._changed("cancel")
        if self.ceremony is None:
            raise EnrolmentError("There is no ceremony to end.", "none")
        return self.step(self._now("failed", reason="cancelled"))

    async def erase_holder(self, holder_id: str, actor: Actor) -> HolderView:
        self._changed(f"erase {holder_id}", actor)
        for at, view in enumerate(self.people):
            if view.id == holder_id:
                self.people[at] = HolderView(
                    holder_id, None, (), 0, 0, suspended=True, erased=True
                )
                return self.people[at]
        raise HolderUnknownError("No holder has this id.")

    async def set_credential_state(
        self, credential_id: str, state: CredentialState, actor: Actor
    ) -> CredentialView:
        self._changed(f"{credential_id} {state.value}", actor)
        view = self.known[credential_id]
        if view.state is CredentialState.REVOKED:
            raise RegistryError("A revoked credential stays revoked; enrol anew.")
        self.known[credential_id] = dataclasses.replace(view, state=state)
        return self.known[credential_id]

    async def set_mode(self, mode: Mode, actor: Actor, for_ms: int = 0) -> StatusView:
        ends = f" for {for_ms}" if for_ms else ""
        self._changed(f"mode {mode.value}{ends}", actor)
        self.door = dataclasses.replace(self.door, mode=mode)
        self.publish("door.mode", door="main", mode=mode.value)
        return self.status()

    def events(self, after_id: int | None = None) -> AsyncIterator[Event]:
        return self.stream.subscribe(after_id)

    def step(self, view: EnrolmentView) -> EnrolmentView:
        """Let the ceremony go on to this."""
        self.ceremony = view
        self.publish("enrolment", step=view.step)
        return view

    def _now(self, step: str, reason: str | None = None) -> EnrolmentView:
        assert self.ceremony is not None
        return dataclasses.replace(self.ceremony, step=step, number=None, reason=reason)

    @property
    def checks(self) -> "FakeChecks":
        return FakeChecks(self)

    @property
    def trials(self) -> "FakeTrials":
        return self.tried

    @property
    def policies(self) -> "FakePolicies":
        return FakePolicies()

    @property
    def administration(self) -> "FakeAdministration":
        return self.desk

    def _changed(self, what: str, actor: Actor | None = None) -> None:
        if self.fails is not None:
            raise self.fails
        self.changes.append((what, -1 if actor is None else actor.uid))


class FakeTrials:
    """One trial at a time; `step` lets it go on."""

    def __init__(self, gateway: "FakeFacade") -> None:
        self._gateway = gateway
        self.view: TrialView | None = None

    def begin(self, credential_id: str) -> TrialView:
        self._gateway._changed(f"trial {credential_id}")
        if self.view is not None and self.view.state not in {"passed", "failed"}:
            raise AdministrationError("Another trial is under way.", "busy")
        if credential_id not in self._gateway.known:
            raise AdministrationError("No credential has this id.", "unknown")
        holder = self._gateway.known[credential_id].holder_id
        return self.step(
            TrialView("trl_1", credential_id, holder, "waiting", "Wake that key.", 0)
        )

    def current(self) -> TrialView | None:
        return self.view

    def cancel(self) -> TrialView:
        self._gateway._changed("cancel trial")
        if self.view is None or self.view.state in {"passed", "failed"}:
            raise AdministrationError("There is no trial to end.", "unknown")
        return self.step(
            dataclasses.replace(self.view, state="failed", reason="cancelled")
        )

    def step(self, view: TrialView) -> TrialView:
        self.view = view
        self._gateway.publish("trial", id=view.id, state=view.state)
        return view


class FakeChecks:
    """An installer's part, for whom all goes well."""

    def __init__(self, gateway: "FakeFacade") -> None:
        self._gateway = gateway

    async def commission(self, confirmed: frozenset[Point], actor: Actor) -> None:
        self._gateway._changed(f"commission {len(confirmed)}", actor)
        door = self._gateway.door
        self._gateway.door = dataclasses.replace(door, commissioned=True)

    async def self_test(self, actor: Actor) -> SelfTestView:
        self._gateway._changed("self-test", actor)
        return SelfTestView(7, passed=True, checks={"released": True})

    async def self_test_seen(self, entry: int, actor: Actor, *, moved: bool) -> None:
        self._gateway._changed(f"self-test {entry} {moved}", actor)


class FakePolicies:
    """Goes by one policy."""

    def view(self) -> PolicyView:
        return PolicyView("a" * 64, "[rules]\n", True, "b" * 64, True)

    def text(self, sha256: str) -> str:
        if sha256 != "a" * 64:
            raise PolicyError("No policy with this hash is kept here.", "unknown")
        return "[rules]\n"


class FakeAdministration:
    """Keeps the contract of service.facade.AdministrationFacade: signs by itself."""

    def __init__(self, facade: FakeFacade) -> None:
        self.facade = facade
        self.known: dict[str, OrderView] = {}
        self.glass: list[tuple[Wish, str, Actor]] = []
        self.wishes: list[Wish] = []
        self.ends = "done"

    async def propose(
        self, wish: Wish, actor: Actor, *, dry_run: bool = False
    ) -> OrderView:
        self.facade._changed(f"propose {type(wish).__name__}", actor)
        self.wishes.append(wish)
        view = OrderView(
            id="" if dry_run else f"ord_{len(self.known):016x}",
            action="key.resume",
            text=("Resume the key of holder-0001.",),
            code="" if dry_run else "123456",
            state="preview" if dry_run else "pending",
            hint="Read it.",
            signers=1,
            roles=("admin",),
            signed=(),
            signer=None,
            reason=None,
            expires_up_ms=0,
        )
        if not dry_run:
            self.known[view.id] = view
        return view

    async def break_glass(self, wish: Wish, reason: str, actor: Actor) -> OrderView:
        self.facade._changed("break-glass", actor)
        self.glass.append((wish, reason, actor))
        preview = await self.propose(wish, actor, dry_run=True)
        return dataclasses.replace(preview, state="done")

    def orders(self) -> list[OrderView]:
        return list(self.known.values())

    def order(self, order_id: str) -> OrderView:
        if order_id not in self.known:
            raise AdministrationError("There is no such order.", "unknown")
        return self.known[order_id]

    def choose(
        self, order_id: str, code: str, holder_id: str, actor: Actor
    ) -> OrderView:
        self.facade._changed(f"choose {code} {holder_id}", actor)
        view = dataclasses.replace(
            self.order(order_id), state=self.ends, signed=(holder_id,)
        )
        self.known[order_id] = view
        self.facade.publish("order", id=order_id, state=view.state)
        return view

    def cancel(self, order_id: str) -> OrderView:
        self.facade._changed("cancel order")
        view = dataclasses.replace(self.order(order_id), state="cancelled")
        self.known[order_id] = view
        return view


class FakeGateway:
    """The façade behind a served API; `start` and `stop` as often as you like."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facade = FakeFacade()
        self.books = FakeBooks(path.parent / "ledger")
        self.groups: dict[int, frozenset[str]] = {}
        self.own_uid: int | None = None
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Serve; returns once connections are accepted."""
        self._loop = asyncio.new_event_loop()
        opened = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(opened,))
        self._thread.start()
        assert opened.wait(STOP_S), "the API did not open its socket"

    def stop(self) -> None:
        """Cancel the serving, as the gateway does; returns when it has ended."""
        if self._thread is None:
            return
        self.do(lambda: self._task.cancel() if self._task else False)
        self._thread.join(STOP_S)
        assert not self._thread.is_alive(), "the API did not stop"
        self._thread = None
        assert isinstance(self._failure, asyncio.CancelledError), self._failure

    def do(self, action: Callable[[], _Result]) -> _Result:
        """Run in the gateway's loop; return what it returned."""

        async def wrapped() -> _Result:
            return action()

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(STOP_S)

    def publish(self, kind: str, /, **data: object) -> None:
        """Let something happen."""
        self.do(lambda: self.facade.publish(kind, **data))

    def fail_with(self, error: KeyraError | None) -> None:
        """Make every change fail from now on."""
        self.facade.fails = error

    def _run(self, opened: threading.Event) -> None:
        rights = Rights(lambda uid: self.groups.get(uid, frozenset()), self.own_uid)
        app = create_app(self.facade, rights, ledger=self.books)
        try:
            self._loop.run_until_complete(self._serve(app, opened))
        except BaseException as error:  # noqa: BLE001 - told to the thread that stops
            self._failure = error
        finally:
            self.books.close()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _serve(self, app: object, opened: threading.Event) -> None:
        self._task = asyncio.current_task()
        await serve(app, self.path, opened=opened.set)  # type: ignore[arg-type]
