"""A device tree that calls QEMU's board a Pi, for a kind of machine that has one."""

import asyncio
from pathlib import Path
from typing import Final

from tests.appliance.kind import Kind

# A Pi 4 Model B, revision 1.5; the same as rig-board says where there is no tree.
_MODEL: Final = "Raspberry Pi 4 Model B Rev 1.5"
_REVISION: Final = "c03115"
# The board's own GPIO chip and the button on it, which no Pi has: the first chip is to
# be the simulated one.
_NO_PI_HAS: Final = ("/gpio-keys", "/pl061@9030000")


def changes(tree: Path) -> list[list[str]]:
    """Return the calls of fdtput that make a tree a Pi's."""
    file = str(tree)
    return [
        ["fdtput", "-t", "s", file, "/", "model", _MODEL],
        ["fdtput", "-p", "-c", file, "/system"],
        ["fdtput", "-t", "x", file, "/system", "linux,revision", _REVISION],
        *(["fdtput", "-r", file, node] for node in _NO_PI_HAS),
    ]


async def make_device_tree(kind: Kind, memory: tuple[str, ...], tree: Path) -> None:
    """Write the device tree of a board.

    Args:
        memory: QEMU's arguments for it; the tree tells how much there is.
        tree: the file to write.

    Raises:
        OSError: it could not be made.
    """
    idle = ("-nodefaults", "-display", "none")
    calls = [[kind.emulator, *kind.board(dump=tree), *memory, *idle], *changes(tree)]
    for call in calls:
        process = await asyncio.create_subprocess_exec(
            *call, stdin=asyncio.subprocess.DEVNULL
        )
        if await process.wait() != 0:
            raise OSError(f"`{' '.join(call)}` failed: no device tree for {kind}.")
