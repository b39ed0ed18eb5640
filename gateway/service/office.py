"""Builds the parts of administration; the gateway owns them."""

from gateway.core.challenge import ChallengeBook
from gateway.core.registry import Registry
from gateway.ports import Clock, Entropy, Indicators, PeopleStore, Radio
from gateway.service.administration import Administration
from gateway.service.events import EventStream
from gateway.service.order_desk import OrderDesk
from gateway.service.planner import Arm, Planner, SetMode
from gateway.service.policy_keeper import PolicyKeeper
from gateway.service.recorder import Recorder
from gateway.service.roll import Roll
from gateway.service.signing import Signer


def open_office(  # noqa: PLR0913 - its collaborators, by name
    *,
    book: ChallengeBook,
    registry: Registry,
    clock: Clock,
    entropy: Entropy,
    radio: Radio,
    indicators: Indicators,
    people: PeopleStore,
    recorder: Recorder,
    events: EventStream,
    set_mode: SetMode,
    arm: Arm,
    roll: Roll,
    policies: PolicyKeeper,
    glass_broken: bool,
) -> tuple[OrderDesk, Administration]:
    """Return the desk, which the radio tells of keys, and what the API asks."""
    signer = Signer(
        book=book,
        registry=registry,
        clock=clock,
        entropy=entropy,
        radio=radio,
        indicators=indicators,
    )
    desk = OrderDesk(
        registry=registry,
        clock=clock,
        entropy=entropy,
        recorder=recorder,
        indicators=indicators,
        events=events,
        signer=signer,
    )
    planner = Planner(
        door=book.place.door,
        registry=registry,
        people=people,
        recorder=recorder,
        set_mode=set_mode,
        arm=arm,
        roll=roll,
        policies=policies,
    )
    return desk, Administration(
        registry=registry,
        indicators=indicators,
        planner=planner,
        desk=desk,
        glass_broken=glass_broken,
    )
