"""The composition root: which adapter keeps which port. Nothing else knows both sides.

There are two compositions, never mixed: the appliance's (BlueZ, GPIO, the machine's
clock) and the simulated one (a world process's air, keys and pins). Everything above
the ports is the same code in both.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from gateway.adapters.housekeeping import Chore, Housekeeping
from gateway.adapters.ledger_books.processes import LedgerBooks
from gateway.adapters.systemd import JOURNAL_SOCKET, start_log
from gateway.api.app import create_app
from gateway.api.server import serve
from gateway.bootstrap.parts import LEDGER_NAME
from gateway.bootstrap.setting import setting_of
from gateway.bootstrap.trust import accept_model_list
from gateway.config import Config
from gateway.errors import JournalError, JournalStateUnknownError, KeyraError
from gateway.schemas import SOCKET_PATH
from gateway.service.gateway import Adapters, Gateway
from gateway.service.recovery import recover
from gateway.service.telemetry_keeper import KEEP_EVERY_MS

API_SOCKET_NAME: Final = "gateway.sock"
MINUTE_MS: Final = 60_000
SNAPSHOT_MS: Final = 3_600_000
ERASURES_MS: Final = 60_000


def run(config: Config, simulated: Path | None) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit code.

    Args:
        config: as loaded.
        simulated: the directory of a world process, or None for the appliance.

    Raises:
        KeyraError: it could not start, or had to stop; `exit_code` says which.
    """
    names = {"KEYRA_GATEWAY": config.gateway.id, "KEYRA_DOOR": config.door.id}
    start_log(os.environ, names, JOURNAL_SOCKET)
    try:
        asyncio.run(_run(config, simulated))
    except* KeyraError as group:
        raise _worst(group) from group
    return 0


async def _run(config: Config, simulated: Path | None) -> None:
    setting = setting_of(config)
    accept_model_list(config, setting.enrolment.trust.model_list)
    if simulated is None:
        from gateway.bootstrap.appliance import appliance  # noqa: PLC0415 - one of two

        adapters, socket = appliance(config), Path(SOCKET_PATH)
    else:
        from gateway.bootstrap.simulated import (  # noqa: PLC0415 - one of two
            simulated as simulation,
        )

        adapters, socket = simulation(config, simulated), simulated / API_SOCKET_NAME
    async with adapters as on:
        gateway = Gateway(setting, on, recover(on.history, on.registry_store))
        books = LedgerBooks(Path(config.gateway.state_dir) / LEDGER_NAME)
        await _until_told(gateway, on, socket, books)


async def _until_told(
    gateway: Gateway, on: Adapters, socket: Path, books: LedgerBooks
) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(gateway.run())
        # The API opens when the door works; it must never be why the door does not.
        await gateway.ready()
        reading = group.create_task(books.run())
        # Its routes take a small machine seconds: the door may not stand still in them.
        app = await asyncio.to_thread(
            create_app, gateway, ledger=books, at_door=gateway.at_door
        )
        serving = group.create_task(serve(app, socket))
        chores = [
            Chore("registry", SNAPSHOT_MS, gateway.save_registry),
            Chore("schedule", MINUTE_MS, gateway.look_at_clock, on_the_minute=True),
            Chore("telemetry", KEEP_EVERY_MS, gateway.telemetry.keep),
            Chore("policy", MINUTE_MS, gateway.policies.look),
            Chore("erasures", ERASURES_MS, gateway.finish_erasures),
        ]
        async with Housekeeping(chores):
            await told.wait()
        serving.cancel()
        reading.cancel()
        running.cancel()
    try:
        await gateway.stop("told to")
    finally:
        await on.journal.close()


def _worst(group: BaseExceptionGroup[KeyraError]) -> KeyraError:
    """Return the one error that the exit code is about."""
    leaves: list[KeyraError] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        elif isinstance(error, KeyraError):
            leaves.append(error)
    for kind in (JournalStateUnknownError, JournalError, KeyraError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    raise RuntimeError("A group of errors without an error.")
