"""How a part of a simulated key ends a request."""

from typing import Final

from gateway.ctap.status import CtapStatus


class RefusedError(Exception):
    """Ends a request with a CTAP status."""

    def __init__(self, status: CtapStatus) -> None:
        super().__init__(status.name)
        self.status: Final = status
