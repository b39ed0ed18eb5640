"""A whole simulated site on one machine: world, strike and gateway, a process each.

The processes are the product's own; only the air, the keys and the pins are simulated,
and they live in the world's process, which survives what happens to the other two. The
demonstration, the kill tests and the benches all stand on this.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.client import AsyncClient
from gateway.errors import SimulationError
from gateway.sim.remote import RemoteWorld
from gateway.strike.wiring import Lock, Relay

API_SOCKET: Final = "gateway.sock"
STRIKE_SOCKET: Final = "strike.sock"
CONFIG_FILE: Final = "gateway.toml"
VKEY_NAME: Final = "ledger.vkey"
SEAL_KEY_NAME: Final = "ledger.seal-key"
ROOT_FILE: Final = "keyra-root.pem"
START_S_MAX: Final = 60
STOP_S_MAX: Final = 15
SOCKET_CHARS_MAX: Final = 90
_LOOK_AGAIN_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What is built.

    Attributes:
        directory: where everything lives; short, since sockets have short names.
        keys: how many keys the world has from the start (k0001, k0002, …).
        outputs: "keep" or "float": what a line does when its holder dies.
        door: settings of [door] beside those of lock and relay.
        schedules: windows by schedule.
        groups: schedule by group; None for always.
    """

    directory: Path
    seed: int = 1
    keys: int = 0
    lock: Lock = Lock.FAIL_SECURE
    relay: Relay = Relay.ACTIVE_HIGH
    outputs: str = "keep"
    door: Mapping[str, object] = field(default_factory=dict)
    schedules: Mapping[str, Sequence[str]] = field(default_factory=dict)
    groups: Mapping[str, str | None] = field(default_factory=lambda: {"staff": None})


