"""The API: one application over the façade. Handlers only translate."""

import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final, Literal, Protocol, TypeVar

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response

from gateway.api import openapi, problems
from gateway.api.door_checks import add_door_checks
from gateway.api.event_stream import EventStreamResponse, Streams, start
from gateway.api.front import add_front
from gateway.api.guard import Guard, actor_of, uid_of
from gateway.api.idempotency import Idempotency
from gateway.api.ledger import add_ledger
from gateway.api.orders import add_orders
from gateway.api.pace import AtDoor, Turns, nobody
from gateway.api.policy_texts import add_policy_texts
from gateway.api.problems import Refusal
from gateway.api.rights import Rights
from gateway.api.trials import add_trials
from gateway.core import facts
from gateway.schemas import (
    CREDENTIAL_ID_CHARS_MAX,
    NAME_CHARS_MAX,
    PAGE_ITEMS_MAX,
    RECENT_EVENTS_MAX,
    STATISTICS_MINUTES_MAX,
    ComparisonAnswer,
    Credential,
    CredentialId,
    CredentialPage,
    CredentialStateChange,
    Enrolment,
    EnrolmentOrder,
    Holder,
    HolderPage,
    Identifier,
    ModeChange,
    Statistics,
    Status,
)
from gateway.service import views
from gateway.service.facade import Facade
from gateway.service.ledger_facade import LedgerFacade

LAST_EVENT_ID_CHARS_MAX: Final = 64
MINUTE_MS: Final = 60_000

Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)]
Minutes = Annotated[int, Query(ge=1, le=STATISTICS_MINUTES_MAX)]
Matching = Annotated[str, Query(max_length=NAME_CHARS_MAX)]
Cursor = Annotated[str, Query(max_length=CREDENTIAL_ID_CHARS_MAX)]


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_Item = TypeVar("_Item", bound=_HasId)


