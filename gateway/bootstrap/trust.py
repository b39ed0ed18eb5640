"""Roots and the list of fallen models, from the files that the config names.

Which list was accepted last is remembered in the state directory: an older one, which
may not know yet that a model has fallen, is refused.
"""

import json
import logging
import os
from pathlib import Path
from typing import Final

from gateway.config import Config
from gateway.core.certificate_path import Certificate, load_root
from gateway.core.model_list import LIST_BYTES_MAX, ModelList, load_model_list
from gateway.errors import ConfigError
from ledger.keys import sync_directory

ROOT_BYTES_MAX: Final = 64 * 1024
ACCEPTED_NAME: Final = "model-list.json"
ACCEPTED_BYTES_MAX: Final = 4_096
_FILE_MODE: Final = 0o600
_LOG: Final = logging.getLogger(__name__)


def read_model_list(config: Config) -> ModelList | None:
    """Return the list that the config names, or None: it names none.

    Raises:
        ConfigError: it cannot be read, is not signed as it must be, or is older than
            one that was accepted here.
    """
    trust = config.trust
    if trust.model_list is None:
        return None
    path = Path(trust.model_list)
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            f"The list of models {path} cannot be read ({error.strerror}): correct "
            "[trust] model_list in the config."
        ) from error
    roots = tuple(read_root(Path(name)) for name in trust.model_list_roots)
    found = load_model_list(data, roots, trust.model_list_publisher)
    last = _accepted(config)
    if last is not None and found.number < last:
        raise ConfigError(
            f"The list of models {path} has number {found.number}, and number {last} "
            "was accepted here before: an older list may not know which models fell "
            "since. Put the newest one there."
        )
    return found


def accept_model_list(config: Config, found: ModelList | None) -> None:
    """Remember that a list was taken; where that fails, it is logged, and only that."""
    if found is None:
        return
    path = Path(config.gateway.state_dir) / ACCEPTED_NAME
    fresh = path.with_suffix(".new")
    row = {
        "number": found.number,
        "publisher": config.trust.model_list_publisher,
        "stale_ms": found.stale_ms,
    }
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(fresh, flags, _FILE_MODE), "w") as file:
            json.dump(row, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        _LOG.warning("The number of the list of models was not kept: %s", error)


def _accepted(config: Config) -> int | None:
    """Return the last accepted number of this publisher's list, None if not known."""
    path = Path(config.gateway.state_dir) / ACCEPTED_NAME
    try:
        with path.open("rb") as file:
            row = json.loads(file.read(ACCEPTED_BYTES_MAX))
        number, publisher = row["number"], row["publisher"]
    except FileNotFoundError:
        return None
    except (OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        _LOG.warning("%s cannot be used: %.200s", path, error)
        return None
    if publisher != config.trust.model_list_publisher or type(number) is not int:
        return None
    return number


def read_root(path: Path) -> Certificate:
    """Return a trust root.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(ROOT_BYTES_MAX)
    except OSError as error:
        raise ConfigError(
            f"The trust root {path} cannot be read ({error.strerror}): correct [trust] "
            "roots in the config."
        ) from error
    return load_root(data)
