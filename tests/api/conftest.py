"""A gateway behind a real API on a unix socket, and how a stranger would ask it."""

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

# Test folders are no packages: what they share is run from its path.
_fakes: dict[str, Any] = runpy.run_path(str(Path(__file__).parent / "fake_gateway.py"))
FakeFacade, FakeGateway = _fakes["FakeFacade"], _fakes["FakeGateway"]

# Somebody whom no system knows.
STRANGER = 64_023
NOBODY_RUNS_THE_GATEWAY_AS = 64_024

# Connects as another user, if it may, and plays stdin to the socket.
ASK = """
import os, socket, sys
os.chdir(sys.argv[1])
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(10)
if os.getuid() == 0:
    uid = int(sys.argv[2])
    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
sock.connect("gateway.sock")
sock.sendall(sys.stdin.buffer.read())
while piece := sock.recv(65536):
    sys.stdout.buffer.write(piece)
"""

Ask = Callable[[bytes], bytes]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter, with a short name."""
    made = Path(tempfile.mkdtemp(prefix="keyra-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def gateway(folder: Path) -> Iterator[Any]:
    """A running gateway whose own user is the one who tests."""
    made = FakeGateway(folder / "gateway.sock")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def http(gateway: Any) -> Iterator[httpx.Client]:
    """A bare HTTP client, of the gateway's own user."""
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(gateway.path)),
        base_url="http://keyra",
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


@pytest.fixture
def stranger(folder: Path) -> Iterator[tuple[Any, int, Ask]]:
    """A gateway of another user, who asks it, and how.

    Without root nobody can become somebody else; then the tester is the stranger, and
    the gateway believes itself to be another user's.
    """
    made = FakeGateway(folder / "gateway.sock")
    made.own_uid = NOBODY_RUNS_THE_GATEWAY_AS
    made.start()
    made.path.chmod(0o666)
    uid = STRANGER if os.getuid() == 0 else os.getuid()

    def ask(request: bytes) -> bytes:
        return subprocess.run(
            [sys.executable, "-c", ASK, str(folder), str(uid)],
            input=request,
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout

    yield made, uid, ask
    made.stop()


@pytest.fixture
def facade() -> Any:
    """A façade without an API in front of it."""
    return FakeFacade()
