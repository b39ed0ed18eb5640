"""What the commands of `keyra-ledger` do; each takes its options and returns `Exit`."""

import argparse
import contextlib
import dataclasses
import json
import secrets
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from ledger import qr
from ledger.bundle import write_bundle
from ledger.checkpoint import cosign as cosign_note
from ledger.checkpoint import is_signed, parse_note, parse_vkey
from ledger.clock import read_stamp
from ledger.deep import Finding, Replay
from ledger.encoding import parse_canonical, to_base64
from ledger.entry import Entry, parse_entry
from ledger.errors import KeyFileError, LedgerError, NoSuchEntryError, ProofError
from ledger.export import Progress, between, export_lines
from ledger.keys import SigningKey, write_private
from ledger.parallel import read_lines, verify_file
from ledger.prune import prune
from ledger.reader import Reader
from ledger.receipt import (
    check_consistency_proof,
    check_receipt,
    make_consistency,
    make_receipt,
)
from ledger.restated import begins_at
from ledger.rotation import load_signing_key, rotate_key
from ledger.seal import KEY_BYTES
from ledger.seal_file import load_first_key
from ledger.stats import read_stats
from ledger.table import Filter, csv_lines, when
from ledger.verdict import Exit, Verdict, parse_expected
from ledger.verify import verify_lines
from ledger.writer import Writer, initialise

_MAGIC: Final = b"SQLite format 3\0"
_SHOWN_CHARS_MAX: Final = 160
_MS_PER_S: Final = 1000
_PROOF_BYTES_MAX: Final = 512 * 1024


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")


def _tell(line: str) -> None:
    """For the person beside a pipe."""
    sys.stderr.write(f"{line}\n")


def _progress(done: int, whole: int) -> None:
    """Show how far long work is, to people only."""
    if sys.stderr.isatty():
        end = "\n" if done == whole else ""
        percent = 100 * done // max(1, whole)
        sys.stderr.write(f"\r{percent:3} % of {whole} entries{end}")


def _told(done: int, whole: int) -> None:
    """Tell the program beside a pipe how far long work is."""
    _tell(f"{done} {whole}")


def _key_path(options: argparse.Namespace) -> Path:
    path: Path = options.key or options.ledger.with_suffix(".key")
    return path


def init(options: argparse.Namespace) -> int:
    """Create a ledger; the verifier key goes to stdout, the seal's key to a file."""
    key_path, ledger = _key_path(options), options.ledger
    if key_path.exists():
        key = SigningKey.load(key_path)
    else:
        key = SigningKey.generate()
        key.save(key_path)
    seal_key = secrets.token_bytes(KEY_BYTES)
    handed_over = options.seal_out or ledger.with_suffix(".seal-key")
    initialise(ledger, options.origin, key, read_stamp(), seal_key)
    write_private(handed_over, f"{seal_key.hex()}\n".encode())
    _say(key.vkey(options.origin))
    _tell(f"The seal's first key is in {handed_over}: move it to the auditor now.")
    return Exit.VERIFIED


def _verify_database(
    path: Path, *, progress: Progress = _progress, **choices: Any
) -> Verdict:
    """Verify what a database would export."""
    key = None
    with contextlib.suppress(KeyFileError):
        key = SigningKey.load(path.with_suffix(".key"))
    with Reader.open(path) as reader:
        lines = export_lines(reader, key=key, progress=progress)
        return verify_lines(lines, **choices)


def verify(options: argparse.Namespace) -> int:
    """Verify an export or a database."""
    with options.file.open("rb") as file:
        is_database = file.read(len(_MAGIC)) == _MAGIC
    replay = _replay(options.file, is_database=is_database) if options.deep else None
    progress = _told if options.progress else _progress
    database = partial(_verify_database, progress=progress)
    verdict = (database if is_database else verify_file)(
        options.file,
        vkey=options.vkey,
        expect=parse_expected(options.expect) if options.expect else None,
        witnesses=options.witness,
        seal_key=load_first_key(options.seal_key) if options.seal_key else None,
        on_entry=replay.on_entry if replay else None,
    )
    if replay:
        replay.check_bases(verdict.first, verdict.base_root)
    if replay and replay.findings and verdict.exit is not Exit.TAMPERED:
        verdict.exit = Exit.TAMPERED
        verdict.problem = (
            f"{len(replay.findings)} entries do not prove what they claim."
        )
    if replay and replay.gaps and verdict.exit is Exit.VERIFIED:
        verdict.exit = Exit.INCOMPLETE
        verdict.problem = (
            f"{len(replay.gaps)} entries rest on entries before entry {verdict.first}, "
            "where this file begins: a longer export may prove them."
        )
    if options.json:
        _say(_verdict_json(verdict, replay))
    else:
        for sentence in _sentences(verdict, replay):
            _say(sentence)
    return verdict.exit


def _replay(path: Path, *, is_database: bool) -> Replay:
    """Return a replay that knows what a pruned file restates."""
    replay = Replay()
    if is_database:
        with Reader.open(path) as reader:
            _foresee(replay, reader)
        return replay
    with path.open("rb") as file:
        base = begins_at(next(read_lines(file), b""))
        if base:
            replay.foresee(base, (line[:-1] for line in read_lines(file)))
    return replay


