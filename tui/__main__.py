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
    parser.add_argument("--read-only", action="store_true")
    options = parser.parse_args()
    # Textual reads from stdin, and draws on stderr.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write(
            "keyra: The console needs a terminal; `keyra status` and `keyra tail` do "
            "not.\n"
        )
        return EX_USAGE
    return asyncio.run(_opened(options.socket, read_only=options.read_only))


async def _opened(socket: str, *, read_only: bool) -> int:
    return await attended(KeyraConsole(AsyncClient(socket), read_only=read_only))


if __name__ == "__main__":
    sys.exit(main())
