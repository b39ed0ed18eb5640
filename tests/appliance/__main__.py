"""The rig: one machine, one air, and scenarios that begin from saved states.

    tests/appliance/run [--full] [--suite SUITE] [--arch ARCHITECTURE]
                        [--within MINUTES] [--keep | --resume DIR] [NAME...]

A scenario is a file in scenarios/ with TITLE and `async def scenario(rig)`. It begins
from the state that it names as STATE ("enrolled" unless it says otherwise), with
FULL = True only when everything is wanted. It says what must hold by `rig.check`, and
what was measured by `rig.figure`.
"""

import argparse
import asyncio
import faulthandler
import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.appliance.kind import Architecture, Kind, Suite
from tests.appliance.payload import run_bounded
from tests.appliance.report import SECOND_TRY, say
from tests.appliance.rig import ENROLLED, INSTALLED, Amount, Rig, Scenario

HERE: Final = Path(__file__).parent
# What --full wants.
TOUCHES: Final = 200
SCAN_S: Final = 600
CUTS: Final = 100
# How long one try of a scenario may take if it does not say so itself.
LIMIT_S: Final = 900
# How long the whole run may take.
SHORT_RUN_MIN_MAX: Final = 43
FULL_RUN_MIN_MAX: Final = 480
# After that, whoever still stands in the way is not asked any more.
TEAR_DOWN_S_MAX: Final = 45


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
                getattr(module, "LIMIT_S", LIMIT_S),
                module.scenario,
            )
        )
    return found


def amount(options: argparse.Namespace, cache: Path) -> Amount:
    """Return how much of each is wanted."""
    short, full = Amount(), options.full
    scan_s = None if options.scan_minutes is None else 60 * options.scan_minutes
    return Amount(
        full=full,
        touches=options.touches or (TOUCHES if full else short.touches),
        scan_s=scan_s or (SCAN_S if full else short.scan_s),
        cuts=options.cuts or (CUTS if full else short.cuts),
        cuts_file=cache / "cuts.json" if options.cuts or full else None,
    )


def image_of(kind: Kind, cache: Path) -> Path:
    """Return where a kind's guest is kept, by the state of its inputs."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "guest").rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(HERE)}\n".encode() + path.read_bytes())
    return cache / f"guest-{kind}-{digest.hexdigest()[:16]}"


def built(kind: Kind, cache: Path) -> Path:
    """Return the guest's image; build it if its inputs were never built."""
    image = image_of(kind, cache)
    if not (image / "disk.ext4").exists():
        started = time.monotonic()
        shutil.rmtree(image, ignore_errors=True)
        making = image.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        build = (HERE / "guest" / "build", making, kind.suite, kind.architecture)
        try:
            run_bounded(kind.build_s_max, *build)
        except subprocess.CalledProcessError as error:
            # Archives are far away, and sometimes out of reach for a moment.
            say(f"The guest could not be built, a second try: {error}")
            shutil.rmtree(making, ignore_errors=True)
            run_bounded(kind.build_s_max, *build)
        making.rename(image)
        say(f"The guest {kind} was built in {time.monotonic() - started:.0f} s.")
    return image


def _options() -> argparse.Namespace:
    # The script that starts this looks for --arch, too.
    parser = argparse.ArgumentParser("tests/appliance/run", allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a scenario")
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument(
        "--suite",
        type=Suite,
        choices=list(Suite),
        default=Kind().suite,
        help="the machine's Debian",
    )
    parser.add_argument(
        "--arch",
        type=Architecture,
        choices=list(Architecture),
        default=Kind().architecture,
        help="the machine's processor",
    )
    parser.add_argument(
        "--processors",
        type=int,
        choices=(1, 2),
        default=Kind().processors,
        help="the machine's; of one each, two machines run side by side",
    )
    parser.add_argument("--touches", type=int, metavar="N", help="for the figures")
    parser.add_argument("--scan-minutes", type=float, metavar="MINUTES")
    parser.add_argument(
        "--cuts", type=int, metavar="N", help="power cuts, in parts: goes on to N"
    )
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument(
        "--within", type=float, metavar="MINUTES", help="the whole run's limit"
    )
    parser.add_argument("--keep", action="store_true", help="leave logs and disk")
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="of --keep: install nothing"
    )
    return parser.parse_args()


async def set_up(rig: Rig, options: argparse.Namespace) -> None:
    """Have a machine with the product installed; a new one if the first fails."""
    if options.resume:
        await rig.resume()
        return
    try:
        await rig.set_up()
    except Exception as error:  # noqa: BLE001 - whatever it was is said and tried again
        say(f"Setting up failed, a second try: {error!r}")
        await rig.tear_down()
        await rig.set_up()
        rig.report.second_tries.append(f"setting up: {SECOND_TRY}; first: {error!r}")


async def play_all(rig: Rig, options: argparse.Namespace) -> None:
    """Set up, and play what is chosen."""
    all_of_them = scenarios()  # what is wrong with one is said at once
    try:
        await set_up(rig, options)
        for scenario in all_of_them:
            wanted = scenario.name in options.names if options.names else True
            # Whoever begins enrolled needs the one that enrols.
            if (wanted and (rig.amount.full or options.names or not scenario.full)) or (
                scenario.state == INSTALLED
            ):
                await rig.play(scenario)
    finally:
        await rig.tear_down()


async def bounded(rig: Rig, options: argparse.Namespace, within_s: float) -> None:
    """Play, but end when the time is over or a signal asks for it."""
    playing = asyncio.ensure_future(play_all(rig, options))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, playing.cancel)
    done, _ = await asyncio.wait([playing], timeout=max(0.0, within_s))
    if not done:
        rig.report.end_early("the whole run took longer than it may")
        playing.cancel()
        await asyncio.wait([playing])
    elif playing.cancelled():
        rig.report.end_early("the run was told to end")
    elif (error := playing.exception()) is not None:
        say("".join(traceback.format_exception(error)).rstrip())
        rig.report.end_early(f"the rig itself: {error!r}")


def run(options: argparse.Namespace) -> int:
    """Build what is missing, play what is chosen, and conclude."""
    started = time.monotonic()
    kind = Kind(options.suite, options.arch, options.processors)
    limit_min = FULL_RUN_MIN_MAX if options.full else SHORT_RUN_MIN_MAX
    limit_s = 60 * (options.within or limit_min + kind.build_more_min)
    # Ends this process, and QEMU and the radio with it, whatever hangs.
    faulthandler.dump_traceback_later(limit_s + TEAR_DOWN_S_MAX, exit=True)
    cache = Path(os.environ["KEYRA_RIG_CACHE"])
    image = built(kind, cache)
    place = options.resume or Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    wanted = amount(options, cache)
    rig = Rig(kind, image, cache=cache, place=place, amount=wanted)
    try:
        left_s = limit_s - (time.monotonic() - started)
        asyncio.run(bounded(rig, options, left_s))
    finally:
        if options.keep or options.resume:
            say(f"Logs and disk: {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)
    return rig.report.conclude(time.monotonic() - started)


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
