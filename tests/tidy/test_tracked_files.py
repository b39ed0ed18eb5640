"""What is in the repository speaks of the project alone, and fits a reader's head."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 600  # cases stand beside one another
FUNCTION_LINES_MAX = 40
# What is longer, and why it is better so.
LONGER_ON_PURPOSE: dict[str, str] = {
    "gateway/service/gateway.py:__init__": "one part a line, in the order of need",
    "gateway/ports.py": "the whole list of contracts, in one place",
    "ledger/kit/verify.py": "one file: an auditor carries and reads it alone",
}

# Spelt so that this file does not contain what it looks for.
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
ADDRESSES = re.compile(
    "|".join(
        [
            r"py" + r"pi\.(org|python)",
            r"python" + r"hosted\.org",
            r"pi" + r"wheels\.org",
            r"registry\.npm" + r"js",
            r"deb\.debian" + r"\.org",
            r"(extra-)?index" + r"-url\s*[= ]\s*(http|file)",
        ]
    )
)
# Somebody's home, or the very place where this copy stands.
MACHINE_PATHS = re.compile(
    r"(?<![\w./~$}-])(/(root|home|Users)/\w|" + re.escape(str(ROOT)) + r"\b)"
)


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every tracked file that is still there."""
    names = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is where the machine has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


@functools.cache
def texts() -> dict[str, str]:
    """Contents of the tracked text files, by path."""
    found = {}
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            found[str(path.relative_to(ROOT))] = data.decode()
    return found


@pytest.mark.parametrize("pattern", [MARKS, ADDRESSES, MACHINE_PATHS])
def test_no_loose_end_and_no_address_of_a_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_file_is_longer_than_a_reader_likes() -> None:
    found = [
        f"{name}: {lines} lines"
        for name, text in texts().items()
        if name.endswith((".py", ".sh"))
        if (lines := text.count("\n"))
        > (TEST_FILE_LINES_MAX if name.startswith("tests/") else FILE_LINES_MAX)
        if name not in LONGER_ON_PURPOSE
    ]
    assert not found, "\n".join(found)


def functions(name: str, text: str) -> list[tuple[str, int]]:
    """("file:function", lines without the docstring) of a Python file."""
    sizes = []
    for node in ast.walk(ast.parse(text, name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            sizes.append((f"{name}:{node.name}", lines))
    return sizes


def test_no_function_is_longer_than_a_screen() -> None:
    found = [
        f"{function}: {lines} lines"
        for name, text in texts().items()
        if name.endswith(".py")
        for function, lines in functions(name, text)
        if lines > FUNCTION_LINES_MAX and function not in LONGER_ON_PURPOSE
    ]
    assert not found, "\n".join(found)


def test_exceptions_to_size_are_still_needed() -> None:
    sizes = {name: text.count("\n") for name, text in texts().items()}
    for name, text in texts().items():
        if name.endswith(".py"):
            sizes.update(functions(name, text))
    for name, reason in LONGER_ON_PURPOSE.items():
        limit = FUNCTION_LINES_MAX if ":" in name else FILE_LINES_MAX
        assert reason
        assert sizes.get(name, 0) > limit, f"{name} no longer needs an exception"


def test_executables_have_a_shebang_and_scripts_are_executable() -> None:
    for path in tracked():
        with path.open("rb") as file:
            shebang = file.read(2) == b"#!"
        assert shebang == bool(path.stat().st_mode & 0o100), path
