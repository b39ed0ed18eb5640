"""Each denial reason can happen, and a test makes it happen."""

import re
from pathlib import Path

from gateway.core.facts import DenialReason

ROOT = Path(__file__).parents[2]
USE = re.compile(r"\b(?:Denial)?Reason\.([A-Z_]+)\b")


def test_every_reason_is_given_by_the_gateway() -> None:
    text = "\n".join(
        path.read_text()
        for path in (ROOT / "gateway").rglob("*.py")
        if path.name != "facts.py"
    )
    assert set(USE.findall(text)) == set(DenialReason.__members__)


def test_every_reason_is_provoked_by_a_test() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    provoked = set(USE.findall(text))
    provoked |= {r.name for r in DenialReason if f'"{r.value}"' in text}
    assert provoked == set(DenialReason.__members__)


def test_words_and_sentences_are_fit_for_ledger_and_guard() -> None:
    assert len({reason.value for reason in DenialReason}) == len(DenialReason)
    for reason in DenialReason:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)
        assert reason.value == reason.name.lower().replace("_", "-")
        assert reason.sentence.endswith(".")
        assert len(reason.sentence) <= 80
