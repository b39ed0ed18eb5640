"""The rig: one machine, one air, and scenarios that begin from saved states.

    tests/appliance/run [--full] [--list] [--keep | --resume DIR] [NAME...]

A scenario is a file in scenarios/ with TITLE and `async def scenario(rig)`. It begins
from the state that it names as STATE ("enrolled" unless it says otherwise), with
FULL = True only when everything is wanted. It says what must hold by `rig.check`, and
what was measured by `rig.figure`.
"""

import argparse
import asyncio
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.appliance.rig import ENROLLED, INSTALLED, Report, Rig, Scenario, say

HERE: Final = Path(__file__).parent


def scenarios() -> Sequence[Scenario]:
    """Return all, in the order of their names' numbers."""
    found = []
    for path in sorted((HERE / "scenarios").glob("s*.py")):
        module = importlib.import_module(f"tests.appliance.scenarios.{path.stem}")
        found.append(
            Scenario(
                path.stem,
                module.TITLE,
                getattr(module, "STATE", ENROLLED),
                getattr(module, "FULL", False),
                module.scenario,
            )
        )
    return found


def built(cache: Path) -> Path:
    """Return the guest's image; build it if its inputs were never built."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "guest").rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(HERE)}\n".encode() + path.read_bytes())
    image = cache / f"guest-{digest.hexdigest()[:16]}"
    if not (image / "disk.ext4").exists():
        started = time.monotonic()
        shutil.rmtree(image, ignore_errors=True)
        making = image.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run([HERE / "guest" / "build", making], check=True)
        making.rename(image)
        say(f"The guest was built in {time.monotonic() - started:.0f} s.")
    return image


def conclude(report: Report, took_s: float) -> int:
    """Print the table and the counts; return the exit code."""
    say("")
    width = max((len(figure.what) for figure in report.figures), default=0)
    for figure in report.figures:
        note = "  emulated" if figure.emulated else ""
        say(f"{figure.what:<{width}}  {figure.value:>12}{note}")
    for sentence in report.failed:
        say(f"failed: {sentence}")
    say(f"It took {took_s:.0f} s.")
    say(f"{report.passed} passed, {len(report.failed)} failed")
    return 1 if report.failed or not report.passed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests/appliance/run")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a scenario")
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument("--keep", action="store_true", help="leave logs and disk")
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="of --keep: install nothing"
    )
    return parser.parse_args()


async def play_all(rig: Rig, wheels: Path, options: argparse.Namespace) -> None:
    """Set up, and play what is chosen."""
    all_of_them = scenarios()  # what is wrong with one is said at once
    try:
        await (rig.resume(wheels) if options.resume else rig.set_up(wheels))
        for scenario in all_of_them:
            wanted = scenario.name in options.names if options.names else True
            # Whoever begins enrolled needs the one that enrols.
            if (wanted and (rig.full or options.names or not scenario.full)) or (
                scenario.state == INSTALLED
            ):
                await rig.play(scenario)
    finally:
        await rig.tear_down()


def run(options: argparse.Namespace) -> int:
    """Build what is missing, play what is chosen, and conclude."""
    started = time.monotonic()
    cache = Path(os.environ["KEYRA_RIG_CACHE"])
    image = built(cache)
    place = options.resume or Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    rig = Rig(image, place, full=options.full)
    try:
        asyncio.run(play_all(rig, cache / "wheels", options))
    finally:
        if options.keep or options.resume:
            say(f"Logs and disk: {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)
    return conclude(rig.report, time.monotonic() - started)


def main() -> int:
    """Do what the command line says; return the exit code."""
    options = _options()
    if options.list:
        for scenario in scenarios():
            say(
                f"{scenario.name:<24} {'--full' if scenario.full else '':<6} "
                f"{scenario.title}"
            )
        return 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
