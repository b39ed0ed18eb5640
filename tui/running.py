"""Runs a console so that the terminal is whole again, whichever way it ends."""

import asyncio
import signal
from typing import Any

from textual.app import App


async def attended(console: App[Any]) -> int:
    """Run until it is closed, told to stop, or the terminal is gone; the exit code."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, console.exit)
    await console.run_async()
    return console.return_code or 0
