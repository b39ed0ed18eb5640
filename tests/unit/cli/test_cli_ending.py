"""Exit codes and sentences, and what needs no running gateway."""

import os
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.cli import looking, main
from gateway.config import Config, defaults_text
from gateway.errors import (
    AlreadyRunningError,
    ApiError,
    ConfigError,
    HardwareMissingError,
    JournalStateUnknownError,
    KeyraError,
)
from ledger.checkpoint import parse_vkey
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.seal import KEY_BYTES, Seal
from ledger.seal_file import load_first_key, read_seal
from ledger.verdict import Verdict
from ledger.verify import verify_lines
from ledger.writer import Writer

Run = Callable[..., Any]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file that is right, with its state in a place of its own."""
    text = defaults_text().replace("/var/lib/keyra", str(tmp_path / "state"))
    assert str(tmp_path) in text
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return path


def keyra(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `python -m gateway …` as a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("KEYRA_DEBUG", None)
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
        **options,
    )


class Failing(ModuleType):
    """A module of verbs, one of which fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("gateway.cli.looking")
        self._error = error

    def status(self, _: object) -> int:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyraError("Said."), 1),
        (ConfigError("Said."), 78),
        (HardwareMissingError("Said."), 69),
        (AlreadyRunningError("Said."), 73),
        (JournalStateUnknownError("Said."), 74),
        (ApiError("forbidden", "Said.", 403), 77),
        (ApiError("registry", "Said.", 409), 1),
    ],
)
def test_an_error_is_its_sentence_and_its_code(
    command: Run, monkeypatch: pytest.MonkeyPatch, error: KeyraError, code: int
) -> None:
    monkeypatch.setitem(sys.modules, looking.__name__, Failing(error))
    ended = command("status")
    assert (ended.code, ended.out, ended.err) == (code, "", "keyra: Said.\n")


def test_a_mistake_of_ours_is_a_sentence_too(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, looking.__name__, Failing(ValueError("odd")))
    ended = command("status")
    assert ended.code == 70
    assert "Traceback" not in ended.err
    assert ended.err.startswith("keyra: a mistake of this program (ValueError: odd)")
    assert ended.err.count("\n") == 1


def test_debugging_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRA_DEBUG", "1")
    monkeypatch.setitem(sys.modules, looking.__name__, Failing(ValueError("odd")))
    with pytest.raises(ValueError, match="odd"):
        main(["status"])


def test_ctrl_c_has_its_code(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, looking.__name__, Failing(KeyboardInterrupt()))
    ended = command("status")
    assert (ended.code, ended.err) == (130, "")


def test_no_gateway_is_said(command: Run, tmp_path: Path) -> None:
    for verb in ("status", "tail", "lockdown"):
        ended = command("--socket", str(tmp_path / "none"), verb)
        assert ended.code == 69
        assert ended.err.startswith("keyra: No gateway answers at")
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("frobnicate",),
        ("mode", "Open"),
        ("credential", "delete", "x"),
        ("tail", "-n", "-1"),
        ("tail", "-n", "x"),
        ("demo", "--keys", "1001"),
        ("enrol",),
        ("enrol", "h-1", "--name", "x", "--until", "tomorrow"),
    ],
)
def test_wrong_use_is_one_sentence(command: Run, words: tuple[str, ...]) -> None:
    ended = command(*words)
    assert (ended.code, ended.out) == (64, "")
    assert ended.err.startswith("keyra")
    assert ended.err.endswith("--help.\n")
    assert ended.err.count("\n") == 1


def test_help_names_every_verb(command: Run) -> None:
    ended = command("--help")
    assert ended.code == 0
    for verb in ("status", "holders", "credentials", "tail", "console", "enrol"):
        assert f"\n    {verb} " in ended.out


def test_the_config_is_checked(command: Run, config: Path) -> None:
    ended = command("check-config", "--config", str(config))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{config} is right: door front-door of site example-site.\n"
    config.write_text(config.read_text() + "\n[door]\nunheard_of = 1\n")
    ended = command("check-config", "--config", str(config))
    assert (ended.code, ended.out) == (78, "")
    assert str(config) in ended.err


def test_the_defaults_are_printed_and_are_right(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_text(command("print-config").out)
    assert command("check-config", "--config", str(path)).code == 0


def test_init_makes_a_ledger_once(command: Run, config: Path, tmp_path: Path) -> None:
    ended = command("init", "--config", str(config))
    assert ended.code == 0
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in state.iterdir()) == [
        "ledger.db",
        "ledger.key",
        "ledger.seal",
        "ledger.seal-key",
        "ledger.vkey",
    ]
    for name in ("ledger.key", "ledger.seal", "ledger.seal-key"):
        assert (state / name).stat().st_mode & 0o777 == 0o600
    assert str(state / "ledger.seal-key") in ended.err  # for the auditor
    assert len(load_first_key(state / "ledger.seal-key")) == KEY_BYTES
    assert (state / "ledger.vkey").read_text() == ended.out
    vkey = parse_vkey(ended.out.strip())
    assert vkey.name == "door.example/gateway-1"
    with Reader.open(state / "ledger.db") as reader:
        assert reader.size() == 1
    key = (state / "ledger.key").read_bytes()

    again = command("init", "--config", str(config))
    assert (again.code, again.out) == (1, "")
    assert "never replaced" in again.err
    assert (state / "ledger.key").read_bytes() == key


