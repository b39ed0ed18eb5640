"""`keyra …`: everything that can be done at a gateway without its console.

How it ends is one of EXIT_CODES; what went wrong is one sentence on stderr.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from gateway.cli.parser import make_parser
from gateway.errors import KeyraError

EXIT_CODES: Final = {
    0: "done",
    1: "refused, or not done; of doctor, explain and tests: something is not right",
    64: "wrong use of the command line",
    69: "the gateway, or hardware, is out of reach",
    70: "a mistake of this program",
    73: "something is in the way: a gateway that runs already",
    74: "the disk failed",
    77: "not allowed",
    78: "the settings are wrong",
    130: "ended by Ctrl-C",
    141: "nobody reads its output any more",
    143: "ended by the system",
}
"""Those of sysexits.h where it has one, and 128 + the signal's number."""

EX_SOFTWARE: Final = 70
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT
EXIT_PIPE_CLOSED: Final = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code, and raises nothing.

    With KEYRA_DEBUG=1 what went wrong is raised, so that its traceback is seen.
    """
    try:
        options = make_parser().parse_args(argv)
        code: int = getattr(import_module(options.module), options.verb)(options)
        sys.stdout.flush()
    except SystemExit as end:  # argparse has said everything
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout at its end; there must be somewhere to flush it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE_CLOSED
    except Exception as error:
        if os.environ.get("KEYRA_DEBUG") == "1":
            raise
        return _failed(error)
    return code


def _failed(error: Exception) -> int:
    from ledger.errors import LedgerError  # noqa: PLC0415 - only where it is needed

    if isinstance(error, KeyraError):
        sys.stderr.write(f"keyra: {error}\n")
        return error.exit_code
    if isinstance(error, LedgerError):
        sys.stderr.write(f"keyra: {error}\n")
        return 1
    sys.stderr.write(
        f"keyra: a mistake of this program ({type(error).__name__}: {error}); "
        "KEYRA_DEBUG=1 shows where.\n"
    )
    return EX_SOFTWARE
