"""Mutation testing of `gateway.core`: does some test notice each small mistake?

    python .ci/mutants.py                the modules that changed since their record
    python .ci/mutants.py --all          every module, however long it takes
    python .ci/mutants.py policy door    these modules
    python .ci/mutants.py … --record     and write what was found to the record

The record, tests/mutation/core.json, names for each module the SHA-256 of its text, how
many mutants were made and killed, and each survivor with the reason why it may live. A
module passes when every survivor is argued there; `--record` keeps the arguments that
are given and leaves "" where one is missing. Each mutant meets the tests of
tests/unit/core that reach its function. What mutmut does not change (constants, tables,
enumerations) is held by the tests alone.

Exit code 0 when every survivor is argued, of the record too; 1 when one is not, or when
more changed than the time allows; 2 for wrong arguments.
"""

import argparse
import ast
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "gateway" / "core"
RECORD = ROOT / "tests" / "mutation" / "core.json"
WORK = ROOT / "build" / "mutation"
COPIED = ("gateway", "ledger", "tui", "tests", "docs")
CHILDREN = 2
BUDGET_S = 10 * 60

SETTINGS = """
[tool.mutmut]
source_paths = ["gateway", "ledger"]
only_mutate = {modules}
also_copy = ["tui", "docs"]
# Tests hold state of their own module (keys that count); each mutant needs a fresh one.
process_isolation = "forkserver"
# A busy machine is no endless loop, and an endless loop may not cost minutes.
timeout_constant = 20.0
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov"]
pytest_add_cli_args_test_selection = ["tests/unit/core"]
"""

