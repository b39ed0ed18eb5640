from pathlib import Path

import pytest

from tests.ledger_world import Made, history, make


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A fresh sealed ledger with its genesis entry."""
    return make(tmp_path)


@pytest.fixture
def lived(made: Made) -> Made:
    """A ledger with a small life of a door."""
    history(made)
    return made
