"""One hostile client of the API, for ever: `python hostile.py SOCKET KIND`.

It is meant to be held to a share of a core by whoever starts it.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

GET: Final = b"GET /v1/status HTTP/1.1\r\nhost: k\r\n\r\n"
LONG: Final = b"GET /v1/openapi.json HTTP/1.1\r\nhost: k\r\n\r\n"
EVENTS: Final = b"GET /v1/events?recent=500 HTTP/1.1\r\nhost: k\r\n\r\n"
POST: Final = b"POST /v1/orders HTTP/1.1\r\nhost: k\r\n"
HELD_MAX: Final = 2_000
WAIT_S: Final = 2
PAUSE_S: Final = 0.002


def connect(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(WAIT_S)
    sock.connect(path)
    return sock


def slow_reads(path: str) -> None:
    """Ask for what is long, again and again, and read none of it."""
    with connect(path) as sock:
        sock.sendall(LONG * 200)
        time.sleep(WAIT_S)


def slow_writes(path: str) -> None:
    """Send a request letter by letter."""
    with connect(path) as sock:
        for letter in POST + b"content-length: 5000\r\n\r\n" + b"x" * 5000:
            sock.sendall(bytes([letter]))


def flood(path: str) -> None:
    """Ask as fast as it answers."""
    with connect(path) as sock:
        while True:
            sock.sendall(GET)
            if not sock.recv(65536):
                return


def pipeline(path: str) -> None:
    """Ask a thousand things at once, and read."""
    with connect(path) as sock:
        sock.sendall(GET * 1000)
        while sock.recv(65536):
            pass


def knocks(path: str) -> None:
    """Connect and go away."""
    connect(path).close()


def huge_bodies(path: str) -> None:
    """Announce little and send much, or announce much."""
    with connect(path) as sock:
        sock.sendall(POST + b"transfer-encoding: chunked\r\n\r\n")
        while True:
            sock.sendall(b"ffff\r\n" + b"x" * 65535 + b"\r\n")


def streams(path: str) -> None:
    """Hold event streams by the thousand, reading nothing."""
    with contextlib.ExitStack() as held:
        for _ in range(HELD_MAX):
            held.enter_context(connect(path)).sendall(EVENTS)


def header_bombs(path: str) -> None:
    """Send headers without end."""
    with connect(path) as sock:
        sock.sendall(b"GET /v1/status HTTP/1.1\r\nhost: k\r\n")
        while True:
            sock.sendall(b"x-%d: y\r\n" % time.monotonic_ns() * 50)


def half_open(path: str) -> None:
    """Hold connections, saying nothing or half a word."""
    with contextlib.ExitStack() as held:
        for number in range(HELD_MAX):
            sock = held.enter_context(connect(path))
            sock.sendall(GET[: number % 20])
            sock.shutdown(socket.SHUT_WR)


def rubbish(path: str) -> None:
    """Say what is no HTTP."""
    with connect(path) as sock:
        sock.sendall(os.urandom(4096))
        sock.recv(65536)


KINDS: Final[dict[str, Callable[[str], None]]] = {
    work.__name__: work
    for work in (
        slow_reads,
        slow_writes,
        flood,
        pipeline,
        knocks,
        huge_bodies,
        streams,
        header_bombs,
        half_open,
        rubbish,
    )
}


def main() -> None:
    """Be hostile until killed, or until nobody is there who could."""
    path, kind = sys.argv[1:]
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            KINDS[kind](path)
        except OSError:
            time.sleep(PAUSE_S)  # refused, cut off or full: at once again


if __name__ == "__main__":
    main()
