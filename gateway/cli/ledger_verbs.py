"""`keyra ledger …`: the ledger of a running gateway, read through its API.

`keyra-ledger` does the same to a file, without a gateway.
"""

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from gateway.cli.texts import instant, say, say_json, say_json_list, table
from gateway.client import Client, Disconnected
from gateway.errors import ApiError
from gateway.printing import printable
from gateway.schemas import PAGE_ITEMS_MAX
from gateway.schemas.ledger import (
    LedgerEntry,
    LedgerEntryInFull,
    LedgerQuery,
    Verification,
    VerificationOrder,
)
from ledger import qr
from ledger.verdict import Exit

POLL_S: Final = 0.3
EXITS: Final = {
    "verified": Exit.VERIFIED,
    "tampered": Exit.TAMPERED,
    "incomplete": Exit.INCOMPLETE,
    "unreadable": Exit.UNREADABLE,
}
_HEAD: Final = ("ENTRY", "TIME", "KIND", "RESULT", "HOLDER", "DOOR", "DETAIL")
_STANDARD_STREAM: Final = Path("-")


def list_entries(options: argparse.Namespace) -> int:
    """List entries."""
    with Client(options.socket) as client:
        found = list(islice(_wanted(client, options), options.count))
    if options.json:
        say_json_list(found)
    elif found:
        say("\n".join(table(_HEAD, [_row(one) for one in found])))
    else:
        say("No entry fits; leave a filter out, or see `keyra ledger stats`.")
    return 0


def _wanted(client: Client, options: argparse.Namespace) -> Iterator[LedgerEntry]:
    cursor = options.from_entry
    oldest = options.oldest
    if options.at is not None:
        cursor, oldest = client.ledger.position(options.at).n, True
        if cursor is None:
            return
    limit = min(options.count, PAGE_ITEMS_MAX)
    query = _query(options).model_copy(
        update={
            "order": "oldest" if oldest else "newest",
            "cursor": cursor,
            "limit": limit,
        }
    )
    yield from client.ledger.entries(query)


def _query(options: argparse.Namespace) -> LedgerQuery:
    return LedgerQuery(
        door=options.door,
        holder=options.holder,
        kind=options.kind,
        result=options.result,
        from_ms=options.from_ms,
        until_ms=options.until_ms,
    )


def show(options: argparse.Namespace) -> int:
    """Show one entry with its proof."""
    with Client(options.socket) as client:
        found = client.ledger.entry(options.entry)
        if options.receipt is not None:
            receipt = client.ledger.receipt(options.entry).receipt
            with options.receipt.open("x", encoding="utf-8") as file:
                file.write(receipt)
    if options.json:
        say_json(found)
    else:
        say("\n".join(entry_lines(found)))
    return 0 if found.proved else 1


def entry_lines(found: LedgerEntryInFull) -> list[str]:
    """Lay one entry out, with its proof."""
    synchronised = "" if found.err_ms >= 0 else "  (clock not synchronised)"
    proved = "leads" if found.proved else "does NOT lead"
    content = json.dumps(found.what, indent=2).splitlines()
    return [
        f"entry       {found.n}  {printable(found.kind)}",
        f"time        {instant(found.at_ms)}{synchronised}",
        f"boot        {found.boot}, {found.up_ms} ms after it",
        *(printable(line) for line in content),
        f"prev        {found.prev}",
        f"leaf        {found.leaf}",
        *(f"proof       {step}" for step in found.proof),
        f"            {proved} to the root of the checkpoint",
        f"checkpoint  {found.checkpoint.expect}",
    ]


def tail(options: argparse.Namespace) -> int:
    """Follow new entries until interrupted; a lost gateway is waited for."""
    with Client(options.socket) as client:
        query = _query(options).model_copy(update={"order": "oldest"})
        cursor = client.ledger.stats().size
        for item in client.events():
            if isinstance(item, Disconnected):
                sys.stderr.write(f"keyra: {item.why} Trying again.\n")
                continue
            page = query.model_copy(update={"cursor": cursor})
            for one in client.ledger.entries(page):
                cursor = one.n + 1
                if options.json:
                    say_json(one)
                else:
                    say("  ".join(_row(one)).rstrip())
    return 0


