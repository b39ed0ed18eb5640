"""What both compositions open: a sealed ledger whose first key is elsewhere."""

from pathlib import Path

import pytest

from gateway.adapters.system_clock import SystemClock, SystemEntropy
from gateway.bootstrap.parts import opened_parts
from gateway.cli import main
from gateway.config import defaults_text, load


async def test_a_seals_first_key_that_still_lies_there_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, state = tmp_path / "gateway.toml", tmp_path / "state"
    text = defaults_text().replace("/var/lib/keyra", str(state))
    path.write_text(text)
    config = load(path)
    assert config.gateway.state_dir == str(state)
    assert main(["init", "--config", str(path)]) == 0
    for words in ([str(state / "ledger.seal-key")], []):
        caplog.clear()
        with opened_parts(config, SystemClock(), SystemEntropy()) as parts:
            await parts.journal.close()
        assert [word for word in words if word in caplog.text] == words
        assert ("seal" in caplog.text) is bool(words)
        (state / "ledger.seal-key").unlink(missing_ok=True)
