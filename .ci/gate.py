"""The gate: every check that a change must pass, on two cores, with its counts.

    python .ci/gate.py            the usual part: everything but the slow tests
    python .ci/gate.py --quick    nor the tests that start processes
    python .ci/gate.py --all      everything
    python .ci/gate.py --appliance    the machine that is installed on and mistreated,
                                      and nothing else (tests/appliance)

`./install.sh --test` makes the environment and calls this with the same words.
Output of each check, caches and coverage data stay in build/gate. Exit code 0 when all
passed, 1 otherwise.
"""

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LANES = 2

# Rooms whose own tests must reach every branch: package → its tests.
PROVED = {
    "gateway.core": "tests/unit/core",
    "gateway.ctap": "tests/unit/ctap",
    "ledger": "tests/unit/ledger",
}
EVERYTHING = ("gateway", "ledger", "tui")
# Measures time, so it runs when nothing else does.
BENCH = "tests/bench"
# Boots machines of its own.
APPLIANCE = "tests/appliance"

SELECTIONS = {
    "quick": "not slow and not processes",
    "usual": "not slow",
    "all": "",
}

# A clone that another user owns (a mounted one, say) is read like any other.
OWNED_BY_ANYBODY = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": str(ROOT),
}

NO_TESTS = 5  # pytest's exit code when everything was deselected
SUMMARY = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)\b")


@dataclasses.dataclass(frozen=True)
class Check:
    """A command to run from the top of the tree, and how to read its end."""

    name: str
    argv: tuple[str, ...]
    tests: bool = False
    may_be_empty: bool = False


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a check ended; `counts` is empty where no tests were run."""

    check: Check
    passed: bool
    duration_s: float
    output: str
    counts: dict[str, int]


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a tool of this environment, else of the machine."""
    own = BIN / name
    return (str(own) if own.exists() else name, *arguments)


# Of modules that changed since their record, in ten minutes; it has both cores busy.
MUTANTS = Check("mutants of the core", (sys.executable, str(ROOT / ".ci/mutants.py")))


def shell_scripts() -> list[str]:
    """Tracked files that a shell runs."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is where the machine has it
        cwd=ROOT,
        env={**os.environ, **OWNED_BY_ANYBODY},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    first_line = re.compile(rb"#!.*\b(ba|da)?sh\b")
    return [
        name
        for name in tracked
        if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()
        if first_line.match((ROOT / name).read_bytes()[:64])
    ]


def pytest(name: str, selection: str, *arguments: str, cover: Sequence[str]) -> Check:
    """A run of pytest that records its branch coverage of `cover`, if any."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    argv += [f"--cov={package}" for package in cover]
    argv += ["--cov-branch" if cover else "--no-cov", *arguments]
    if selection:
        argv += ["-m", selection]
    return Check(name, tuple(argv), tests=True)


def static_checks(work: Path) -> list[Check]:
    """Style, types, import contracts and shell scripts; the longest first."""
    return [
        Check("mypy", tool("mypy", f"--cache-dir={work}/mypy")),
        Check("ruff check", tool("ruff", "check", "--no-cache", ".")),
        Check("ruff format", tool("ruff", "format", "--no-cache", "--check", ".")),
        Check(
            "import contracts",
            tool("lint-imports", "--cache-dir", f"{work}/import-linter"),
        ),
        Check("shellcheck", tool("shellcheck", *shell_scripts())),
    ]


def proofs(selection: str) -> list[Check]:
    """One run per proved room: its own tests alone must reach every branch."""
    return [
        pytest(
            f"tests of {package}",
            selection,
            "--cov-report=term-missing:skip-covered",
            "--cov-fail-under=100",
            folder,
            cover=[package],
        )
        for package, folder in PROVED.items()
    ]


def others(selection: str, cover: Sequence[str]) -> Check:
    """Every test that is not a proof, a measurement or an appliance."""
    apart = (*PROVED.values(), BENCH, APPLIANCE)
    return pytest(
        "all other tests",
        selection,
        *(f"--ignore={folder}" for folder in apart),
        *("-n", str(LANES), "--dist", "loadfile"),
        "--durations=15",
        *(("--cov-report=",) if cover else ()),
        "tests",
        cover=cover,
    )


def measurements(selection: str) -> Check:
    """The benchmarks, uncovered and alone on the machine."""
    check = pytest("measurements", selection, "-s", BENCH, cover=[])
    return dataclasses.replace(check, may_be_empty=True)


