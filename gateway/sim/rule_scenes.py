"""Scenes of two rules that a site adds to its config: two persons, and duress.

The site's config is written anew for them and the gateway is started anew, as a site
admin would do it; afterwards it is as it was.
"""

import json
import socket
from collections.abc import Mapping
from typing import Final

from gateway.core.facts import DenialReason
from gateway.errors import SimulationError
from gateway.sim.chapter import Chapter
from gateway.sim.site import SimulatedSite
from gateway.sim.story import Story
from gateway.sim.telling import Step
from gateway.sim.watch import Watch
from ledger.entry import parse_entry
from ledger.reader import Reader

ONE_PERSON: Final = "two_person_s = 0\n"
TWO_PERSONS: Final = "two_person_s = 60\n"
ROUTE: Final = "guard-desk"
ALARM_SOCKET: Final = "alarm.sock"
ALARM_S_MAX: Final = 10
CALL_BYTES_MAX: Final = 4096
FORCED: Final = "holder-1-forced"


class RuleScenes:
    """The chapter, over one site whose people are enrolled."""

    def __init__(self, story: Story, site: SimulatedSite, watch: Watch) -> None:
        """Take a story, its started site and its running watch."""
        self._story: Final = story
        self._site: Final = site
        self._watch: Final = watch
        self._config = ""
        self._policy = ""

    def chapter(self) -> Chapter:
        """Return it; `admin` and `holder-1` must be able to open."""
        waits = DenialReason.SECOND_PERSON_NEEDED
        forced = self._story.enrols("holder-1", "First holder", duress=FORCED)
        return Chapter(
            "Two persons, and duress",
            (
                ("Two persons from now on", self._two_persons),
                ("admin, alone", self._story.denied("admin", waits)),
                ("holder-1, the second", self._second),
                ("One person, and a guard", self._guarded),
                ("A key for duress", forced),
                ("holder-1 opens freely", self._story.opens("holder-1")),
                ("holder-1 is forced to", self._forced),
                ("The rules as they were", self._as_before),
            ),
        )

    async def _two_persons(self, step: Step) -> None:
        self._policy = await self._story.policy()
        wanted = self._policy.replace(ONE_PERSON, TWO_PERSONS)
        names = await self._story.put_in_force(wanted)
        step.said = f"a policy signed by the touches of {names}; in force at once"

    async def _second(self, step: Step) -> None:
        mark = self._watch.mark()
        await self._story.opens("holder-1")(step)
        entry = await self._granted_since(mark)
        grant = self._what(entry)
        first = self._what(self._only(grant.get("touches")))
        holders = [first.get("holder"), grant.get("holder")]
        if holders != ["admin", "holder-1"]:
            raise SimulationError(f"Entry {entry} rests on the touches of {holders}.")
        step.said = f"opens, entry {entry}, which names both touches: admin, holder-1"

    async def _guarded(self, step: Step) -> None:
        socket_path = self._site.plan.directory / ALARM_SOCKET
        members = {"route": ROUTE, "socket": str(socket_path)}
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in members.items()]
        names = await self._story.put_in_force(self._policy)
        self._config = self._site.config_path.read_text()
        await self._restart("".join(("[duress]\n", *lines)))
        step.said = (
            f"the policy before, signed by {names}; a silent call goes to the {ROUTE}"
        )

    async def _forced(self, step: Step) -> None:
        """Open as usual: only the ledger and the guard's desk learn of it."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with listener:
            listener.settimeout(ALARM_S_MAX)
            path = self._site.plan.directory / ALARM_SOCKET
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            mark = self._watch.mark()
            await self._story.opens(FORCED)(step)
            entry = await self._granted_since(mark)
            try:
                call = json.loads(listener.recv(CALL_BYTES_MAX))
            except TimeoutError:
                raise SimulationError(f"Nobody called the {ROUTE}.") from None
        told = json.dumps([one.data for one in self._watch.since(mark)])
        if "duress" in told or ROUTE in told:
            raise SimulationError("The events of an opening under duress show it.")
        marked = self._what(entry).get("duress")
        if (marked, call["entry"], call["route"]) != (ROUTE, entry, ROUTE):
            raise SimulationError(f"Entry {entry} says {marked}; the call was {call}.")
        step.said = (
            f"opens like any other; entry {entry} alone is marked, and the {ROUTE} "
            "was called"
        )

    async def _as_before(self, step: Step) -> None:
        await self._restart("")
        step.said = "the gateway started anew with the first config"

    async def _restart(self, more: str) -> None:
        times = self._watch.connections + 1
        if await self._site.stop_gateway() != 0:
            raise SimulationError("The gateway did not end in good order.")
        self._site.config_path.write_text(self._config + more)
        await self._site.start_gateway()
        await self._watch.connected(times)

    async def _granted_since(self, mark: int) -> int:
        ended = await self._watch.expect(mark, "touch.ended", result="granted")
        return int(str(ended.data["entry"]))

    def _what(self, n: int) -> Mapping[str, object]:
        """Return what the ledger's entry `n` says."""
        with Reader.open(self._site.ledger_path) as reader:
            return parse_entry(reader.entry(n)).what

    @staticmethod
    def _only(touches: object) -> int:
        if not isinstance(touches, list) or len(touches) != 1:
            raise SimulationError(f"An entry that rests on {touches} names no second.")
        return int(touches[0])
