"""`python -m tui.stage`: what `keyra demo --live` gives the terminal to."""

import argparse
import asyncio
import sys
from pathlib import Path

from gateway.client import AsyncClient
from gateway.errors import SimulationError
from gateway.sim.remote import RemoteWorld
from tui.running import attended
from tui.stage.app import LiveConsole
from tui.stage.hand import Hand


def main() -> int:
    """Run the console until it is closed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="keyra demo --live")
    parser.add_argument("--socket", required=True, metavar="PATH")
    parser.add_argument("--world", required=True, type=Path, metavar="DIR")
    options = parser.parse_args()
    try:
        return asyncio.run(_attended(options.socket, options.world))
    except SimulationError as error:
        sys.stderr.write(f"keyra demo: {error}\n")
        return error.exit_code


async def _attended(socket: str, world: Path) -> int:
    async with await RemoteWorld.connect(world) as connected:
        return await attended(LiveConsole(AsyncClient(socket), Hand(connected)))


if __name__ == "__main__":
    sys.exit(main())
