"""uvicorn on a unix socket, inside the gateway's own loop.

Identity is the kernel's: SO_PEERCRED (unix(7)) is read from the connected socket and
put into the scope of each of its requests. uvicorn's own main loop is not used: it
would take the process's signals, and wake ten times a second.
"""

import asyncio
import errno
import socket
import stat
import struct
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Never

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.api.asgi import CONNECTION_KEY, App, Connection, Peer, Receive, Scope, Send
from gateway.api.pace import (
    CONNECTIONS_BURST_MAX,
    CONNECTIONS_PER_S_MAX,
    READS,
    WAIT_S_MIN,
    AtDoor,
    Pace,
    Turns,
    until_turn,
)
from gateway.api.problems import MEDIA_TYPE, problem_response
from gateway.errors import ConfigError

SOCKET_MODE: Final = 0o660
CONNECTIONS_MAX: Final = 64
CONNECTIONS_PER_UID_MAX: Final = 24
BACKLOG_MAX: Final = 64
HEAD_BYTES_MAX: Final = 16 * 1024
IDLE_S_MAX: Final = 10
STOP_S_MAX: Final = 2

_ACCEPT_AGAIN: Final = frozenset(
    {errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


def peer_of(connected: socket.socket) -> Peer:
    """Ask the kernel who connected; true for the moment of connect(2)."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


class PeerProtocol(H11Protocol):
    """Adds the peer to every scope; bounds connections, reading and idle time."""

    peer: Peer
    reads: Turns
    _idle: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override] # a stream server makes no other
        self, transport: asyncio.Transport
    ) -> None:
        """Learn who connected; refuse one too many."""
        super().connection_made(transport)
        self.peer = peer_of(transport.get_extra_info("socket"))
        self.app = _with_connection(self.app, Connection(self.peer, transport.abort))
        if self._is_one_too_many():
            transport.write(_too_many())
            transport.close()
            return
        self._watch_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        super().connection_lost(exc)
        for timer in (self._idle, self._reading):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on when it is this user's turn: letter by letter costs the most."""
        super().data_received(data)
        wait_s = self.reads.turn_s(self.peer.uid, self.loop.time())
        if wait_s < WAIT_S_MIN:
            return
        if self._reading is not None:
            self._reading.cancel()
        self.transport.pause_reading()
        self._reading = self.loop.call_later(wait_s, self._read_on)

    def _read_on(self) -> None:
        if not self.flow.read_paused:  # else uvicorn will, after the answer
            self.transport.resume_reading()

    def on_response_complete(self) -> None:
        """Watch for the next request, and for the answer being taken."""
        self._watch_idle()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with problem details."""
        self.transport.write(
            _raw(HTTPStatus.BAD_REQUEST, "request-invalid", f"{msg[:120]}")
        )
        self.transport.close()

    def _is_one_too_many(self) -> bool:
        others = [c for c in self.connections if isinstance(c, PeerProtocol)]
        mine = sum(c.peer.uid == self.peer.uid for c in others)
        return len(others) > CONNECTIONS_MAX or mine > CONNECTIONS_PER_UID_MAX

    def _watch_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self.loop.call_later(IDLE_S_MAX, self._idle_for_too_long)

    def _idle_for_too_long(self) -> None:
        if getattr(self.cycle, "response_complete", True):
            self.transport.abort()


def _with_connection(app: App, connection: Connection) -> App:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CONNECTION_KEY] = connection
        await app(scope, receive, send)

    return wrapped


def _too_many() -> bytes:
    return _raw(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too-many-connections",
        f"{CONNECTIONS_PER_UID_MAX} connections of one user, {CONNECTIONS_MAX} of all "
        "are the most; close one first.",
    )


def _raw(status: HTTPStatus, code: str, detail: str) -> bytes:
    """Build a whole response for a connection that reaches no application."""
    body = bytes(problem_response(status, code, detail).body)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def listen(path: Path) -> socket.socket:
    """Bind and listen; a socket that an earlier run left behind is replaced.

    The mode is set before anybody can connect. The group is the folder's (setgid).

    Raises:
        ConfigError: there can be no socket at this path.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        listener.listen(BACKLOG_MAX)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            why = "something that is no socket has this name"
        raise ConfigError(
            f"The API's socket {path} cannot be opened ({why}); make its folder "
            "writable for the gateway's user, or configure another path."
        ) from error
    return listener


async def _accept(
    listener: socket.socket,
    config: uvicorn.Config,
    server: uvicorn.Server,
    at_door: AtDoor,
) -> Never:
    """Take connections one by one, at their pace.

    asyncio's own server would take as many as its backlog in one turn of the loop,
    while the door waits.
    """
    loop = asyncio.get_running_loop()
    pace = Pace(CONNECTIONS_PER_S_MAX, CONNECTIONS_BURST_MAX, at_door)
    reads = Turns(READS, at_door)

    def protocol() -> PeerProtocol:
        made = PeerProtocol(
            config=config, server_state=server.server_state, app_state={}
        )
        made.reads = reads
        return made

    while True:
        await until_turn(pace)
        try:
            connected, _ = await loop.sock_accept(listener)
        except OSError as error:  # no file is left for it, or it has gone already
            if error.errno not in _ACCEPT_AGAIN:
                raise
            continue
        await loop.connect_accepted_socket(protocol, connected)


async def serve(
    app: FastAPI, path: Path, *, opened: Callable[[], None] = lambda: None
) -> None:
    """Serve the application on a unix socket until cancelled, then stop cleanly.

    Open event streams are ended, requests under way are finished within STOP_S_MAX.

    Args:
        app: what `create_app` made.
        path: of the socket; shorter than 108 bytes (unix(7)).
        opened: called once connections are accepted.

    Raises:
        ConfigError: there can be no socket at this path.
    """
    listener = listen(path)
    config = uvicorn.Config(
        app,
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_graceful_shutdown=STOP_S_MAX,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    try:
        server.servers = []  # the listener is ours
        opened()
        await _accept(listener, config, server, app.state.at_door)
    finally:
        app.state.streams.closing.set()
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - as short as the bind
        await server.shutdown(sockets=[listener])
        for connection in list(server.server_state.connections):
            connection.transport.abort()
