"""The gateway that the command line asks, and the command line itself."""

import runpy
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main

FAKES: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "api" / "fake_gateway.py")
)


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def gateway() -> Iterator[Any]:
    """A running gateway without a door."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as folder:
        made = FAKES["FakeGateway"](Path(folder) / "gateway.sock")
        made.start()
        yield made
        made.stop()


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Runs `keyra …` in this process."""
    monkeypatch.delenv("KEYRA_DEBUG", raising=False)

    def run(*words: str) -> Ended:
        code = main(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def ask(command: Callable[..., Ended], gateway: Any) -> Callable[..., Ended]:
    """Runs `keyra …` against the running gateway."""

    def run(*words: str) -> Ended:
        return command("--socket", str(gateway.path), *words)

    return run