def _foresee(replay: Replay, reader: Reader) -> None:
    base = reader.base()[0]
    if base:
        replay.foresee(base, reader.entries(base, reader.size()))


def _verdict_json(verdict: Verdict, replay: Replay | None) -> str:
    fields = dataclasses.asdict(verdict) | {"root": to_base64(verdict.root)}
    fields["base_root"] = to_base64(verdict.base_root)
    if replay is not None:
        fields["openings"] = replay.openings
        fields["enrolments"] = replay.enrolments
        fields["findings"] = [dataclasses.asdict(found) for found in replay.findings]
        fields["gaps"] = [dataclasses.asdict(found) for found in replay.gaps]
    return json.dumps(fields, indent=2)


def _sentences(verdict: Verdict, replay: Replay | None) -> Iterator[str]:
    words = {Exit.VERIFIED: "VERIFIED", Exit.TAMPERED: "TAMPERED"}
    start = f" from entry {verdict.first}" if verdict.first else ""
    yield (
        f"{words.get(verdict.exit, 'INCOMPLETE')}: {verdict.entries} entries{start} of "
        f"{verdict.origin or 'an unknown ledger'}, {verdict.boots} boots, "
        f"{verdict.notes} notes, signed up to {verdict.signed}."
    )
    if verdict.problem:
        yield verdict.problem
    if verdict.exit is not Exit.TAMPERED:
        yield f"Checkpoint: {verdict.entries}:{to_base64(verdict.root)}"
    if verdict.sealed:
        yield "The seal is whole: nothing sealed was changed or cut off."
    for name, size in verdict.witnessed.items():
        yield f"Witness {name} saw {size} entries."
    yield from verdict.remarks
    if replay is not None:
        yield (
            f"Deep: {replay.openings} openings and {replay.enrolments} enrolments "
            f"checked again from entry {max(0, replay.first)} on, "
            f"{len(replay.findings)} not proved, {len(replay.gaps)} not to be judged."
        )
        yield from map(_finding, (*replay.findings, *replay.gaps))


def _finding(found: Finding) -> str:
    return f"Entry {found.n}: {found.text}"


def _entries(reader: Reader, options: argparse.Namespace) -> Iterator[Entry]:
    chosen = Filter(options.door, options.holder, tuple(options.kind))
    first, last = _stretch(reader, options)
    last = reader.size() - 1 if last is None else last
    for body in reader.entries(first, last + 1):
        entry = parse_entry(body)
        if chosen.takes(entry):
            yield entry


def _stretch(reader: Reader, options: argparse.Namespace) -> tuple[int, int | None]:
    """Return the first and last entry that the options ask for."""
    if options.since is None and options.until is None:
        return options.first or reader.base()[0], options.last
    since_ms = int(options.since.timestamp() * _MS_PER_S) if options.since else 0
    until_ms = int(options.until.timestamp() * _MS_PER_S) if options.until else 2**53
    return between(reader, since_ms, until_ms)


def export(options: argparse.Namespace) -> int:
    """Write the ledger, a stretch of it, or a table for people."""
    key_path = _key_path(options)
    key = SigningKey.load(key_path) if options.key or key_path.exists() else None
    with Reader.open(options.ledger) as reader:
        if options.format == "csv":
            lines = csv_lines(_entries(reader, options))
        elif options.door or options.holder or options.kind:
            # Each receipt proves its entry's place; what is left out is not shown.
            lines = (make_receipt(reader, one.n) for one in _entries(reader, options))
        else:
            first, last = _stretch(reader, options)
            lines = export_lines(
                reader, key=key, first=first, last=last, progress=_progress
            )
        if options.output is None:
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
        else:
            with options.output.open("xb") as file:
                file.writelines(lines)
    return Exit.VERIFIED


def bundle(options: argparse.Namespace) -> int:
    """Write export, verifier, manifest and the page that explains the check."""
    key = load_signing_key(options.ledger, _key_path(options))
    with Reader.open(options.ledger) as reader:
        write_bundle(options.directory, reader, key, _progress)
    _say(f"The bundle is in {options.directory}; begin with README.md there.")
    return Exit.VERIFIED


def show(options: argparse.Namespace) -> int:
    """Print entries for people."""
    with Reader.open(options.ledger) as reader:
        if options.entry is not None:
            _say(reader.entry(options.entry).decode())
            return Exit.VERIFIED
        size, chosen = (
            reader.size(),
            Filter(options.door, options.holder, tuple(options.kind)),
        )
        for body in reader.entries(max(0, size - options.count), size):
            entry = parse_entry(body)
            if chosen.takes(entry):
                # JSON with escapes: nothing in an entry can move the cursor.
                what = json.dumps(entry.what)[:_SHOWN_CHARS_MAX]
                _say(f"{entry.n:>8}  {when(entry.stamp.at_ms)}  {entry.ev:<18} {what}")
    return Exit.VERIFIED


