"""Feeds the service manager's watchdog, only while every loop of the door moves on.

A radio that is dead is mended by the radio's watch, and the door has its exit: that
restarts nothing. Nor does a ledger that refuses: each append tries again, a full disk
lets no ledger be opened anew, and exit, fire and lockdown are served meanwhile; one
that cannot tell what it holds ends the process itself (`Journal.check`).

A loop that does not come round any more is mended by nobody inside the process, so then
the watchdog starves and the service manager starts it anew. A keyra-strike that is away
is started anew by the service manager too; only when it stays out of reach as long as a
loop may stand still is a new gateway the last thing to try.
"""

from typing import Final

from gateway.service.composition import Adapters
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.listener import Listener
from gateway.service.radio_watch import RadioWatch
from gateway.service.recorder import Recorder

WATCHDOG_MS: Final = 1_000


async def feed_watchdog(
    on: Adapters,
    recorder: Recorder,
    doorkeeper: Doorkeeper,
    listener: Listener,
    watch: RadioWatch,
) -> None:
    """Feed it once a second until cancelled, and sum up what is summed up by time.

    Raises:
        JournalError: the journal's own check; the process must stop.
    """
    while True:
        on.journal.check()
        now_ms = on.clock.now().up_ms
        listener.summarise_strangers(now_ms)
        recorder.sum_up(now_ms)
        ledger = recorder.writing.is_alive
        door = doorkeeper.keeping.is_alive and doorkeeper.without_strike.is_alive
        if ledger and door and watch.looking.is_alive and listener.ending.is_alive:
            on.watchdog.alive()
        await on.clock.sleep_until(now_ms + WATCHDOG_MS)
