"""`keyra holders …`: what is done to people beside listing and enrolling them."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from gateway.cli.holder_table import (
    TABLE_BYTES_MAX,
    changed,
    read_table,
    write_table,
)
from gateway.cli.ordering import carry_out
from gateway.cli.texts import say, say_json
from gateway.client import Client
from gateway.errors import HolderTableError, HolderUnknownError, RegistryError
from gateway.order_schemas import (
    IMPORT_HOLDERS_MAX,
    HolderOrder,
    HolderStateOrder,
    ImportOrder,
    OrderWish,
)
from gateway.printing import printable
from gateway.schemas import Holder, HolderWish

# Of one order: below what the API takes, with room for what stands around them.
ORDER_BYTES_MAX: Final = 240 * 1024
_STANDARD_STREAM: Final = Path("-")


def import_table(options: argparse.Namespace) -> int:
    """Register or change everybody in a table, or nobody if any line is bad."""
    rows = read_table(_read(options.file))
    with Client(options.socket) as client:
        wishes = changed(rows, {one.id: one for one in client.holders()})
        orders = [ImportOrder(kind="import", holders=part) for part in parts(wishes)]
        # All of them, before the first is carried out: the gateway may refuse one.
        previews = [client.propose(order, dry_run=True) for order in orders]
        lines = [line for preview in previews for line in preview.text]
        if options.dry_run:
            _told(options, lines, (len(rows), len(wishes), 0))
            return 0
        done = 0
        for order in orders:
            if not carry_out(client, options, order):
                if options.json:
                    return 0  # it has told what is missing
                break
            done += len(order.holders)
    _told(options, lines, (len(rows), len(wishes), done))
    return 0


def export_table(options: argparse.Namespace) -> int:
    """Write all holders but the erased as a table, for this user's eyes alone."""
    with Client(options.socket) as client:
        found = list(client.holders())
    table, count = write_table(found), sum(not one.erased for one in found)
    if options.file != _STANDARD_STREAM:
        _write(options.file, table.encode())
        told = {"file": str(options.file), "holders": count}
        say(json.dumps(told) if options.json else f"{options.file}: {count} holders.")
    elif options.json:
        say(json.dumps({"table": table, "holders": count}))
    else:
        sys.stdout.write(table)
    unreadable = sum(one.name is None and not one.erased for one in found)
    if unreadable:
        sys.stderr.write(
            f"keyra: {unreadable} names cannot be read; their cells are empty.\n"
        )
    return 0


def suspend(options: argparse.Namespace) -> int:
    """Suspend a holder, with all of their keys."""
    return _state(options, suspended=True)


def resume(options: argparse.Namespace) -> int:
    """Let a suspended holder's keys work again."""
    return _state(options, suspended=False)


def change(options: argparse.Namespace) -> int:
    """Change a holder's name, groups, validity, role or passes; the rest stays."""
    with Client(options.socket) as client:
        now = _find(client, options.holder)
        wished = {
            "groups": options.groups,
            "from_ms": options.from_ms,
            "until_ms": options.until_ms,
            "uses_max": options.uses_max,
            "extended": options.extended,
            "name": options.name or None,
            "role": "" if options.role == "none" else options.role,
        }
        said = {key: value for key, value in wished.items() if value is not None}
        members = {"kind": "holder", "holder_id": now.id, **said}
        try:
            order = HolderOrder.model_validate(members)
        except ValidationError as error:
            raise RegistryError(
                f"{now.id} cannot be changed so: {error.errors()[0]['msg']}."
            ) from error
        return _changed(client, options, order, f"{now.id} is changed.")


def parts(wishes: Sequence[HolderWish]) -> Iterator[tuple[HolderWish, ...]]:
    """Cut what is wished into orders that the API takes."""
    part: list[HolderWish] = []
    size_bytes = 0
    for wish in wishes:
        more_bytes = len(wish.model_dump_json().encode()) + 1
        full = len(part) == IMPORT_HOLDERS_MAX
        if part and (full or size_bytes + more_bytes > ORDER_BYTES_MAX):
            yield tuple(part)
            part, size_bytes = [], 0
        part.append(wish)
        size_bytes += more_bytes
    if part:
        yield tuple(part)


def _told(
    options: argparse.Namespace, lines: Sequence[str], counts: tuple[int, int, int]
) -> None:
    """Say how many holders were read, would change, and have changed."""
    rows, wished, done = counts
    if options.json:
        told = {"rows": rows, "changes": wished, "done": done, "text": lines}
        say(json.dumps(told))
        return
    if options.dry_run:
        for line in lines:
            say(printable(line))
        say(f"{rows} holders read; {wished} would change. Nothing was changed.")
    elif done == wished:
        say(f"{rows} holders read; {done} changed.")
    else:
        say(
            f"{rows} holders read; {done} of {wished} changed. When the order is "
            "signed, import the table again: it goes on with the rest."
        )


def _state(options: argparse.Namespace, *, suspended: bool) -> int:
    with Client(options.socket) as client:
        known = _find(client, options.holder)
        order = HolderStateOrder(
            kind="holder-state", holder_id=known.id, suspended=suspended
        )
        word = "suspended" if suspended else "active"
        return _changed(client, options, order, f"{known.id} is {word}.")


def _changed(
    client: Client, options: argparse.Namespace, order: OrderWish, sentence: str
) -> int:
    holder = options.holder
    if not carry_out(client, options, order):
        return 0
    if options.json:
        say_json(_find(client, holder))
    else:
        say(sentence)
    return 0


def _find(client: Client, holder_id: str) -> Holder:
    for one in client.holders():
        if one.id == holder_id:
            return one
    raise HolderUnknownError(f"There is no holder {holder_id!r}; see `keyra holders`.")


def _read(path: Path) -> bytes:
    """Return a table, or as much of it as shows that it is too large."""
    try:
        if path == _STANDARD_STREAM:
            return sys.stdin.buffer.read(TABLE_BYTES_MAX + 1)
        with path.open("rb") as file:
            return file.read(TABLE_BYTES_MAX + 1)
    except OSError as error:
        raise HolderTableError(
            f"The table {path} cannot be read: {error.strerror}."
        ) from error


def _write(path: Path, table: bytes) -> None:
    """Make a file that this user alone reads, whole or not at all."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            try:
                file.write(table)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
    except OSError as error:
        raise HolderTableError(
            f"The table {path} cannot be written: {error.strerror}."
        ) from error
