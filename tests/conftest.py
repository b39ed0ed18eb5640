"""What holds for every test: it talks to this machine only, and may be slow there."""

import ipaddress
import socket
import sys

import pytest
from hypothesis import HealthCheck, settings

LOCAL_NAMES = ("localhost", "")


class NotLoopbackError(Exception):
    """A test tried to reach another machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-screens",
        action="store_true",
        help="keep anew what the console's screens show, instead of comparing",
    )


def _local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    host: object = None
    if event in {"socket.connect", "socket.sendto"}:
        connection, address = arguments
        if isinstance(connection, socket.socket) and connection.family in {
            socket.AF_INET,
            socket.AF_INET6,
        }:
            host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    if not _local(host):
        raise NotLoopbackError(f"{event} to {host}: tests talk to loopback only.")


sys.addaudithook(_watch)

# Two busy cores are no reason to fail; pytest's own timeout ends what hangs.
settings.register_profile(
    "two-cores", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("two-cores")
