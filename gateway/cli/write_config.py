"""`keyra write-config`: asks what only the installer knows, and writes the file."""

import argparse
import json
import sys
from typing import Final

from gateway.cli.texts import say
from gateway.config import parse
from gateway.config.questions import Question, answered_text, questions
from gateway.config.values import WrongValueError
from gateway.errors import ConfigError

TRIES_MAX: Final = 10
LINE_CHARS_MAX: Final = 300


def write_config(options: argparse.Namespace) -> int:
    """Ask on the terminal until the file is right; an existing one is never touched.

    Raises:
        ConfigError: there were no answers, too many wrong ones, or nowhere to write.
    """
    answers: dict[Question, str] = {}
    for question in questions():
        given = _ask(question)
        if given is not None:
            answers[question] = given
    for _ in range(TRIES_MAX):
        text = answered_text(answers)
        try:
            parse(text, "these answers")
        except ConfigError as error:
            sys.stderr.write(f"\n{error}\n")
            _ask_again(answers)
        else:
            _write(options, text)
            if options.json:
                say(json.dumps({"file": str(options.file)}))
            return 0
    raise ConfigError("No right config came of these answers; nothing was written.")


def _write(options: argparse.Namespace, text: str) -> None:
    try:
        with options.file.open("x") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{options.file} cannot be written ({error.strerror}); name another file."
        ) from error


def _ask_again(answers: dict[Question, str]) -> None:
    """Let the person change one answer."""
    known = {f"{one.table}.{one.key}": one for one in questions()}
    sys.stderr.write("Which answer was wrong (such as pins.strike)? ")
    chosen = known.get(_line().strip().strip("[]"))
    if chosen is None:
        sys.stderr.write(f"One of: {', '.join(known)}.\n")
        return
    given = _ask(chosen)
    answers.pop(chosen, None)
    if given is not None:
        answers[chosen] = given
        for one in [one for one in questions() if one in answers]:
            answers[one] = answers.pop(one)  # the file's own order


def _ask(question: Question) -> str | None:
    """Return the answer as TOML, or None if there is to be none."""
    item = question.item
    none = "; nothing if there is none" if question.optional else ""
    sys.stderr.write(
        f"\n[{question.table}] {question.key}: {item.about}\n"
        f"  ({item.kind.allows}{none})\n"
    )
    for _ in range(TRIES_MAX):
        sys.stderr.write("> ")
        answer = _line().strip()
        if not answer and question.optional:
            return None
        try:
            return question.toml(answer)
        except WrongValueError as error:
            sys.stderr.write(f"  This {error}.\n")
    raise ConfigError(f"[{question.table}] {question.key} got no right answer.")


def _line() -> str:
    sys.stderr.flush()
    line = sys.stdin.readline(LINE_CHARS_MAX)
    if not line:
        raise ConfigError(
            "Nobody answers; give install.sh a file with --config FILE instead "
            "(`keyra print-config` writes one to begin with)."
        )
    return line
