"""A line of the simulator's pins board, over the board's own unix socket.

    {"claim":"strike","level":0|1}  → {"ok":true}
    {"set":0|1}                     → {"ok":true,"up_ns":…}
    anything wrong                  → {"ok":false,"error":"…"}

Closing the connection gives the line back; the board then keeps it or lets it float.
"""

import json
import socket
from typing import Any, Final

from gateway.errors import HardwareMissingError
from gateway.strike.wiring import Level

REPLY_BYTES_MAX: Final = 512
REPLY_MS_MAX: Final = 1_000


class SimLine:
    """A claimed pin of the board that listens at `path`."""

    def __init__(self, path: str, pin: str, level: Level) -> None:
        self._path: Final = path
        self._board: Final = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._board.settimeout(REPLY_MS_MAX / 1000)
        try:
            self._board.connect(path)
            self._ask({"claim": pin, "level": level})
        except OSError as error:
            self._board.close()
            raise HardwareMissingError(
                f"No pins board answers at {path} ({error.strerror or error}); "
                "start the simulator first."
            ) from error
        except HardwareMissingError:
            self._board.close()
            raise

    def set(self, level: Level) -> None:
        """Drive the pin; see OutputLine."""
        try:
            self._ask({"set": level})
        except OSError as error:
            raise HardwareMissingError(
                f"The pins board at {self._path} went away ({error})."
            ) from error

    def close(self) -> None:
        """Give the pin back."""
        self._board.close()

    def _ask(self, request: dict[str, Any]) -> None:
        self._board.sendall(json.dumps(request).encode() + b"\n")
        reply = b""
        while not reply.endswith(b"\n"):
            chunk = self._board.recv(REPLY_BYTES_MAX - len(reply))
            if not chunk:
                raise ConnectionResetError("it closed the connection")
            reply += chunk
        try:
            answer = json.loads(reply)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            raise HardwareMissingError(
                f"The pins board at {self._path} refused: {reply!r:.120}"
            )
