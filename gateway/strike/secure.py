"""`keyra-strike --secure`: drives the line for a keyra-strike that is gone.

systemd runs it after each end of the service. Where the kernel keeps the output of a
dead program as it was, this ends the release that the dead one cannot end. The kernel
lets one process hold a line: while the dead one is not wholly gone, this tries again.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from gateway.errors import HardwareMissingError
from gateway.strike.line import OutputLine
from gateway.strike.machine import OnFault
from gateway.strike.wiring import Level, Wiring

TRIES_MAX: Final = 40
PAUSE_S: Final = 0.1


def level_without_strike(
    wiring: Wiring, on_fault: OnFault, environment: Mapping[str, str]
) -> Level:
    """Return the level that the line must have while there is no keyra-strike.

    Args:
        wiring: of this door.
        on_fault: what was declared for this door.
        environment: has SERVICE_RESULT where systemd saw the end (systemd.exec(5)).
    """
    orderly = environment.get("SERVICE_RESULT", "success") == "success"
    return wiring.level(released=not orderly and on_fault is OnFault.RELEASE)


def drive_once(claim: Callable[[], OutputLine], wait: Callable[[float], None]) -> None:
    """Claim the line, which drives it, and let go of it.

    Args:
        claim: claims it at the level that it must have.
        wait: lets that many seconds pass.

    Raises:
        HardwareMissingError: it could not be claimed in TRIES_MAX tries.
    """
    for _ in range(TRIES_MAX - 1):
        try:
            with closing(claim()):
                return
        except HardwareMissingError:
            wait(PAUSE_S)
    claim().close()
