"""How a process beside the door makes itself small."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

NICENESS: Final = 19
OOM_SCORE: Final = 1000


def be_humble(niceness: int = NICENESS) -> None:
    """Let everybody else run first, and be the first to go when memory is short."""
    with suppress(OSError):  # a sandbox may forbid either; nothing depends on them
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}\n")
