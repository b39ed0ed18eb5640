"""The product on the machine: how it is installed, set up, started and asked."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.strike.wiring import Lock, Relay
from tests.appliance.machine import Machine

INSTALL_S_MAX: Final = 600
READY_S_MAX: Final = 120
CONFIG_PATH: Final = "/etc/keyra/gateway.toml"
LEDGER_PATH: Final = "/var/lib/keyra/ledger.db"
VKEY_PATH: Final = "/var/lib/keyra/ledger.vkey"
CONTACT_LINE: Final = 27
EXIT_LINE: Final = 22


@dataclass(frozen=True, slots=True)
class Wires:
    """How the door hangs on the board.

    Attributes:
        door: settings of [door] beside those of lock and relay.
    """

    relay: Relay = Relay.ACTIVE_HIGH
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

    async def install(self) -> None:
        """Install from the payload."""
        await self._machine.run(
            "mkdir -p /run/payload && tar -C /run/payload -xf /dev/vdb"
        )
        await self._machine.run(
            "set -e; cd /run/payload; python3 -m venv /opt/keyra;"
            " /opt/keyra/bin/pip install --quiet --no-index --no-deps --no-compile"
            "   --disable-pip-version-check wheels/*.whl;"
            " ln -s /usr/lib/python3/dist-packages/lgpio.py"
            "   /usr/lib/python3/dist-packages/_lgpio*.so"
            "   /opt/keyra/lib/python3*/site-packages/;"
            " /opt/keyra/bin/python -m compileall -q -j 2 /opt/keyra/lib || true;"
            " cp systemd/*.service /etc/systemd/system/;"
            " cp systemd/keyra.sysusers.conf /usr/lib/sysusers.d/keyra.conf;"
            " cp systemd/keyra.tmpfiles.conf /usr/lib/tmpfiles.d/keyra.conf;"
            " systemd-sysusers; systemd-tmpfiles --create keyra.conf;"
            " install -d -o keyra -g keyra -m 0700 /var/lib/keyra;"
            " systemctl daemon-reload",
            INSTALL_S_MAX,
        )

    async def configure(self, wires: Wires) -> None:
        """Write the config; a running product does not notice."""
        root_der, aaguid = self._chain
        root = x509.load_der_x509_certificate(root_der)
        await self._machine.put("/etc/keyra/root.pem", root.public_bytes(Encoding.PEM))
        await self._machine.put(CONFIG_PATH, _config(wires, UUID(bytes=aaguid)))
        uid = await self._machine.run("id -u keyra")
        await self._machine.put(
            "/etc/keyra/strike.env",
            f"KEYRA_STRIKE=--line gpio:0:{wires.strike_line} --uid {uid}"
            f" --lock {wires.lock.value} --relay {wires.relay.value}\n",
        )
        await self._machine.run("chgrp -R keyra /etc/keyra; chmod 640 /etc/keyra/*")

    async def begin(self) -> None:
        """Make the ledger, and have both processes started at each boot."""
        await self._machine.run(f"/opt/keyra/bin/keyra init --config {CONFIG_PATH}")
        await self._machine.run("systemctl enable keyra-strike keyra-gateway")

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
        await self._machine.until(
            "/opt/keyra/bin/keyra status --json 2>/dev/null |"
            """ grep -q '"scanning": *true.*"strike_reachable": *true'""",
            READY_S_MAX,
        )

    async def status(self) -> dict[str, object]:
        """Return what `keyra status` says."""
        said = json.loads(await self._machine.run("/opt/keyra/bin/keyra status --json"))
        return dict(said)

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
            "release_s": 2,
            "on_untrusted_time": "allow",
            **wires.door,
        },
        "pins": {"strike": wires.strike_line, "exit": EXIT_LINE},
        "trust": {"roots": ["/etc/keyra/root.pem"], "aaguids": [str(aaguid)]},
    }
    text = io.StringIO()
    for name, members in sections.items():
        text.write(f"[{name}]\n")
        # JSON's strings, numbers, booleans and lists are TOML's too.
        text.writelines(f"{key} = {json.dumps(v)}\n" for key, v in members.items())
    text.write('[[group]]\nid = "staff"\ndoors = ["front-door"]\n')
    return text.getvalue()
