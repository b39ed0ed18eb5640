"""The simulated composition: a world process's air, keys and pins; all else is real."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.adapters.bluez_radio import BleakRadio
from gateway.adapters.system_clock import SystemClock, SystemEntropy
from gateway.adapters.systemd import watchdog_from
from gateway.bootstrap.parts import BONDS_NAME, opened_parts
from gateway.config import Config, PairingMethod
from gateway.service.gateway import Adapters
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.clock import SimulatedClock
from gateway.sim.faults import journal_from, telemetry_from
from gateway.sim.inputs import SocketIndicators, SocketInputs
from gateway.sim.world import HCI_SOCKET, PINS_SOCKET

CLOCK_ERROR_MS: Final = 20


@asynccontextmanager
async def simulated(config: Config, directory: Path) -> AsyncIterator[Adapters]:
    """Join the world that listens in `directory`.

    Raises:
        SimulationError: no world is there.
        JournalError: the ledger cannot be opened for writing.
    """
    clock, entropy = _clock(), SystemEntropy()
    pins, texts = directory / PINS_SOCKET, config.patterns.texts
    with opened_parts(config, clock, entropy) as parts:
        async with (
            await SimulatedAdapter.over_socket(
                directory / HCI_SOCKET,
                bond_file=Path(config.gateway.state_dir) / BONDS_NAME,
                just_works_allowed=PairingMethod.JUST_WORKS in config.radio.pairing,
            ) as adapter,
            aclosing(await SocketIndicators.connect(pins, texts)) as lamp,
        ):
            yield Adapters(
                clock=clock,
                entropy=entropy,
                radio=BleakRadio(
                    clock,
                    adapter.bonded,
                    scanner_backend=adapter.scanner_backend,
                    client_backend=adapter.client_backend,
                ),
                radio_control=adapter,
                pairing=adapter,
                strike=parts.strike,
                inputs=SocketInputs(pins, clock),
                indicators=lamp,
                journal=journal_from(os.environ, parts.journal),
                history=parts.history,
                registry_store=parts.registry_store,
                people=parts.people,
                policies=parts.policies,
                telemetry=telemetry_from(os.environ),
                telemetry_store=parts.telemetry_store,
                sensors=parts.sensors,
                watchdog=watchdog_from(os.environ),
                silent_alarm=parts.silent_alarm,
                upkeep=parts.upkeep,
                aside=parts.aside,
            )


def _clock() -> SimulatedClock:
    """Return a clock that the simulation believes, on this machine's own boot time."""
    boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    loop_ms = time.monotonic_ns() // 1_000_000
    return SimulatedClock(
        time.time_ns() // 1_000_000,
        err_ms=CLOCK_ERROR_MS,
        boot=SystemClock().now().boot,
        up_ms=boot_ms - loop_ms,
    )
