"""Calls on the system bus, each within its time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message

from gateway.errors import HardwareMissingError, LinkLostError, LinkTimeoutError

CALL_MS_MAX: Final = 5_000
BLUEZ: Final = "org.bluez"


class RefusedCallError(Exception):
    """A D-Bus error reply; `name` is its stable name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name: Final = name


class Bus:
    """A connection; make one with `Bus.connect`."""

    def __init__(self, bus: Any) -> None:
        self.raw: Final = bus

    @classmethod
    async def connect(cls, address: str | None) -> "Bus":
        """Join the system's bus, or the one at `address`.

        Raises:
            HardwareMissingError: it is not there.
        """
        bus: Any = None
        try:
            async with asyncio.timeout(CALL_MS_MAX / 1000):
                bus = MessageBus(address, BusType.SYSTEM)  # type: ignore[arg-type]  # None is its default
                await bus.connect()
        except Exception as error:  # dbus-next raises what its sockets and parsers do
            if bus is not None:
                await cls(bus).close()
            raise HardwareMissingError(
                f"The system's D-Bus cannot be reached ({error}); is dbus running?"
            ) from error
        return cls(bus)

    async def close(self) -> None:
        """Leave the bus; never raises."""
        self.raw.disconnect()
        with suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(CALL_MS_MAX / 1000):
                await self.raw.wait_for_disconnect()
        # dbus-next leaves these to the garbage collector.
        for held in (self.raw._stream, self.raw._sock):  # noqa: SLF001
            with suppress(OSError):
                held.close()

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        destination: str = BLUEZ,
        within_ms: int = CALL_MS_MAX,
    ) -> list[Any]:
        """Return the reply's values.

        Raises:
            RefusedCallError: an error reply.
            LinkTimeoutError: no reply in time.
            LinkLostError: the connection to D-Bus is gone.
        """
        request = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            async with asyncio.timeout(within_ms / 1000):
                reply = await self.raw.call(request)
        except TimeoutError as error:
            raise LinkTimeoutError(f"bluetoothd did not answer {member}.") from error
        except (OSError, EOFError) as error:
            raise LinkLostError(f"D-Bus went away during {member}.") from error
        if reply is None:
            raise LinkLostError(f"D-Bus went away during {member}.")
        if reply.message_type is MessageType.ERROR:
            raise RefusedCallError(reply.error_name)
        values: list[Any] = reply.body
        return values
