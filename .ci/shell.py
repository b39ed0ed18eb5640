"""Writes what a shell knows of `keyra`: completions and the manual page.

    python .ci/shell.py           into systemd/shell, from which install.sh takes them
    python .ci/shell.py --check   only says whether they are what the parser says

All of it comes from the parser of gateway.cli. It is made here and not on a door, so
that a door needs no package for it; a test holds the files to the parser.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import shtab

from gateway import cli
from gateway.cli.parser import make_parser

PLACE = Path(__file__).resolve().parent.parent / "systemd" / "shell"
COMPLETIONS = {"bash": "keyra.bash", "zsh": "_keyra", "fish": "keyra.fish"}
MANUAL = "keyra.1"

ENVIRONMENT = {
    "KEYRA_SOCKET": "the gateway's socket, as with --socket",
    "KEYRA_SIGNER": "whose key signs orders, as with --as",
    "KEYRA_DEBUG": "set to 1: a mistake of keyra itself ends with its traceback",
}
FILES = {
    "/run/keyra/gateway.sock": "the gateway's local interface",
    "/etc/keyra/gateway.toml": "the settings of the door",
    "/var/lib/keyra/ledger.db": "the ledger",
}


def files() -> dict[str, str]:
    """Every file's text, by name."""
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    parser = make_parser()
    for _, part in parts(parser):
        for action in part._actions:  # noqa: SLF001 - argparse has no other way to see them
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined] # shtab's mark
    made = {
        name: without_address(shtab.complete(parser, shell=shell))
        for shell, name in COMPLETIONS.items()
    }
    return {**made, MANUAL: manual(parser)}


def without_address(script: str) -> str:
    """Leave out how to install the script by hand: install.sh does it."""
    lines = script.rstrip().splitlines()
    mark = [line for line in lines[:1] if line.startswith("#compdef")]
    code = dropwhile(lambda line: not line or line.startswith("#"), lines)
    return "\n".join([*mark, "# Made by .ci/shell.py, with shtab.", "", *code, ""])


def parts(
    parser: argparse.ArgumentParser, name: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every parser by the words that lead to it, the whole one first."""
    yield name, parser
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for word, part in action.choices.items():
                yield from parts(part, (*name, word))


def manual(parser: argparse.ArgumentParser) -> str:
    """The manual page, in man(7)'s language."""
    whole = parser.description or ""
    lines = [
        '.\\" Made by .ci/shell.py from the parser.',
        '.TH KEYRA 1 "" "KEYRA gateway" "User Commands"',
        ".SH NAME",
        f"keyra \\- {roff(whole.rstrip('.').removeprefix('A '))}",
        ".SH SYNOPSIS",
        ".B keyra",
        "[\\fIOPTION\\fR ...] \\fIVERB\\fR ...",
        ".SH DESCRIPTION",
        roff(whole),
        "Each verb asks the gateway of this machine over its local socket, or looks",
        "at its files. With \\fB\\-\\-json\\fR a verb prints one JSON document on one",
        "line, and a line for each event where it follows what happens. What went",
        "wrong is one sentence on standard error.",
        ".SH OPTIONS",
        *options(parser),
        ".SH VERBS",
    ]
    for name, part in parts(parser):
        if name:
            lines += [".SS " + roff(" ".join(name)), *verb(name, part)]
    lines += [".SH EXIT STATUS"]
    for code, meaning in cli.EXIT_CODES.items():
        lines += [".TP", f"\\fB{code}\\fR", roff(meaning)]
    for title, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines.append(f".SH {title}")
        for what, meaning in table.items():
            lines += [".TP", f"\\fB{roff(what)}\\fR", roff(meaning)]
    return "\n".join([*lines, ".SH SEE ALSO", "systemctl(1), journalctl(1)", ""])


def verb(name: tuple[str, ...], part: argparse.ArgumentParser) -> list[str]:
    """One verb: how it is called, what it does, its options."""
    words = [f"\\fBkeyra {roff(' '.join(name))}\\fR"]
    if any(one.option_strings for one in part._actions):  # noqa: SLF001 - as above
        words.append("[\\fIOPTION\\fR ...]")
    for action in positionals(part):
        shown = value(action)
        words.append(f"[{shown}]" if action.nargs in {"?", "*"} else shown)
    text = [roff(part.description)] if part.description else []
    return [" ".join(words), ".PP", *text, *options(part)]


def positionals(part: argparse.ArgumentParser) -> list[argparse.Action]:
    """What stands after the options."""
    return [one for one in part._actions if not one.option_strings]  # noqa: SLF001 - as above


def options(part: argparse.ArgumentParser) -> list[str]:
    """Each thing that can be said, but for --help."""
    lines = []
    for action in part._actions:  # noqa: SLF001 - as above
        if action.dest == "help" or isinstance(
            action,
            argparse._SubParsersAction,  # noqa: SLF001 - as above
        ):
            continue
        names = ", ".join(f"\\fB{roff(one)}\\fR" for one in action.option_strings)
        shown = "" if action.nargs == 0 else value(action)
        if isinstance(action, argparse.BooleanOptionalAction):
            shown = ""
        lines += [".TP", " ".join(word for word in (names, shown) if word)]
        lines.append(roff(explained(action, part)))
    return lines


def explained(action: argparse.Action, part: argparse.ArgumentParser) -> str:
    """What argparse's own help would say, but for what depends on who asks."""
    said = action.help or ""
    default = "yours" if action.dest == "uid" else action.default
    said = said % {"default": default, "prog": part.prog}
    if action.choices is not None:
        said = f"{said + ': ' if said else ''}one of {', '.join(action.choices)}"
    return said or "may be said several times"


def value(action: argparse.Action) -> str:
    """The name of what is to be given."""
    shown = action.metavar or action.dest.upper()
    return f"\\fI{roff(str(shown))}\\fR"


def roff(text: str) -> str:
    """Text that means itself to man(7)."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> int:
    """Write the files, or say which of them are not as they would be written."""
    chooser = argparse.ArgumentParser(description="Write what a shell knows of keyra.")
    chooser.add_argument("--check", action="store_true", help="write nothing")
    check = chooser.parse_args().check
    stale = []
    for name, text in files().items():
        path = PLACE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    print(*stale, sep="\n", end="\n" if stale else "")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