def verify(options: argparse.Namespace) -> int:
    """Verify the whole ledger, and wait for the verdict; Ctrl-C cancels it."""
    order = VerificationOrder(
        vkey=options.vkey, expect=options.expect, deep=options.deep
    )
    with Client(options.socket) as client:
        client.ledger.verify(order)
        try:
            found = _awaited(client)
        except KeyboardInterrupt:
            client.ledger.cancel_verification()
            raise
    if options.json:
        say_json(found)
    else:
        say("\n".join(verdict_lines(found)))
    return EXITS.get(found.state, 1)


def _awaited(client: Client) -> Verification:
    while True:
        found = client.ledger.verification()
        if found.state != "running":
            if sys.stderr.isatty():
                sys.stderr.write("\r\033[K")
            return found
        if sys.stderr.isatty():
            percent = 100 * found.done // max(1, found.whole)
            sys.stderr.write(f"\r{percent:3} % of {found.whole} entries")
            sys.stderr.flush()
        threading.Event().wait(POLL_S)


def verdict_lines(found: Verification) -> list[str]:
    """Say what verification found."""
    lines = [found.state.upper()]
    verdict = found.verdict
    if verdict is None:
        return [*lines, *([printable(found.detail)] if found.detail else [])]
    lines[0] += (
        f": {verdict.entries} entries of {printable(verdict.origin)}, "
        f"signed up to {verdict.signed}."
    )
    lines += [printable(verdict.problem)] if verdict.problem else []
    if found.state != "tampered":
        lines.append(f"Checkpoint: {verdict.entries}:{verdict.root}")
    lines += [printable(remark) for remark in verdict.remarks]
    if found.deep:
        lines.append(
            f"Deep: {verdict.openings} openings and {verdict.enrolments} enrolments "
            "checked again."
        )
    lines += [f"Entry {one.n}: {printable(one.text)}" for one in verdict.findings]
    return lines


def export(options: argparse.Namespace) -> int:
    """Write the sealed export; a file that is not whole is removed again."""
    with Client(options.socket) as client:
        pieces = client.ledger.export(options.first, options.last)
        if options.file == _STANDARD_STREAM:
            _write(sys.stdout.buffer, pieces)
            return 0
        try:
            with options.file.open("xb") as file:
                written = _write(file, pieces)
        except FileExistsError:
            raise ApiError(
                "file-exists", f"{options.file} is there already; name a new file.", 0
            ) from None
        except BaseException:
            options.file.unlink(missing_ok=True)
            raise
    if options.json:
        say(json.dumps({"file": str(options.file), "bytes": written}))
    else:
        say(f"{options.file}: {written} bytes. `keyra-ledger verify` checks it.")
    return 0


def _write(file: BinaryIO, pieces: Iterator[bytes]) -> int:
    written = 0
    for piece in pieces:
        written += file.write(piece)
    file.flush()
    return written


def checkpoint(options: argparse.Namespace) -> int:
    """Print the newest signed head."""
    with Client(options.socket) as client:
        found = client.ledger.checkpoint()
    if options.json:
        say_json(found)
    else:
        text = qr.as_text(found.note.encode()) if options.qr else found.note
        say(text.removesuffix("\n"))
    return 0


def stats(options: argparse.Namespace) -> int:
    """Count what the ledger holds."""
    with Client(options.socket) as client:
        found = client.ledger.stats()
    if options.json:
        say_json(found)
        return 0
    say(
        f"{found.size - found.first} entries from {instant(found.first_ms)} "
        f"to {instant(found.last_ms)}"
    )
    say(f"{found.entry_bytes} bytes of entries, {found.file_bytes} on disk")
    say(f"{found.notes} kept checkpoints")
    if found.counted < found.size:
        say(f"counted up to entry {found.counted} so far; ask again in a moment")
    for kind, count in found.kinds.items():
        say(f"{count:>8}  {printable(kind)}")
    return 0


def _row(one: LedgerEntry) -> tuple[str, ...]:
    words = (one.reason, one.detail)
    return (
        str(one.n),
        instant(one.at_ms),
        printable(one.kind),
        one.result or "-",
        printable(one.holder or "-"),
        printable(one.door or "-"),
        " ".join(printable(word) for word in words if word),
    )
