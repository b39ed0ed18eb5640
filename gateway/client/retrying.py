"""Asking again when an answer got lost, without I/O; both clients do what this says.

What reads may be asked again at will. What creates carries an Idempotency-Key, so that
the gateway carries it out once however often it is asked. Everything else is not
repeated, and nothing is where no gateway listens: one that was started anew has
forgotten the keys.
"""

from typing import Any, Final
from uuid import uuid4

from gateway.client.calls import Call
from gateway.errors import AnswerLostError, ApiError, KeyraError, UnreachableError

PAUSES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
IN_FLIGHT: Final = "idempotency-key-in-flight"

_CREATING: Final = "POST"
_REPEATABLE: Final = frozenset({"GET", _CREATING})


class Attempts:
    """One request and its repetitions.

    Attributes:
        headers: what to send each time.
    """

    def __init__(self, call: Call[Any]) -> None:
        self.headers: Final = {"content-type": "application/json"} if call.body else {}
        if call.method == _CREATING:
            self.headers["idempotency-key"] = uuid4().hex
        self._pauses_s: Final = iter(PAUSES_S if call.method in _REPEATABLE else ())
        self._lost: AnswerLostError | None = None

    def pause_s(self, error: KeyraError) -> float:
        """Return how long to wait before asking again.

        Raises:
            KeyraError: that error, since it is time to give up; or the answer lost
                before, where it is now unknown what came of the request.
        """
        if isinstance(error, AnswerLostError):
            self._lost = error
        elif not (isinstance(error, ApiError) and error.code == IN_FLIGHT):
            unreached = isinstance(error, UnreachableError) and self._lost
            raise unreached or error
        pause_s = next(self._pauses_s, None)
        if pause_s is None:
            raise error
        return pause_s
