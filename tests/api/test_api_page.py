"""The API's page tells the truth: its commands are run, its figures are the code's."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from gateway import errors
from gateway.api import (
    event_stream,
    guard,
    pace,
    problems,
    server,
)
from gateway.schemas import PAGE_ITEMS_MAX, SOCKET_PATH

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "api.md").read_text()
COMMANDS: Final = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS: Final = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
RUN_S_MAX: Final = 60

LIMITS: Final = (
    (
        f"requests of one user, after a burst of {pace.REQUESTS.burst_max} | "
        f"{pace.REQUESTS.per_uid_per_s_max} in a second"
    ),
    (
        f"requests of all, after a burst of {pace.REQUESTS.burst_max} | "
        f"{pace.REQUESTS.per_s_max} in a second"
    ),
    f"new connection counts as {pace.SLOWER_AT_DOOR}.",
    (
        f"requests of a burst, beyond {pace.AT_ONCE_MAX} at once | "
        f"{pace.BURST_PER_S_MAX} in a second"
    ),
    (
        f"of one user's connections, after a burst of {pace.READS.burst_max} | "
        f"{pace.READS.per_uid_per_s_max} in a second"
    ),
    (
        f"of all connections, after a burst of {pace.READS.burst_max} | "
        f"{pace.READS.per_s_max} in a second"
    ),
    (
        f"new connections of all, after a burst of {pace.CONNECTIONS_BURST_MAX} | "
        f"{pace.CONNECTIONS_PER_S_MAX} in a second"
    ),
    f"{server.CONNECTIONS_PER_UID_MAX} and {server.CONNECTIONS_MAX} |",
    f"{event_stream.STREAMS_PER_UID_MAX} and {event_stream.STREAMS_MAX} |",
    f"{guard.BODY_BYTES_MAX} bytes; {guard.IMPORT_BYTES_MAX} bytes |",
    f"request line and headers | {server.HEAD_BYTES_MAX} bytes |",
    f"body sent within | {guard.BODY_READ_S_MAX} s |",
    f"answer taken within | {guard.WRITE_S_MAX} s |",
    f"not asked anything | {server.IDLE_S_MAX} s |",
    f"items on a page | {PAGE_ITEMS_MAX} |",
)


def run(command: list[str], told: str) -> list[str]:
    """The lines that a program prints."""
    done = subprocess.run(
        command,
        input=told,
        capture_output=True,
        check=True,
        text=True,
        timeout=RUN_S_MAX,
        cwd=ROOT,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def pattern(line: str) -> str:
    """What a line of the page stands for; … is anything."""
    return ".+".join(map(re.escape, line.split("…")))


@pytest.mark.processes
def test_the_pages_commands_print_what_it_says(gateway: Any) -> None:
    lines = "".join(COMMANDS).replace(SOCKET_PATH, str(gateway.path)).splitlines()
    script = "\n".join(
        line.removeprefix("$ ") for line in lines if line.startswith("$ ")
    )
    expected = [line for line in lines if not line.startswith("$ ")]
    told = run(["bash"], script)
    assert len(told) == len(expected), told
    for said, line in zip(told, expected, strict=True):
        assert re.fullmatch(pattern(line), said), (line, said)
    assert len(expected) > 10


@pytest.mark.processes
def test_the_pages_programs_run(gateway: Any) -> None:
    told = [
        run(
            [sys.executable, "-"],
            program.replace(SOCKET_PATH, str(gateway.path)),
        )
        for program in PROGRAMS
    ]
    assert told[0][:4] == [
        "Locked",
        "cred-0001AAAAAAAAAAAA active",
        "cred-0002AAAAAAAAAAAA revoked",
        "holder-unknown",
    ]
    assert told[1] == ["it stands: Locked", "it changed: LockedDown"]


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_on_the_page_are_the_codes(limit: str) -> None:
    assert limit in PAGE


def test_codes_on_the_page_are_ones_that_the_gateway_gives() -> None:
    section = PAGE.partition("## What is refused")[2].partition("## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    modules = (ROOT / "gateway" / "api").glob("*.py")
    sources = "".join(module.read_text() for module in modules)
    tree = {
        thing.code: str(problems.status_of(thing).value)
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, errors.KeyraError)
    }
    found = 0
    for row in rows:
        statuses, codes, _ = row.strip("| ").split(" | ")
        for code in re.findall(r"`([a-z-]+)`", codes):
            found += 1
            if code in tree:
                assert tree[code] == statuses
            else:
                assert f'"{code}"' in sources
    assert found > 20
