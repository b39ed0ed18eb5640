"""The appliance's composition: BlueZ, the pin header, the machine's clock, systemd."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.adapters.bluez_agent import BluezControl, BluezPairing, Bus
from gateway.adapters.bluez_radio import BleakRadio
from gateway.adapters.board_rtc import BoardRtc
from gateway.adapters.gpio_door import GpioIndicators, GpioInputs, open_factory
from gateway.adapters.system_clock import SystemClock, SystemEntropy
from gateway.adapters.systemd import watchdog_from
from gateway.bootstrap.parts import opened_parts
from gateway.config import Config
from gateway.service.gateway import Adapters
from gateway.service.telemetry import MemoryTelemetry


@asynccontextmanager
async def appliance(config: Config) -> AsyncIterator[Adapters]:
    """Take hold of the machine's hardware.

    Raises:
        HardwareMissingError: which part is missing, in one sentence.
        AlreadyRunningError, JournalError: the ledger cannot be opened for writing.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    async with AsyncExitStack() as stack:
        # Hardware first: without it there is nothing to say in the ledger.
        factory = open_factory(config.pins.chip)
        stack.callback(factory.close)
        indicators = GpioIndicators(factory, config.pins, config.patterns.played)
        stack.callback(indicators.close)
        bus = await Bus.connect(None)
        stack.push_async_callback(bus.close)
        adapter = config.radio.adapter
        pairing = await BluezPairing.open(bus, adapter, config.radio.pairing)
        stack.push_async_callback(pairing.close)
        control = BluezControl(bus, pairing, adapter, clock)
        parts = stack.enter_context(opened_parts(config, clock, entropy))

        yield Adapters(
            clock=clock,
            entropy=entropy,
            radio=BleakRadio(clock, pairing.bonded, adapter=adapter, other=control),
            radio_control=control,
            pairing=pairing,
            strike=parts.strike,
            inputs=GpioInputs(factory, config.pins, clock),
            indicators=indicators,
            journal=parts.journal,
            history=parts.history,
            registry_store=parts.registry_store,
            people=parts.people,
            policies=parts.policies,
            telemetry=MemoryTelemetry(),
            telemetry_store=parts.telemetry_store,
            sensors=parts.sensors,
            watchdog=watchdog_from(os.environ),
            silent_alarm=parts.silent_alarm,
            upkeep=parts.upkeep,
            aside=parts.aside,
            rtc=BoardRtc(clock.believe, config.gateway.rtc_error_ms),
        )
