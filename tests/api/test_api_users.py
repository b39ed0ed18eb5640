"""Real users of the system, by the kernel's word and the system's own databases.

The gateway runs in a mount namespace whose passwd and group name the users of this
test, so that none has to be created. They ask every operation of the document, in
processes of theirs. Needs root: nobody else can become somebody else.
"""

import base64
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.api import create_app
from gateway.api.guard import READING_PATHS
from tests.books import FakeBooks

FAKES: Final[dict[str, Any]] = runpy.run_path(
    str(Path(__file__).parent / "fake_gateway.py")
)
ROOT: Final = Path(__file__).parents[2]
UNSHARE: Final = shutil.which("unshare")

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users"),
    pytest.mark.skipif(UNSHARE is None, reason="there is no unshare of util-linux"),
]

ADMIN, AUDITOR, STRANGER, UNKNOWN, OWN = 64_030, 64_031, 64_032, 64_033, 64_034
ADMINS, AUDITORS, PLAIN = 64_040, 64_041, 64_042
PASSWD: Final = "root:x:0:0::/:/bin/false\n" + "".join(
    f"u{uid}:x:{uid}:{gid}::/:/bin/false\n"
    # The auditor's group is the primary one, the administrator's a further one.
    for uid, gid in ((ADMIN, PLAIN), (AUDITOR, AUDITORS), (STRANGER, PLAIN))
)
GROUP: Final = (
    f"root:x:0:\nplain:x:{PLAIN}:\nkeyra-audit:x:{AUDITORS}:\n"
    f"keyra-admin:x:{ADMINS}:u{ADMIN}\n"
)

IN_NAMESPACE: Final = """
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group || exit 77
shift; exec "$@"
"""

SERVE: Final = """
import asyncio, json, runpy, signal, sys
from pathlib import Path
from gateway.api import Rights, create_app, serve
from tests.books import FakeBooks
folder = Path(sys.argv[1])
facade = runpy.run_path("tests/api/fake_gateway.py")["FakeFacade"]()
rights, books = Rights(own_uid=int(sys.argv[2])), FakeBooks(folder / "ledger")
app = create_app(facade, rights, ledger=books)
path = folder / "gateway.sock"

def opened():
    path.chmod(0o666)  # the socket's own wall is down: this is about the one behind
    print("opened", flush=True)

async def main():
    task = asyncio.ensure_future(serve(app, path, opened=opened))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    print(json.dumps(facade.changes), flush=True)

asyncio.run(main())
"""

ASK: Final = """
import base64, json, os, socket, sys
uid, gid, groups = json.loads(sys.argv[2])
asked = [base64.b64decode(one) for one in json.load(sys.stdin)]
os.chdir(sys.argv[1])
os.setgroups(groups); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
told = []
for request in asked:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect("gateway.sock")
        sock.sendall(request)
        answer = b""
        while b"text/event-stream" not in answer and (piece := sock.recv(65536)):
            answer += piece
    told.append(base64.b64encode(answer).decode())
print(json.dumps(told))
"""

SPOOFS: Final = (
    b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-user: root\r\nforwarded: for=root\r\n"
    b"remote-user: root\r\nx-uid: 0\r\nx-peer-uid: 0\r\nkeyra.actor: 0\r\n"
    b"keyra.connection: Connection(peer=Peer(pid=1, uid=0, gid=0))\r\n"
    b"authorization: Basic cm9vdDpyb290\r\ncookie: uid=0\r\n"
)

Route = tuple[str, str]


@pytest.fixture
def served(folder: Path) -> Iterator["Served"]:
    """A gateway of a user of its own, in whose system these users are known."""
    (folder / "passwd").write_text(PASSWD)
    (folder / "group").write_text(GROUP)
    gateway = Served(folder)
    yield gateway
    gateway.changes()