def run(check: Check, work: Path) -> Outcome:
    """Run one check to its end; its output goes to a file and to the outcome."""
    slug = check.name.replace(" ", "-")
    environment = {
        **os.environ,
        **OWNED_BY_ANYBODY,
        "COVERAGE_FILE": str(work / f"coverage.{slug}"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "hypothesis"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "100",
    }
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.argv,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        code, output = done.returncode, done.stdout
    except FileNotFoundError:
        code, output = 127, f"{check.argv[0]} is not installed\n"
    duration_s = time.monotonic() - started
    (work / f"{slug}.log").write_text(output)
    passed = code == 0 or (check.may_be_empty and code == NO_TESTS)
    return Outcome(check, passed, duration_s, output, count(check, output))


def count(check: Check, output: str) -> dict[str, int]:
    """The counts of pytest's last line, by word."""
    lines = output.rstrip().splitlines()
    if not check.tests or not lines:
        return {}
    closing = next((line for line in reversed(lines) if " in " in line), "")
    return {
        word.removesuffix("s"): int(number) for number, word in SUMMARY.findall(closing)
    }


def report(outcome: Outcome) -> None:
    """One line for what passed, the whole output of what did not."""
    mark = "ok    " if outcome.passed else "FAILED"
    counts = ", ".join(f"{number} {word}" for word, number in outcome.counts.items())
    line = f"{mark} {outcome.check.name:<24} {outcome.duration_s:6.1f} s  {counts}"
    if not outcome.passed:
        print(f"\n{outcome.output}")
    print(line.rstrip(), flush=True)


def run_together(checks: list[Check], work: Path) -> list[Outcome]:
    """Run the checks, two at a time, and report each as it ends."""
    outcomes = []
    with ThreadPoolExecutor(LANES) as lanes:
        for future in as_completed([lanes.submit(run, c, work) for c in checks]):
            outcomes.append(future.result())
            report(outcomes[-1])
    return outcomes


def coverage_total(work: Path) -> Outcome:
    """Branch coverage of all runs together."""
    parts = sorted(str(part) for part in work.glob("coverage.*"))
    run(Check("combine", tool("coverage", "combine", "--keep", *parts)), work)
    data = str(work / "coverage.combine")
    outcome = run(
        Check(
            "coverage of all",
            tool("coverage", "report", "--skip-covered", f"--data-file={data}"),
        ),
        work,
    )
    report(outcome)
    print(*(line for line in outcome.output.splitlines() if line.startswith("TOTAL")))
    return outcome


def working_directory() -> Path:
    """Where logs, caches and coverage data go: build/gate, if it may be written."""
    work = ROOT / "build" / "gate"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="keyra-gate-"))
    for stale in work.glob("coverage.*"):
        stale.unlink()
    return work


def main() -> int:
    """Run the part of the gate that the command line asks for."""
    parser = argparse.ArgumentParser(description="Run the gate.")
    part = parser.add_mutually_exclusive_group()
    for name in ("quick", "all", "appliance"):
        part.add_argument(
            f"--{name}", dest="part", action="store_const", const=name, default="usual"
        )
    chosen = parser.parse_args().part
    started = time.monotonic()
    work = working_directory()
    if chosen == "appliance":
        return appliance(work)
    selection = SELECTIONS[chosen]
    outcomes = run_together([*static_checks(work), *proofs(selection)], work)
    # Counting what they reach makes tests half as slow again: only where all are run.
    cover = EVERYTHING if chosen == "all" else ()
    outcomes += run_together([others(selection, cover)], work)
    if chosen != "quick":
        outcomes += run_together([measurements(selection)], work)
    if chosen == "all":
        outcomes += run_together([MUTANTS], work)
        outcomes.append(coverage_total(work))
    return conclude(outcomes, chosen, time.monotonic() - started)


def appliance(work: Path) -> int:
    """Run the appliance's rig, whose figures are wanted as they come."""
    check = Check("appliance", (str(ROOT / APPLIANCE / "run"),), tests=True)
    environment = {**os.environ, "KEYRA_PYTHON": sys.executable}
    started = time.monotonic()
    lines = []
    with subprocess.Popen(
        check.argv,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    (work / "appliance.log").write_text("".join(lines))
    counts = (
        {word: int(number) for number, word in SUMMARY.findall(lines[-1])}
        if lines
        else {}
    )
    passed = process.returncode == 0
    duration_s = time.monotonic() - started
    # The output was printed already.
    report(Outcome(check, passed, duration_s, "", counts))
    return 0 if passed else 1


def conclude(outcomes: list[Outcome], part: str, duration_s: float) -> int:
    """Print the counts of the whole gate; returns the exit code."""
    failed = [outcome.check.name for outcome in outcomes if not outcome.passed]
    totals = {
        word: sum(outcome.counts.get(word, 0) for outcome in outcomes)
        for word in ("passed", "failed", "error", "skipped")
    }
    print(f"\nthe gate ({part} part) took {duration_s:.0f} s")
    print(f"checks: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    for name in failed:
        print(f"  failed: {name}")
    print(
        f"tests: {totals['passed']} passed, {totals['failed'] + totals['error']} failed"
        f", {totals['skipped']} skipped"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
