"""The few words between the gateway and keyra-strike: one ASCII line each way.

release <serial> <duration_ms>    serial: the grant's entry, or -1 for an exit
lease <duration_ms>               hold released so long from now; asked again and again
secure | alive | status          all but status are signs of life
→ ok <up_ms> <secured|released>   once the line has moved
→ error <code>
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

LINE_BYTES_MAX: Final = 64
EXIT_SERIAL: Final = -1

_RELEASE: Final = re.compile(rb"release (-1|0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,8})")
_LEASE: Final = re.compile(rb"lease (0|[1-9][0-9]{0,8})")
_OK: Final = re.compile(rb"ok (0|[1-9][0-9]{0,18}) (secured|released)")
_ERROR: Final = re.compile(rb"error ([a-z-]{1,32})")


class Word(Enum):
    """What a peer may say."""

    RELEASE = "release"
    LEASE = "lease"
    SECURE = "secure"
    ALIVE = "alive"
    STATUS = "status"


class Refusal(Enum):
    """Stable codes of what keyra-strike does not do, each with its sentence."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """Build a member from its code and its sentence."""
        member = object.__new__(cls)
        member._value_ = code
        member.sentence = sentence
        return member

    MALFORMED = "malformed", "keyra-strike did not understand the command."
    BUSY = "busy", "keyra-strike has its peer already; look for a second gateway."
    FORBIDDEN = "forbidden", "keyra-strike does not serve this user; see its --uid."
    SILENT = "silent", "keyra-strike gave the gateway up as silent."
    SERIAL = (
        "serial-not-rising",
        "keyra-strike served this entry or a later one; restart it with a new ledger.",
    )
    DURATION = (
        "duration-out-of-bounds",
        "keyra-strike does not release for so long; see its --momentary-ms-max.",
    )
    LEASE = (
        "lease-out-of-bounds",
        "keyra-strike does not hold for so long at a time; see its --lease-ms-max.",
    )
    EXIT_RATE = "exit-rate", "Too many exit requests within a minute."


@dataclass(frozen=True, slots=True)
class Request:
    """One command; a serial counts for a release only, a duration for a lease too."""

    word: Word
    serial: int = 0
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: the moment and the state, or why not."""

    refusal: Refusal | None
    up_ms: int = 0
    released: bool = False


def parse_request(line: bytes) -> Request | None:
    """Read one line without its newline; None if it is malformed."""
    match = _RELEASE.fullmatch(line)
    if match:
        return Request(Word.RELEASE, int(match[1]), int(match[2]))
    match = _LEASE.fullmatch(line)
    if match:
        return Request(Word.LEASE, duration_ms=int(match[1]))
    for word in (Word.SECURE, Word.ALIVE, Word.STATUS):
        if line == word.value.encode():
            return Request(word)
    return None


def render_request(request: Request) -> bytes:
    """Return the line, newline included."""
    if request.word is Word.RELEASE:
        return f"release {request.serial} {request.duration_ms}\n".encode()
    if request.word is Word.LEASE:
        return f"lease {request.duration_ms}\n".encode()
    return f"{request.word.value}\n".encode()


def parse_reply(line: bytes) -> Reply | None:
    """Read one line without its newline; None if it is malformed."""
    ok = _OK.fullmatch(line)
    if ok:
        return Reply(None, int(ok[1]), released=ok[2] == b"released")
    error = _ERROR.fullmatch(line)
    if error is None:
        return None
    return next((Reply(r) for r in Refusal if r.value.encode() == error[1]), None)


def render_reply(reply: Reply) -> bytes:
    """Return the line, newline included."""
    if reply.refusal is not None:
        return f"error {reply.refusal.value}\n".encode()
    state = "released" if reply.released else "secured"
    return f"ok {reply.up_ms} {state}\n".encode()