def create_app(
    facade: Facade,
    rights: Rights | None = None,
    run: str | None = None,
    *,
    ledger: LedgerFacade,
    at_door: AtDoor = nobody,
) -> FastAPI:
    """Build the application.

    Args:
        facade: the gateway.
        ledger: reads the ledger, outside this process.
        rights: who may do what; by default by the system's users and groups.
        run: names this run of the gateway in event ids; by default a random word.
        at_door: tells whether a touch is under way, which the API then makes room for.
    """
    app = openapi.DescribedApi(
        title="KEYRA gateway",
        version="1",
        description=openapi.DESCRIPTION,
        openapi_url=None,  # see openapi.add_document
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.streams = Streams(run or secrets.token_hex(8))
    app.state.at_door = at_door
    router = APIRouter(prefix="/v1", responses=openapi.PROBLEMS)
    _add_reading(router, facade)
    _add_enrolment(router, facade)
    _add_changes(router, facade)
    add_orders(router, facade.administration)
    add_door_checks(router, facade)
    add_ledger(router, ledger)
    add_trials(router, facade)
    add_policy_texts(router, facade.policies)
    add_front(router, facade.front)
    _add_events(router, facade, app.state.streams)
    problems.install(app, router)
    app.include_router(router)
    openapi.add_document(app)
    app.add_middleware(Idempotency, uid_of=uid_of)
    turns = Turns(at_door=at_door)
    app.add_middleware(Guard, rights=rights or Rights(), turns=turns)  # the outer one
    return app


def _page(
    items: Sequence[_Item], limit: int, after: str
) -> tuple[list[_Item], str | None]:
    """Cut one page out of items that are sorted by id; a cursor is the last id."""
    rest = [item for item in items if item.id > after]
    page = rest[:limit]
    return page, page[-1].id if len(rest) > limit else None


def _add_reading(router: APIRouter, facade: Facade) -> None:
    @router.get("/status")
    async def status() -> Status:
        """Return the gateway at a glance."""
        return Status.model_validate(facade.status())

    @router.get("/statistics")
    async def statistics(minutes: Minutes = 60) -> Statistics:
        """Return what was measured in the last minutes."""
        return Statistics.model_validate(await facade.statistics(minutes * MINUTE_MS))

    @router.get("/holders")
    async def holders(
        limit: Limit = 100, cursor: Cursor = "", matching: Matching = ""
    ) -> HolderPage:
        """Return holders, by id; `matching` is in pseudonym, name, groups or role."""
        read = 0 if matching else limit + 1  # who matches is known by the name, too
        found = [one for one in facade.holders(cursor, read) if one.matches(matching)]
        items, following = _page(found, limit, cursor)
        return HolderPage(
            items=tuple(Holder.model_validate(item) for item in items), next=following
        )

    @router.get("/credentials")
    async def credentials(
        limit: Limit = 100, cursor: Cursor = "", holder: Identifier | Literal[""] = ""
    ) -> CredentialPage:
        """Return credentials, by id; all, or one holder's."""
        every = facade.credentials()
        if holder:
            every = [one for one in every if one.holder_id == holder]
        found, following = _page(every, limit, cursor)
        items = await facade.front.dated(found)
        return CredentialPage(
            items=tuple(Credential.model_validate(item) for item in items),
            next=following,
        )


def _add_enrolment(router: APIRouter, facade: Facade) -> None:
    @router.get("/enrolment")
    async def enrolment() -> Enrolment | None:
        """Return the ceremony under way, or the last one, or null."""
        view = facade.enrolment()
        return None if view is None else Enrolment.model_validate(view)

    @router.post("/enrolment", status_code=HTTPStatus.CREATED)
    async def enrol(order: EnrolmentOrder, request: Request) -> Enrolment:
        """Arm the ceremony; its steps are events."""
        wish = views.EnrolmentOrder(**order.model_dump())
        return Enrolment.model_validate(await facade.enrol(wish, actor_of(request)))

    @router.post("/enrolment/comparison")
    async def answer_comparison(answer: ComparisonAnswer) -> Enrolment:
        """Say whether the number on the key equals the one shown."""
        view = await facade.answer_comparison(agree=answer.agree)
        return Enrolment.model_validate(view)

    @router.delete("/enrolment")
    async def cancel_enrolment() -> Enrolment:
        """End the ceremony without a credential."""
        return Enrolment.model_validate(await facade.cancel_enrolment())


def _add_changes(router: APIRouter, facade: Facade) -> None:
    @router.post("/holders/{holder_id}/erasure")
    async def erase_holder(holder_id: Identifier, request: Request) -> Holder:
        """Remove a holder's name for good, and revoke their keys."""
        view = await facade.erase_holder(holder_id, actor_of(request))
        return Holder.model_validate(view)

    @router.put("/credentials/{credential_id}/state")
    async def set_credential_state(
        credential_id: CredentialId, change: CredentialStateChange, request: Request
    ) -> Credential:
        """Suspend, resume or revoke; holds for the very next touch."""
        if all(known.id != credential_id for known in facade.credentials()):
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                "credential-unknown",
                "No credential has this id; see /v1/credentials.",
            )
        view = await facade.set_credential_state(
            credential_id, facts.CredentialState(change.state), actor_of(request)
        )
        return Credential.model_validate(view)

    @router.put("/door/mode")
    async def set_mode(change: ModeChange, request: Request) -> Status:
        """Order a mode for a while or until it is lifted; "Locked" lifts."""
        view = await facade.set_mode(
            facts.Mode(change.mode), actor_of(request), change.for_ms
        )
        return Status.model_validate(view)


def _add_events(router: APIRouter, facade: Facade, streams: Streams) -> None:
    @router.get("/events", response_class=Response, responses=openapi.EVENTS)
    async def events(
        request: Request,
        recent: Annotated[int, Query(ge=0, le=RECENT_EVENTS_MAX)] = 0,
        last_event_id: Annotated[
            str | None, Header(max_length=LAST_EVENT_ID_CHARS_MAX)
        ] = None,
    ) -> EventStreamResponse:
        """Follow what happens: a snapshot, then changes, resumable by id."""
        last_id = facade.status().last_event_id
        begin = start(streams.run, last_id, last_event_id, recent)
        return EventStreamResponse(facade, streams, actor_of(request).uid, begin)
