"""The guard of tests/conftest.py holds: no test reaches another machine."""

import socket

import pytest

# RFC 5737 and RFC 3849: addresses that belong to nobody.
ELSEWHERE = ("192.0.2.1", 9)
ELSEWHERE_V6 = ("2001:db8::1", 9)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, ELSEWHERE), (socket.AF_INET6, ELSEWHERE_V6)],
)
def test_no_connection_leaves_the_machine(
    family: socket.AddressFamily, kind: socket.SocketKind, address: tuple[str, int]
) -> None:
    with (
        socket.socket(family, kind) as wire,
        pytest.raises(Exception, match="loopback only"),
    ):
        wire.connect(address)


def test_no_datagram_leaves_the_machine() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire,
        pytest.raises(Exception, match="loopback only"),
    ):
        wire.sendto(b"", ELSEWHERE)


def test_no_name_is_looked_up() -> None:
    with pytest.raises(Exception, match="loopback only"):
        socket.getaddrinfo("keyra.invalid", 443)


def test_loopback_and_unix_sockets_stay_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    near, far = socket.socketpair(socket.AF_UNIX)
    near.close()
    far.close()