class Served:
    """A gateway in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        space = [str(UNSHARE), "--mount", "sh", "-c", IN_NAMESPACE, "sh", str(folder)]
        python = [sys.executable, "-c", SERVE, str(folder), str(OWN)]
        self._process = subprocess.Popen(
            [*space, *python],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self._process.stdout.close()
            if self._process.wait() in {1, 77}:
                pytest.skip("this machine lets nobody mount, not even root")
            raise AssertionError("The gateway did not open its socket.")

    def changes(self) -> list[tuple[str, int]]:
        """Stop; return what was changed and by whom."""
        if self._process.poll() is not None:
            return []
        self._process.terminate()
        told, _ = self._process.communicate(timeout=60)
        return [(what, uid) for what, uid in json.loads(told)]

    def ask(
        self, routes: list[Route], uid: int, gid: int = PLAIN, *groups: int
    ) -> dict[Route, str]:
        """Ask all of it as a user; return the guard's word on each, or else empty."""
        asked = [base64.b64encode(raw(*route)).decode() for route in routes]
        told = subprocess.run(
            [
                sys.executable,
                "-c",
                ASK,
                str(self._folder),
                json.dumps([uid, gid, groups]),
            ],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=300,
        )
        answers = map(base64.b64decode, json.loads(told.stdout))
        return dict(zip(routes, map(refusal, answers), strict=True))


def raw(method: str, path: str) -> bytes:
    """A request with every header that might pass for a word about its sender."""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: keyra\r\nconnection: close\r\n"
        "content-length: 0\r\n"
    ).encode() + b"%s\r\n" % SPOOFS


def refusal(answer: bytes) -> str:
    """The code of a 403, or nothing."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    if answer[9:12] != b"403":
        return ""
    body = answer.partition(b"\r\n\r\n")[2]
    return str(json.loads(body)["code"]) if body else "forbidden"  # none after HEAD


def every_route() -> list[Route]:
    """What the document names, and some that it does not."""
    document = create_app(FAKES["FakeFacade"](), ledger=FakeBooks(Path())).openapi()
    named = [
        (method.upper(), re.sub(r"\{[^}]+\}", "x1", path))
        for path, operations in document["paths"].items()
        for method in operations
    ]
    return [
        *named,
        ("GET", "/v1/openapi.json"),
        ("HEAD", "/v1/openapi.json"),
        ("GET", "/v1/../etc/passwd"),
        ("GET", "//v1/status"),
        ("PATCH", "/v1/holders"),
        ("OPTIONS", "/v1/status"),
        ("TRACE", "/v1/status"),
        ("PUT", "/nothing"),
    ]


def reads(route: Route) -> bool:
    """Whether an auditor may ask that."""
    return route[0] in {"GET", "HEAD"} or route[1] in READING_PATHS


def test_an_auditor_reads_and_writes_nothing_and_anyone_else_does_nothing(
    served: Served,
) -> None:
    routes = every_route()
    assert sum(map(reads, routes)) > 15
    assert sum(not reads(route) for route in routes) > 15
    told = served.ask(routes, AUDITOR, AUDITORS)
    assert told == {one: "" if reads(one) else "forbidden" for one in routes}
    refused = dict.fromkeys(routes, "forbidden")
    for uid in (STRANGER, UNKNOWN):
        assert served.ask(routes, uid) == refused
    assert served.changes() == []


def test_an_administrator_may_do_all_and_each_change_has_their_uid(
    served: Served,
) -> None:
    routes = every_route()
    assert set(served.ask(routes, ADMIN).values()) == {""}
    changes = served.changes()
    assert ("self-test", ADMIN) in changes
    assert {uid for _, uid in changes} <= {ADMIN, -1}  # -1: it is nobody's change


def test_attack_a_process_in_the_group_whose_user_is_not_has_no_rights(
    served: Served,
) -> None:
    # As after newgrp, or from a program that has kept a group of somebody else.
    routes = [("GET", "/v1/status"), ("POST", "/v1/door/self-test")]
    refused = dict.fromkeys(routes, "forbidden")
    assert served.ask(routes, STRANGER, ADMINS, ADMINS, AUDITORS, 0) == refused
    assert served.ask(routes, UNKNOWN, 0, ADMINS) == refused
    assert served.changes() == []


def test_root_and_the_gateways_own_user_need_no_group(served: Served) -> None:
    routes = [("GET", "/v1/status"), ("POST", "/v1/door/self-test")]
    for uid in (0, OWN):
        assert set(served.ask(routes, uid).values()) == {""}
    assert served.changes() == [("self-test", 0), ("self-test", OWN)]
