"""The product on the machine: how it is installed, set up, started and asked."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.strike.wiring import Lock, Relay
from tests.appliance.machine import Machine

INSTALL_S_MAX: Final = 1_800
READY_S_MAX: Final = 300
KEYRA: Final = "/usr/local/bin/keyra"
INSTALL: Final = (
    "/srv/payload/tree/install.sh --unattended --offline /srv/payload/wheelhouse"
    " --config /srv/gateway.toml"
)
CONFIG_PATH: Final = "/etc/keyra/gateway.toml"
ROOT_PATH: Final = "/usr/local/share/keyra-root.pem"
LEDGER_PATH: Final = "/var/lib/keyra/ledger.db"
VKEY_PATH: Final = "/var/lib/keyra/ledger.vkey"
SEAL_KEY_PATH: Final = "/var/lib/keyra/ledger.seal-key"
CONTACT_LINE: Final = 27
EXIT_LINE: Final = 22
_SOCKET: Final = "/run/keyra/gateway.sock"
# Python is slow to start under emulation, and this is asked often.
_STATUS: Final = (
    f"curl --silent --max-time 5 --unix-socket {_SOCKET} http://localhost/v1/status"
)


@dataclass(frozen=True, slots=True)
class Wires:
    """How the door hangs on the board.

    Attributes:
        door: settings of [door] beside those of lock and relay.
    """

    relay: Relay = Relay.ACTIVE_HIGH
    release_ms: int = 2_000
    lock: Lock = Lock.FAIL_SECURE
    door: Mapping[str, object] = field(default_factory=dict)

    @property
    def strike_line(self) -> int:
        """A line whose pull at reset does not release such a door."""
        return 17 if self.relay is Relay.ACTIVE_HIGH else 4


class Product:
    """The gateway on one machine.

    Args:
        machine: switched on.
        chain: root certificate (DER) and AAGUID of the keys on this air.
    """

    def __init__(self, machine: Machine, chain: tuple[bytes, bytes]) -> None:
        self._machine: Final = machine
        self._chain: Final = chain

    async def install(self, wires: Wires) -> str:
        """Install from the payload, as the owner of a door would; return what it said.

        Nothing is started: the next boot does that.
        """
        await self._machine.run(
            "mkdir -p /srv/payload && tar -C /srv/payload -xf /dev/vdb"
        )
        root_der, aaguid = self._chain
        root = x509.load_der_x509_certificate(root_der)
        await self._machine.put(ROOT_PATH, root.public_bytes(Encoding.PEM))
        await self._machine.put("/srv/gateway.toml", _config(wires, UUID(bytes=aaguid)))
        return await self._machine.run(f"{INSTALL} --no-start 2>&1", INSTALL_S_MAX)

    async def rewire(self, wires: Wires) -> None:
        """Change lock, relay and line of a product that is stopped."""
        _, aaguid = self._chain
        await self._machine.put("/srv/gateway.toml", _config(wires, UUID(bytes=aaguid)))
        await self._machine.run(
            f"cp /srv/gateway.toml {CONFIG_PATH};"
            f" {KEYRA} print-strike env --uid $(id -u keyra) --config {CONFIG_PATH}"
            " >/etc/keyra/strike.env"
        )

    async def start(self) -> None:
        """Start both processes and wait until the gateway is ready."""
        await self._machine.run(
            "systemctl start keyra-strike keyra-gateway", READY_S_MAX
        )

    async def stop(self) -> None:
        """Stop both processes."""
        await self._machine.run("systemctl stop keyra-gateway keyra-strike")

    async def ready(self) -> None:
        """Wait until the gateway hears its radio and reaches its strike."""
        # Without its socket there is nothing to ask; and curl, started again and again,
        # takes the processor that the gateway needs to start.
        await self._machine.until(
            f"""[ -S {_SOCKET} ] && status=$({_STATUS}) &&"""
            """ echo "$status" | grep -q '"scanning": *true' &&"""
            """ echo "$status" | grep -q '"strike_reachable": *true'""",
            READY_S_MAX,
        )

    async def status(self) -> Mapping[str, Any]:
        """Return the gateway's own account of itself."""
        return dict(json.loads(await self._machine.run(_STATUS)))

    async def log(self) -> str:
        """Return the last of what both processes wrote."""
        return await self._machine.run(
            "journalctl --no-pager -o short-monotonic -n 60"
            " -u keyra-gateway -u keyra-strike -u bluetooth -u rig-adapter"
        )


def _config(wires: Wires, aaguid: UUID) -> str:
    sections: Mapping[str, Mapping[str, object]] = {
        "site": {"id": "rig", "rp_id": "door.example", "zone": "Etc/UTC"},
        "gateway": {"id": "gateway-1"},
        "door": {
            "id": "front-door",
            "lock": wires.lock.value,
            "relay": wires.relay.value,
            "contact": False,
            "release_s": wires.release_ms / 1000,
            **wires.door,
        },
        "pins": {"strike": wires.strike_line, "exit": EXIT_LINE},
        "trust": {"roots": [ROOT_PATH], "aaguids": [str(aaguid)]},
    }
    text = io.StringIO()
    for name, members in sections.items():
        text.write(f"[{name}]\n")
        # JSON's strings, numbers, booleans and lists are TOML's too.
        text.writelines(f"{key} = {json.dumps(v)}\n" for key, v in members.items())
    text.write('[[group]]\nid = "staff"\ndoors = ["front-door"]\n')
    return text.getvalue()
