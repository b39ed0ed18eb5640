"""`python -m tui`: the console as a program; `keyra console` becomes it."""

import argparse
import asyncio
import sys
from typing import Final

from gateway.client import AsyncClient
from gateway.schemas import SOCKET_PATH
from tui.app import KeyraConsole
from tui.running import attended

EX_USAGE: Final = 64


def main() -> int:
    """Run the console until it is closed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="keyra console")
    parser.add_argument("--socket", default=SOCKET_PATH, metavar="PATH")
    options = parser.parse_args()
    # Textual reads from stdin, and draws on stderr.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write(
            "keyra: The console needs a terminal; `keyra status` and `keyra tail` do "
            "not.\n"
        )
        return EX_USAGE
    return asyncio.run(_opened(options.socket))


async def _opened(socket: str) -> int:
    return await attended(KeyraConsole(AsyncClient(socket)))


if __name__ == "__main__":
    sys.exit(main())
