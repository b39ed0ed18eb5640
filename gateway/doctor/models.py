"""How old the list of fallen models is that the gateway goes by."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.config import Config
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine

ACCEPTED_NAME: Final = "model-list.json"
_MS_PER_DAY: Final = 86_400_000


def check_models(machine: Machine, config: Config) -> Iterator[Finding]:
    """A list that the site has is one that its publisher still stands by."""
    if config.trust.model_list is None:
        return
    where = config.trust.model_list
    path = Path(config.gateway.state_dir) / ACCEPTED_NAME
    try:
        row = json.loads(machine.read(str(path)) or "")
        number, stale_ms = int(row["number"]), int(row["stale_ms"])
    except (LookupError, TypeError, ValueError, RecursionError):
        yield note(
            "models",
            "I cannot see which list of fallen models the gateway took.",
            str(path),
            "Run this as root, and start the gateway: it writes that down.",
        )
        return
    late_ms = machine.wall_ms() - stale_ms
    if late_ms < 0:
        yield good("models", f"The list of fallen models is number {number}.", where)
        return
    yield wrong(
        "models",
        f"The list of fallen models, number {number}, is stale: a newer one was "
        f"promised {late_ms // _MS_PER_DAY + 1} days ago.",
        where,
        "Fetch the newest one from its publisher, put it there, and restart the "
        "gateway.",
    )