# The words of a sentence are for readers to judge; that it is said, by which error and
# with which code, is for tests. So a mutant that changes only words is no mistake.
LITERAL = re.compile(r"""[fr]?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
NOTHING_SAID = re.compile(r"(\braise \w+\(|^)None\b")
WORDS = "only the words of a message differ"

# mutmut's words for a mutant that some test, or a limit of time, has stopped.
STOPPED = {"killed", "timeout", "segfault", "check was interrupted by user"}
RESULT = re.compile(r"^\s+(gateway\.core\.(\w+)\.\S+__mutmut_\d+): (.+)$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Survivor:
    """A mistake that no test notices, and why it may stay."""

    function: str
    was: str
    now: str
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Result:
    """What became of a module's mutants."""

    sha256: str
    mutants: int
    killed: int
    survivors: tuple[Survivor, ...]


def digest(module: str) -> str:
    """The SHA-256 of a module's text."""
    return sha256((CORE / f"{module}.py").read_bytes()).hexdigest()


def load() -> dict[str, Result]:
    """The record, by module."""
    if not RECORD.exists():
        return {}
    return {
        module: Result(
            found["sha256"],
            found["mutants"],
            found["killed"],
            tuple(Survivor(**survivor) for survivor in found["survivors"]),
        )
        for module, found in json.loads(RECORD.read_text()).items()
    }


def store(record: dict[str, Result]) -> None:
    """Write the record, one module after the other."""
    text = json.dumps(
        {module: asdict(record[module]) for module in sorted(record)},
        indent=1,
        ensure_ascii=False,
    )
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(f"{text}\n")


def all_modules() -> list[str]:
    """Every module of the core."""
    return sorted(path.stem for path in CORE.glob("*.py") if path.stem != "__init__")


def mutmut(*arguments: str, time_s: float | None = None) -> str:
    """Run mutmut in the copy; returns what it said."""
    environment = {
        **os.environ,
        "PYTHONPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(WORK / "hypothesis"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=WORK,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=time_s,
    )
    if done.returncode:
        sys.exit(f"mutmut failed:\n{done.stdout[-4000:]}")
    return done.stdout


def lay_out(modules: list[str]) -> None:
    """Make the copy in which mutmut may write."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, WORK / name, symlinks=True, ignore=ignored)
    files = json.dumps([f"gateway/core/{module}.py" for module in modules])
    settings = (ROOT / "pyproject.toml").read_text() + SETTINGS.format(modules=files)
    (WORK / "pyproject.toml").write_text(settings)


def functions(module: str) -> dict[str, list[str]]:
    """The lines of each function of a module with all its mutants, by name."""
    source = (WORK / "mutants" / "gateway" / "core" / f"{module}.py").read_text()
    lines = source.splitlines()
    return {
        node.name: [
            line.strip().replace(node.name, "")
            for line in lines[node.lineno - 1 : node.end_lineno]
        ]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def described(name: str, texts: dict[str, list[str]]) -> Survivor:
    """Say in source text what a mutant changed."""
    plain = name.rpartition("__mutmut_")[0]
    changed = list(
        difflib.ndiff(texts[f"{plain}__mutmut_orig"], texts[name], charjunk=None)
    )
    was, now = (
        "\n".join(line[2:] for line in changed if line.startswith(mark))
        for mark in "-+"
    )
    function = plain.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Survivor(function, was, now)


def examine(modules: list[str], time_s: float | None) -> dict[str, Result]:
    """Let every mutant of these modules meet its tests."""
    lay_out(modules)
    mutmut("run", "--max-children", str(CHILDREN), time_s=time_s)
    found = RESULT.findall(mutmut("results", "--all", "true"))
    made = Counter(module for _, module, _ in found)
    texts = {module: functions(module) for module in modules}
    living: dict[str, list[Survivor]] = {module: [] for module in modules}
    for mutant, module, status in found:
        if status not in STOPPED:
            name = mutant.rpartition(".")[2]
            living[module].append(described(name, texts[module]))
    return {
        module: Result(
            digest(module),
            made[module],
            made[module] - len(living[module]),
            tuple(sorted(living[module])),
        )
        for module in modules
    }


def only_words(one: Survivor) -> bool:
    """Tell whether a mutant changed nothing but the text of an error's message."""
    sentence = one.was.startswith("raise ") or (
        " " in one.was and LITERAL.fullmatch(one.was)
    )

    def bare(text: str) -> str:
        return NOTHING_SAID.sub(r'\1""', LITERAL.sub('""', text))

    return bool(sentence) and bare(one.was) == bare(one.now)


def argued(result: Result, before: Result | None) -> Result:
    """The result with the arguments that the record gives for its survivors."""
    reasons = {known: known.why for known in before.survivors} if before else {}
    survivors = tuple(
        replace(one, why=reasons.get(one, "") or (WORDS if only_words(one) else ""))
        for one in result.survivors
    )
    return Result(result.sha256, result.mutants, result.killed, survivors)


def report(module: str, result: Result) -> None:
    """Say how a module did, and which of its survivors nobody argued."""
    missing = [one for one in result.survivors if not one.why]
    print(
        f"{module:<20} {result.killed:>4} of {result.mutants:>4} killed, "
        f"{len(result.survivors) - len(missing)} survivors argued, {len(missing)} not",
        flush=True,
    )
    for one in missing:
        print(f"  {one.function}\n    - {one.was}\n    + {one.now}")


def choose(arguments: argparse.Namespace, record: dict[str, Result]) -> list[str]:
    """The modules that the command line asks for."""
    known = all_modules()
    if arguments.modules:
        if unknown := sorted(set(arguments.modules) - set(known)):
            print(f"not in gateway/core: {', '.join(unknown)}", file=sys.stderr)
            sys.exit(2)
        return sorted(set(arguments.modules))
    if arguments.all:
        return known
    return [
        module
        for module in known
        if module not in record or record[module].sha256 != digest(module)
    ]


def main() -> int:
    """Examine the chosen modules and judge their survivors."""
    parser = argparse.ArgumentParser(description="Mutation testing of gateway.core.")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--all", action="store_true", help="every module")
    parser.add_argument("--record", action="store_true", help="write what was found")
    arguments = parser.parse_args()

    record = load()
    modules = choose(arguments, record)
    started = time.monotonic()
    changed_only = not (arguments.all or arguments.modules)
    try:
        results = (
            examine(modules, BUDGET_S if changed_only else None) if modules else {}
        )
    except subprocess.TimeoutExpired:
        print(
            f"{len(modules)} modules changed since their record; that is more than "
            f"{BUDGET_S // 60} minutes of mutants. Run: python .ci/mutants.py --record"
        )
        return 1
    results = {
        module: argued(result, record.get(module)) for module, result in results.items()
    }
    for module, result in results.items():
        report(module, result)
    record = {m: r for m, r in (record | results).items() if m in all_modules()}
    missing = sum(not one.why for found in record.values() for one in found.survivors)
    if arguments.record:
        store(record)
    print(
        f"{len(modules)} of {len(all_modules())} modules examined in "
        f"{time.monotonic() - started:.0f} s; in the record: "
        f"{sum(result.mutants for result in record.values())} mutants, "
        f"{sum(len(result.survivors) for result in record.values())} survivors, "
        f"{missing} of them not argued"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
