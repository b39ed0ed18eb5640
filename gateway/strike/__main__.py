"""keyra-strike: claims the strike's line, secured, and serves the gateway.

Exit codes: 0 told to stop, 64 usage, 69 no such line, 70 a fault of its own, 73 already
running, 78 a limit out of bounds. However it ends, it drives the line first; if it is
killed, `--secure` does.
"""

import argparse
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from gateway.errors import AlreadyRunningError, HardwareMissingError, KeyraError
from gateway.strike.line import Output, open_line
from gateway.strike.machine import OnFault, StrikeLimits, StrikeMachine
from gateway.strike.notify import Notifier
from gateway.strike.secure import drive_once, level_without_strike
from gateway.strike.server import StrikeServer
from gateway.strike.wiring import Lock, Relay, Wiring

EXIT_USAGE: Final = 64
EXIT_SOFTWARE: Final = 70
SOCKET_MODE: Final = 0o660


def clock_ms() -> int:
    """Milliseconds since boot, suspend included, as in core.ids.Now.up_ms."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"keyra-strike: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Arguments(
        prog="keyra-strike",
        description="Owns the strike's output line; releases it for a bounded time.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    limits = StrikeLimits()
    add("--socket", required=True, type=Path, help="unix socket to serve at")
    add("--line", required=True, help="sim:<socket>:<pin> or gpio:<chip>:<bcm>")
    add("--lock", required=True, choices=[lock.value for lock in Lock])
    add("--relay", required=True, choices=[relay.value for relay in Relay])
    add("--secure", action="store_true", help="drive the line for a dead one, and end")
    add("--uid", type=int, action="append", help="who may be the peer; repeatable")
    for name in ("momentary_ms_max", "lease_ms_max", "silence_ms_max", "fault_ms"):
        option = f"--{name.replace('_', '-')}"
        add(option, type=int, default=getattr(limits, name), help="[%(default)s]")
    add(
        "--on-fault",
        choices=[fault.value for fault in OnFault],
        default=limits.on_fault.value,
        help="release only where a locked door endangers life [%(default)s]",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _secure(options) if options.secure else _run(options)
    except KeyraError as error:
        _complain(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the line is driven; say why and go
        _complain(f"A fault of its own ended it: {error!r}")
        return EXIT_SOFTWARE


def _complain(sentence: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"keyra-strike: {sentence}\n")


def _secure(options: argparse.Namespace) -> int:
    wiring = Wiring(Lock(options.lock), Relay(options.relay))
    level = level_without_strike(wiring, OnFault(options.on_fault), os.environ)
    with _only_one(options.socket):
        drive_once(lambda: open_line(options.line, level), time.sleep)
    return 0


def _run(options: argparse.Namespace) -> int:
    wiring = Wiring(Lock(options.lock), Relay(options.relay))
    limits = StrikeLimits(
        momentary_ms_max=options.momentary_ms_max,
        lease_ms_max=options.lease_ms_max,
        silence_ms_max=options.silence_ms_max,
        fault_ms=options.fault_ms,
        on_fault=OnFault(options.on_fault),
    )
    notifier = Notifier(os.environ)
    with (
        _signals() as wakeup,
        _only_one(options.socket),
        closing(open_line(options.line, wiring.safe_level)) as line,
        _driven_at_the_end(Output(line, wiring), limits) as output,
        closing(_listen(options.socket)) as listener,
    ):
        server = StrikeServer(
            StrikeMachine(limits, clock_ms()),
            output,
            listener,
            wakeup,
            uids=frozenset(options.uid or [os.geteuid()]),
            clock_ms=clock_ms,
            notifier=notifier,
        )
        with closing(server):
            notifier.say("READY=1")
            server.serve()
            notifier.say("STOPPING=1")
    return 0


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Turn signals into a readable socket, so that the loop ends in good order."""
    here, there = socket.socketpair()
    with here, there:
        there.setblocking(False)
        signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        try:
            yield here
        finally:
            signal.set_wakeup_fd(-1)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock beside the socket for as long as this process lives."""
    try:
        descriptor = os.open(
            path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, SOCKET_MODE
        )
    except OSError as error:
        raise HardwareMissingError(
            f"{path.parent} cannot be written ({error.strerror}); "
            "create it for this user first."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AlreadyRunningError(
            f"Another keyra-strike serves at {path}; stop it first."
        ) from error
    finally:
        os.close(descriptor)


@contextmanager
def _driven_at_the_end(output: Output, limits: StrikeLimits) -> Iterator[Output]:
    """Secure at an orderly end; at a fault, drive what was declared for faults."""
    try:
        yield output
    except BaseException:
        with suppress(HardwareMissingError):
            output.drive(released=limits.on_fault is OnFault.RELEASE)
        raise
    output.drive(released=False)


def _listen(path: Path) -> socket.socket:
    """Bind the socket; what lies there is a dead process's, since the lock is ours."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(4)
    except OSError as error:
        listener.close()
        raise HardwareMissingError(
            f"The socket {path} cannot be made ({error.strerror or error})."
        ) from error
    finally:
        os.umask(umask)
    return listener


if __name__ == "__main__":
    sys.exit(main())
