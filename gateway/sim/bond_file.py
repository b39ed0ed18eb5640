"""The simulated adapter's memory: its own address and its bonds, in one file.

It survives kill -9 of the gateway: each change replaces the file as a whole. BlueZ does
the same under /var/lib/bluetooth.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from bumble.keys import KeyStore, PairingKeys

from gateway.errors import SimulationError

FILE_CHARS_MAX: Final = 4_000_000


class BondFile(KeyStore):
    """A Bumble key store over one JSON file, or in memory only."""

    def __init__(self, path: Path | None, address: str) -> None:
        """Read the file; where there is none, begin with no bond.

        Args:
            path: of the file, None for memory only.
            address: the adapter's random static address, if the file names none.

        Raises:
            SimulationError: the file is not one of these.
        """
        self._path: Final = path
        self._bonds: dict[str, dict[str, Any]] = {}
        self.address = address
        if path is not None and path.exists():
            self._read(path)
        elif path is not None:
            self._write()

    async def delete(self, name: str) -> None:
        """Forget a bond; no error if there is none."""
        if self._bonds.pop(name, None) is not None:
            self._write()

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Store or replace a bond."""
        self._bonds[name] = keys.to_dict()
        self._write()

    async def get(self, name: str) -> PairingKeys | None:
        """Return a bond's keys."""
        keys = self._bonds.get(name)
        return None if keys is None else PairingKeys.from_dict(keys)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Return all bonds."""
        return [(n, PairingKeys.from_dict(keys)) for n, keys in self._bonds.items()]

    def _read(self, path: Path) -> None:
        try:
            with path.open() as file:
                content = json.loads(file.read(FILE_CHARS_MAX))
            self.address = str(content["address"])
            self._bonds = dict(content["bonds"])
            for keys in self._bonds.values():
                PairingKeys.from_dict(keys)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SimulationError(
                f"{path} is not a file of simulated bonds: remove it and enrol again."
            ) from error

    def _write(self) -> None:
        if self._path is None:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(fresh, flags, 0o600), "w") as file:  # it holds keys
            json.dump({"address": self.address, "bonds": self._bonds}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
