"""Calls on the system bus, each within its time; the bus may go and come back."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message

from gateway.errors import HardwareMissingError, LinkLostError, LinkTimeoutError

CALL_MS_MAX: Final = 5_000
GREETING_BYTES_MAX: Final = 4_096
BLUEZ: Final = "org.bluez"
DBUS: Final = "org.freedesktop.DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

Handler = Callable[[Message], Message | bool | None]
"""Answers a message, says True for later, or False for not mine."""


class RefusedCallError(Exception):
    """A D-Bus error reply; `name` is its stable name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name: Final = name


class Bus:
    """A connection that is made anew by the next call after it was lost."""

    def __init__(self, raw: Any, address: str | None = None) -> None:
        """Wrap a connection; `Bus.connect` makes one."""
        self.raw = raw
        self._address: Final = address
        self._handlers: Final[list[Handler]] = []
        self._turn: Final = asyncio.Lock()
        self._closed = False
        self._joined = 1

    @classmethod
    async def connect(cls, address: str | None) -> "Bus":
        """Join the system's bus, or the one at `address`.

        Raises:
            HardwareMissingError: it is not there.
        """
        return cls(await _joined(address), address)

    @property
    def name(self) -> str:
        """A name for this connection; another one after each loss.

        D-Bus's own would not do: a restarted daemon begins to count anew.
        """
        return f"{self.raw.unique_name}/{self._joined}"

    def listen(self, handler: Handler) -> None:
        """Give every message to `handler`, on each connection to come as well."""
        self._handlers.append(handler)
        self.raw.add_message_handler(handler)

    async def close(self) -> None:
        """Leave the bus for good; never raises."""
        self._closed = True
        await _left(self.raw)

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
            LinkLostError: D-Bus is away.
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
                await self._rejoin()
                reply = await self.raw.call(request)
        except TimeoutError as error:
            raise LinkTimeoutError(f"bluetoothd did not answer {member}.") from error
        except HardwareMissingError as error:
            raise LinkLostError(str(error)) from error
        except LinkLostError:
            raise
        except Exception as error:  # dbus-next raises what its sockets and parsers do
            raise LinkLostError(f"D-Bus went away during {member}.") from error
        if reply is None:
            raise LinkLostError(f"D-Bus went away during {member}.")
        if reply.message_type is MessageType.ERROR:
            raise RefusedCallError(reply.error_name)
        values: list[Any] = reply.body
        return values

    async def owner(self, name: str) -> str:
        """Return which connection has a well-known name now.

        Raises:
            RefusedCallError: nobody has it.
            LinkError: D-Bus is away.
        """
        (owner,) = await self.call(
            "/org/freedesktop/DBus",
            DBUS,
            "GetNameOwner",
            "s",
            [name],
            destination=DBUS,
        )
        return str(owner)

    async def _rejoin(self) -> None:
        """Make a new connection where the old one is lost."""
        async with self._turn:
            if self.raw.connected:
                return
            if self._closed:
                raise LinkLostError("The gateway has left D-Bus.")
            await _left(self.raw)
            raw = await _joined(self._address)
            for handler in self._handlers:
                raw.add_message_handler(handler)
            self.raw = raw
            self._joined += 1


class _EndingBus(MessageBus):
    """Dbus-next's bus, without its faults in a connection that fails.

    It leaves the socket to the garbage collector, and spins for ever on a daemon that
    hangs up in the greeting.
    """

    def _setup_socket(self) -> None:
        try:
            super()._setup_socket()  # type: ignore[no-untyped-call]  # dbus-next has no types
        except BaseException:
            _let_go(self)
            raise

    async def _auth_readline(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            got = await self._loop.sock_recv(self._sock, 2)
            if not got or len(line) > GREETING_BYTES_MAX:
                raise EOFError("it hung up")
            line += got
        return line[:-2].decode()


async def _joined(address: str | None) -> Any:
    raw: Any = None
    try:
        async with asyncio.timeout(CALL_MS_MAX / 1000):
            raw = _EndingBus(address, BusType.SYSTEM)  # type: ignore[arg-type]  # None is its default
            await raw.connect()
    except Exception as error:  # dbus-next raises what its sockets and parsers do
        if raw is not None:
            await _left(raw)
        raise HardwareMissingError(
            f"The system's D-Bus cannot be reached ({error}); is dbus running?"
        ) from error
    return raw


async def _left(raw: Any) -> None:
    if raw.connected or raw.unique_name is None:
        raw.disconnect()
    # After a loss dbus-next raises here whatever its socket did.
    with suppress(Exception):
        async with asyncio.timeout(CALL_MS_MAX / 1000):
            await raw.wait_for_disconnect()
    _let_go(raw)


def _let_go(raw: Any) -> None:
    """Close what dbus-next leaves to the garbage collector."""
    for name in ("_stream", "_sock"):
        held = getattr(raw, name, None)
        with suppress(OSError):
            if held is not None:
                held.close()