def test_init_keeps_a_key_that_is_there(
    command: Run, config: Path, tmp_path: Path
) -> None:
    first = command("init", "--config", str(config)).out
    for name in ("ledger.db", "ledger.seal", "ledger.seal-key"):
        (tmp_path / "state" / name).unlink()
    assert command("init", "--config", str(config)).out == first


def test_an_init_that_was_cut_off_is_made_with_the_same_keys(
    command: Run, config: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    first = command("init", "--config", str(config)).out
    handed_over = (state / "ledger.seal-key").read_bytes()
    seal = Seal.first(load_first_key(state / "ledger.seal-key"))
    for torn in (seal.encode(), b"", None):
        (state / "ledger.db").unlink()
        (state / "ledger.seal").unlink()
        if torn is not None:
            (state / "ledger.seal").write_bytes(torn)
        assert command("init", "--config", str(config)).out == first
        assert (state / "ledger.seal-key").read_bytes() == handed_over
        assert read_seal(state / "ledger.seal") == seal  # it will catch up
        verdict = open_and_verify(state, first.strip())
        assert verdict.sealed, verdict


def open_and_verify(state: Path, vkey: str) -> Verdict:
    key = SigningKey.load(state / "ledger.key")
    Writer.open(state / "ledger.db", key).close()
    with Reader.open(state / "ledger.db") as reader:
        return verify_lines(
            list(export_lines(reader, key=key)),
            vkey=vkey,
            seal_key=load_first_key(state / "ledger.seal-key"),
        )


def test_a_lost_ledger_is_not_begun_again_beside_its_seal(
    command: Run, config: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    vkey = command("init", "--config", str(config)).out.strip()
    open_and_verify(state, vkey)  # now the seal has seen an entry
    (state / "ledger.seal-key").unlink()  # and its key is the auditor's
    for ledger_is_there in (True, False):
        if not ledger_is_there:
            (state / "ledger.db").unlink()
        assert command("init", "--config", str(config)).code == 1
        assert not (state / "ledger.seal-key").exists()
        assert (state / "ledger.db").exists() is ledger_is_there
        assert read_seal(state / "ledger.seal").n == 1


def test_init_says_where_it_may_not(command: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ended = command("init", "--config", str(config))
    assert ended.code == 78
    assert "cannot be made" in ended.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_init_by_root_leaves_all_to_the_gateways_user(
    command: Run, config: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 64_021, 64_022)
    assert command("init", "--config", str(config)).code == 0
    owners = {p.name: (p.stat().st_uid, p.stat().st_gid) for p in state.iterdir()}
    assert owners.pop("ledger.seal-key")[0] == 0  # which that user must not have
    assert set(owners.values()) == {(64_021, 64_022)}


def test_run_hands_over_config_and_place(
    command: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def run(found: Config, simulated: Path | None) -> int:
        seen.append((found.site.id, simulated))
        return 5

    bootstrap = ModuleType("gateway.bootstrap")
    monkeypatch.setattr(bootstrap, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, bootstrap.__name__, bootstrap)
    words = ("run", "--config", str(config))
    assert command(*words).code == 5
    assert command(*words, "--simulated", str(tmp_path)).code == 5
    assert seen == [("example-site", None), ("example-site", tmp_path)]


def test_demo_hands_over_and_is_plain_where_nobody_watches(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    class Console(Enum):
        NEVER = "never"

    def demo(*arguments: Any, **named: Any) -> int:
        seen.append((arguments, named))
        return 3

    module = ModuleType("gateway.sim.demo")
    monkeypatch.setattr(module, "Console", Console, raising=False)
    monkeypatch.setattr(module, "demo", demo, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    words = ("demo", "--keys", "200", "--seed", "7", "--out", str(tmp_path))
    assert command(*words).code == 3
    quiet = {"plain": True, "picture": None, "console": Console.NEVER}
    assert seen == [((200, 7, tmp_path), quiet)]


def test_demo_without_its_packages_says_what_to_do(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Absent:
        """An importer for which one module does not exist."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == "gateway.sim.demo":
                raise ModuleNotFoundError(name="bumble")

    monkeypatch.delitem(sys.modules, "gateway.sim.demo", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    ended = command("demo")
    assert ended.code == 1
    assert "bumble is not installed" in ended.err


# As processes, where only a process shows it.


def test_a_closed_pipe_is_quiet() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "print-config"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(30) == 141


def test_the_version_and_a_light_start() -> None:
    heavy = {"fastapi", "httpx", "pydantic", "textual", "cryptography", "asyncio"}
    code = (
        "import sys, gateway.cli; gateway.cli.make_parser();"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"


def test_the_console_needs_a_terminal(tmp_path: Path) -> None:
    ended = keyra("--socket", str(tmp_path / "s"), "console", stdin=subprocess.DEVNULL)
    assert ended.returncode == 64
    assert ended.stderr == (
        "keyra: The console needs a terminal; `keyra status` and `keyra tail` do not.\n"
    )


def test_a_folder_called_tui_is_not_what_console_opens(tmp_path: Path) -> None:
    (tmp_path / "tui").mkdir()
    (tmp_path / "tui" / "__main__.py").write_text("print('planted')")
    ended = keyra("console", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert "planted" not in ended.stdout
    assert ended.returncode == 64