class SimulatedSite:
    """The three processes; use it with `async with`."""

    def __init__(self, plan: SitePlan) -> None:
        """Take a plan; `start` builds it."""
        self.plan: Final = plan
        self.config_path: Final = plan.directory / CONFIG_FILE
        self.state_dir: Final = plan.directory / "state"
        self._world_process: Process | None = None
        self._strike: Process | None = None
        self._gateway: Process | None = None
        self._logs: Final[list[IO[bytes]]] = []
        self._world: RemoteWorld | None = None
        self._peak_rss_kib = 0

    @property
    def world(self) -> RemoteWorld:
        """The air, the keys, the pins and the door."""
        if self._world is None:
            raise SimulationError("The site has not been started.")
        return self._world

    @property
    def gateway_pid(self) -> int:
        """The gateway's process id."""
        if self._gateway is None:
            raise SimulationError("The gateway does not run.")
        return self._gateway.pid

    @property
    def ledger_path(self) -> Path:
        """The access ledger."""
        return self.state_dir / "ledger.db"

    @property
    def seal_key_path(self) -> Path:
        """The seal's first key, where an auditor would have it: not with the door."""
        return self.plan.directory / SEAL_KEY_NAME

    def client(self) -> AsyncClient:
        """Return a new client of the local socket."""
        return AsyncClient(str(self.plan.directory / API_SOCKET))

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the world, write the config, make the ledger, start the rest.

        Raises:
            SimulationError: a process did not become ready; says where its log is.
        """
        directory = self.plan.directory
        if len(str(directory)) > SOCKET_CHARS_MAX:
            raise SimulationError(
                f"{directory} is too long a name for sockets: give a directory of at "
                f"most {SOCKET_CHARS_MAX} characters."
            )
        directory.mkdir(parents=True, exist_ok=True)
        await self._start_world()
        self._world = await RemoteWorld.connect(directory)
        root, aaguid = await self._world.chain()
        self._write_config(root, aaguid)
        if not self.ledger_path.exists():
            await self._run("gateway", "init", "--config", str(self.config_path))
            (self.state_dir / SEAL_KEY_NAME).rename(self.seal_key_path)
        await self.start_strike()
        await self.start_gateway()

    async def start_strike(self) -> None:
        """Start keyra-strike on the simulated line."""
        directory = self.plan.directory
        door = self._door()
        (directory / STRIKE_SOCKET).unlink(missing_ok=True)  # of one that was killed
        self._strike = await self._spawn(
            "strike",
            "gateway.strike",
            f"--socket={directory / STRIKE_SOCKET}",
            f"--line=sim:{directory / 'pins.sock'}:strike",
            f"--lock={door['lock']}",
            f"--relay={door['relay']}",
        )
        await self._until((directory / STRIKE_SOCKET).exists, self._strike, "strike")

    async def start_gateway(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the gateway and wait until its door works."""
        self._gateway = await self._spawn(
            "gateway",
            "gateway",
            "run",
            f"--config={self.config_path}",
            f"--simulated={self.plan.directory}",
            environment=environment,
        )
        socket = self.plan.directory / API_SOCKET
        await self._until(socket.is_socket, self._gateway, "gateway")

    async def kill_gateway(self) -> None:
        """Kill it as `kill -9` does."""
        self.gateway_peak_rss_kib()
        await self._end(self._gateway, signal.SIGKILL)
        self._gateway = None

    async def gateway_died(self) -> int:
        """Wait until the gateway has ended by itself; return its exit code."""
        if self._gateway is None:
            raise SimulationError("The gateway does not run.")
        code = await self._gateway.wait()
        self._gateway = None
        (self.plan.directory / API_SOCKET).unlink(missing_ok=True)
        return code

    async def cut_power(self) -> None:
        """Kill gateway and strike at once; the world, which is not ours, goes on."""
        self.gateway_peak_rss_kib()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._end(self._gateway, signal.SIGKILL))
            group.create_task(self._end(self._strike, signal.SIGKILL))
        self._gateway = self._strike = None

    async def stop_gateway(self) -> int:
        """Stop it in good order; return its exit code."""
        code = await self._end(self._gateway, signal.SIGTERM)
        self._gateway = None
        return code

    async def stop(self) -> None:
        """Stop everything; never raises for a process that is gone already."""
        for process in (self._gateway, self._strike):
            await self._end(process, signal.SIGTERM)
        if self._world is not None:
            await self._world.__aexit__(None, None, None)
        await self._end(self._world_process, signal.SIGTERM)
        self._gateway = self._strike = self._world_process = self._world = None
        while self._logs:
            self._logs.pop().close()

    def gateway_peak_rss_kib(self) -> int:
        """Return the most memory that any of the gateway's processes had resident."""
        if self._gateway is not None and self._gateway.returncode is None:
            self._peak_rss_kib = max(self._peak_rss_kib, self._present_peak_kib())
        return self._peak_rss_kib

    def _present_peak_kib(self) -> int:
        status = Path(f"/proc/{self.gateway_pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
        return 0  # it has just been killed, and has no memory any more

    # Building.

    def _door(self) -> dict[str, object]:
        return {
            "id": "front-door",
            "lock": self.plan.lock.value,
            "relay": self.plan.relay.value,
            "contact": True,
            **self.plan.door,
        }

    def _write_config(self, root_der: bytes, aaguid: bytes) -> None:
        directory = self.plan.directory
        root = x509.load_der_x509_certificate(root_der)
        (directory / ROOT_FILE).write_bytes(root.public_bytes(Encoding.PEM))
        sections: list[tuple[str, Mapping[str, object]]] = [
            ("[site]", {"id": "demo", "rp_id": "door.example", "zone": "Etc/UTC"}),
            ("[gateway]", {"id": "gateway-1", "state_dir": str(self.state_dir)}),
            ("[door]", self._door()),
            ("[strike]", {"socket": str(directory / STRIKE_SOCKET)}),
            # The pin that a relay of this polarity may use (DOOR.md, law 4).
            (
                "[pins]",
                {
                    "strike": 17 if self.plan.relay is Relay.ACTIVE_HIGH else 4,
                    "contact": 27,
                    "exit": 22,
                },
            ),
            (
                "[trust]",
                {
                    "roots": [str(directory / ROOT_FILE)],
                    "aaguids": [str(UUID(bytes=aaguid))],
                },
            ),
        ]
        sections += [
            ("[[schedule]]", {"id": name, "windows": list(windows)})
            for name, windows in self.plan.schedules.items()
        ]
        sections += [
            ("[[group]]", {"id": name, "doors": ["front-door"]} | _named(schedule))
            for name, schedule in self.plan.groups.items()
        ]
        lines: list[str] = []
        for header, members in sections:
            lines.append(header)
            # JSON's strings, numbers, booleans and lists are TOML's too.
            lines += [f"{key} = {json.dumps(value)}" for key, value in members.items()]
        self.config_path.write_text("\n".join(lines) + "\n")

    # Processes.

    async def _start_world(self) -> None:
        self._world_process = await self._spawn(
            "world",
            "gateway.sim.world",
            f"--dir={self.plan.directory}",
            f"--seed={self.plan.seed}",
            f"--keys={self.plan.keys}",
            f"--lock={self.plan.lock.value}",
            f"--relay={self.plan.relay.value}",
            f"--outputs={self.plan.outputs}",
            "--with-parent",
            pipes=True,
        )
        stdout = self._world_process.stdout
        line = b"" if stdout is None else await stdout.readline()
        if b'"ready"' not in line:
            raise self._failed("world")

    async def _spawn(
        self,
        name: str,
        module: str,
        *arguments: str,
        pipes: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        log = (self.plan.directory / f"{name}.log").open("ab")
        self._logs.append(log)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=PIPE if pipes else asyncio.subprocess.DEVNULL,
            stdout=PIPE if pipes else log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )

    async def _run(self, module: str, *arguments: str) -> None:
        process = await self._spawn("init", module, *arguments)
        if await process.wait() != 0:
            raise self._failed("init")

    async def _until(self, ready: object, process: Process, name: str) -> None:
        try:
            async with asyncio.timeout(START_S_MAX):
                while not (callable(ready) and ready()):
                    if process.returncode is not None:
                        raise self._failed(name)
                    await asyncio.sleep(_LOOK_AGAIN_S)  # noqa: TID251 - other processes
        except TimeoutError:
            raise self._failed(name) from None

    def _failed(self, name: str) -> SimulationError:
        log = self.plan.directory / f"{name}.log"
        with suppress(OSError):
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            if last:
                return SimulationError(f"The {name} did not start: {last[0]} ({log})")
        return SimulationError(f"The {name} did not start; its log is {log}.")

    async def _end(self, process: Process | None, number: int) -> int:
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S_MAX):
                return await process.wait()
        except TimeoutError:
            process.kill()
            return await process.wait()
        finally:
            if process is self._gateway:
                (self.plan.directory / API_SOCKET).unlink(missing_ok=True)


def _named(schedule: str | None) -> dict[str, object]:
    return {} if schedule is None else {"schedule": schedule}