def checkpoint(options: argparse.Namespace) -> int:
    """Print the newest signed head."""
    with Reader.open(options.ledger) as reader:
        note = reader.head()
    sys.stdout.write(qr.as_text(note.encode()) if options.qr else note)
    return Exit.VERIFIED


def prove(options: argparse.Namespace) -> int:
    """Write the receipt of an entry."""
    with Reader.open(options.ledger) as reader:
        sys.stdout.write(make_receipt(reader, options.entry).decode())
    return Exit.VERIFIED


def check_proof(options: argparse.Namespace) -> int:
    """Check a receipt or a consistency proof."""
    with options.file.open("rb") as file:
        data = file.read(_PROOF_BYTES_MAX)
    try:
        if data.startswith(b'{"consistency":'):
            old, size = check_consistency_proof(data)
            _say(f"VERIFIED: the tree of {old} entries is a prefix of that of {size}.")
            _say("Compare both roots with checkpoints that you hold.")
            return Exit.VERIFIED
        if options.vkey is None:
            _say("INCOMPLETE: give --vkey, the key that must have signed the head.")
            return Exit.INCOMPLETE
        receipt = check_receipt(data, parse_vkey(options.vkey))
    except LedgerError as error:
        _say(f"TAMPERED: {error}")
        return Exit.TAMPERED
    entry = receipt.entry
    _say(
        f"VERIFIED: entry {entry.n}, {entry.ev} at {when(entry.stamp.at_ms)}, stands "
        f"in {receipt.checkpoint.origin} under a head of {receipt.checkpoint.size}."
    )
    if receipt.opened:
        _say("The enrolled key's own signature over the opening verifies too.")
    _say(json.dumps(entry.what, indent=2))
    return Exit.VERIFIED


def consistency(options: argparse.Namespace) -> int:
    """Prove that one size of the ledger is a prefix of another."""
    with Reader.open(options.ledger) as reader:
        if options.size > reader.size():
            raise NoSuchEntryError(f"The ledger holds only {reader.size()} entries.")
        sys.stdout.write(make_consistency(reader, options.old, options.size).decode())
    return Exit.VERIFIED


def rotate(options: argparse.Namespace) -> int:
    """Replace the signing key by a fresh one, and destroy the old one."""
    key = rotate_key(options.ledger, _key_path(options), read_stamp())
    with Reader.open(options.ledger) as reader:
        origin = parse_note(reader.head()).checkpoint.origin
    _say(key.vkey(origin))
    return Exit.VERIFIED


def cosign(options: argparse.Namespace) -> int:
    """Sign a checkpoint as a witness: only one that continues what was signed last."""
    note = parse_note(options.note.read_text())
    if not is_signed(note, parse_vkey(options.vkey)):
        raise ProofError("The checkpoint is not signed by the ledger's key.")
    if options.held:
        held, head = parse_expected(options.held), note.checkpoint
        data = options.proof.read_bytes() if options.proof else b""
        check_consistency_proof(data)
        fields = parse_canonical(data.removesuffix(b"\n"))["consistency"]
        proved = [fields[name] for name in ("from", "from_root", "to", "to_root")]
        if proved != [
            held.size, to_base64(held.root), head.size, to_base64(head.root)
        ]:  # fmt: skip
            raise ProofError("The proof is not between what you hold and this note.")
    key = SigningKey.load(options.key)
    time_s = read_stamp().at_ms // _MS_PER_S
    sys.stdout.write(cosign_note(note, options.name, key.public, key.sign, time_s))
    return Exit.VERIFIED


def add_cosignature(options: argparse.Namespace) -> int:
    """Keep a witness's signature beside the head that it covers."""
    key = load_signing_key(options.ledger, _key_path(options))
    with contextlib.closing(Writer.open(options.ledger, key)) as writer:
        line = options.line.read_text()
        writer.add_cosignature(options.size, line, parse_vkey(options.witness))
    return Exit.VERIFIED


def prune_before(options: argparse.Namespace) -> int:
    """Drop old history; what still matters of it is restated first."""
    replay = Replay()
    with Reader.open(options.ledger) as reader:
        first, base = reader.base()[0], options.before
        base = max((n for n in reader.notes() if n <= base), default=0)
        _foresee(replay, reader)
        for n, body in enumerate(reader.entries(first, base), first):
            replay.on_entry(n, body, b"")
    key = load_signing_key(options.ledger, _key_path(options))
    dropped = prune(options.ledger, key, base, replay.live(), read_stamp())
    _say(f"{dropped} entries were dropped; the ledger begins at entry {base}.")
    return Exit.VERIFIED


def stats(options: argparse.Namespace) -> int:
    """Count what the ledger holds."""
    found = read_stats(options.ledger)
    _say(f"{found.entries} entries from {found.first} to {found.last}")
    _say(f"{found.entry_bytes} bytes of entries, {found.file_bytes} on disk")
    _say(f"{found.notes} kept checkpoints")
    for kind, count in found.kinds:
        _say(f"{count:>8}  {kind}")
    return Exit.VERIFIED
