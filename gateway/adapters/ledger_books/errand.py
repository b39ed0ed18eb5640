"""One command of `keyra-ledger`, as a humble process: an export or a verification."""

import sys

from gateway.adapters.ledger_books.humble import be_humble
from ledger.cli import run

if __name__ == "__main__":
    be_humble()
    sys.exit(run(sys.argv[1:]))
