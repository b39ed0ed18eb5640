"""The options of `keyra backup` and `keyra restore`."""

import argparse
from pathlib import Path


def add_backup_options(backup: argparse.ArgumentParser) -> None:
    """Add what `keyra backup` understands."""
    backup.add_argument("--to", type=Path, metavar="DIR", help="not [backup] dir")
    backup.add_argument(
        "--recipient", metavar="AGE1...", help="who can open it; not [backup] recipient"
    )
    instead = backup.add_mutually_exclusive_group()
    instead.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="make no backup: restore the ledger of this one aside, and verify it",
    )
    instead.add_argument(
        "--new-identity",
        type=Path,
        metavar="FILE",
        help="make no backup: make who opens backups, and print the recipient",
    )
    _opening(backup)


def add_restore_options(restore: argparse.ArgumentParser) -> None:
    """Add what `keyra restore` understands."""
    restore.add_argument("file", type=Path, metavar="FILE", help="the backup")
    restore.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="not the config's"
    )
    restore.add_argument(
        "--names-only",
        action="store_true",
        help="put back a people database that is missing, beside the ledger there",
    )
    restore.add_argument("--dry-run", action="store_true", help="change nothing")
    seal = restore.add_mutually_exclusive_group()
    seal.add_argument(
        "--seal-key",
        type=Path,
        metavar="FILE",
        help="the seal's first key, from whoever audits: the seal goes on",
    )
    seal.add_argument(
        "--seal-lost",
        action="store_true",
        help="nobody has that key any more, so that nobody can check the seal",
    )
    _opening(restore)


def _opening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="who can open the backup (age)"
    )
    parser.add_argument(
        "--vkey", metavar="VKEY", help="the ledger's verifier key, as you kept it"
    )
