"""Golden exports: made again byte for byte, and judged alike by both verifiers.

The files are what counts; `ledger_export_makers.py` says how each byte comes about. A
changed file is a changed format: say why, and write the new bytes by hand.
"""

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from ledger.verify import verify_lines
from tests.ledger_world import foreseeing
from tests.vectors.ledger_export_cases import CASES, Case
from tests.vectors.ledger_export_makers import FIRST, FIRST_SEAL_KEY, WITNESSING

FOLDER = Path(__file__).with_name("ledger_exports")
KIT = Path(__file__).parents[2] / "ledger" / "kit" / "verify.py"
FILE_BYTES_MAX = 48 * 1024

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def load_kit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kit_of_golden_exports", KIT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kit = load_kit()


def stored(case: Case) -> list[bytes]:
    data = (FOLDER / f"{case.name}.jsonl").read_bytes()
    assert len(data) <= FILE_BYTES_MAX
    return data.splitlines(keepends=True)


@every_case
def test_it_is_made_again_byte_for_byte(case: Case) -> None:
    assert b"".join(case.make()) == b"".join(stored(case))


@every_case
def test_the_package_says_so(case: Case) -> None:
    lines = stored(case)
    replay = foreseeing(lines) if "deep" in case.brings and lines else None
    verdict = verify_lines(
        lines,
        vkey=None if case.brings == "nothing" else FIRST.vkey,
        seal_key=FIRST_SEAL_KEY if "seal" in case.brings else None,
        witnesses=[WITNESSING.vkey] if "witness" in case.brings else [],
        on_entry=replay.on_entry if replay else None,
    )
    code, said = int(verdict.exit), verdict.problem
    if replay:
        replay.check_bases(verdict.first, verdict.base_root)
        found = replay.findings
        code = code or (1 if found else 0)
        said += " ".join(finding.text for finding in found)
        assert not replay.gaps
    assert (code, case.says[0] in said) == (case.exit, True), (code, said)
    assert case.exit or not said


@every_case
@pytest.mark.parametrize("library", [True, False], ids=["library", "plain"])
def test_the_kit_says_so(
    case: Case, monkeypatch: pytest.MonkeyPatch, *, library: bool
) -> None:
    """With the package cryptography, and by its own arithmetic."""
    if not library:
        monkeypatch.setattr(kit, "es256", kit.es256_plain)
        monkeypatch.setattr(kit, "ed25519", kit.ed25519_plain)
    code, says, _ = kit.verify(
        stored(case),
        None if case.brings == "nothing" else kit.Key(FIRST.vkey),
        witnesses=[kit.Key(WITNESSING.vkey)] if "witness" in case.brings else [],
        seal_key=FIRST_SEAL_KEY if "seal" in case.brings else None,
        deep="deep" in case.brings,
    )
    said = " ".join(says)
    assert (code, case.says[1] in said) == (case.exit, True), (code, said)


def test_every_file_is_a_case_and_stands_on_the_page() -> None:
    names = {path.stem for path in FOLDER.glob("*.jsonl")}
    assert names == {case.name for case in CASES}
    page = (FOLDER / "README.md").read_text()
    for case in CASES:
        brings = case.brings or "-"
        assert f"| `{case.name}` | {brings} | {case.exit} |" in page, case.name


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["whole", "stretch"])
def test_both_refuse_each_byte_of_each_kind_of_line_in_another(name: str) -> None:
    """Entry, note, cosignature, rotation, seal and base; the witness is asked for."""
    [case] = [case for case in CASES if case.name == name]
    lines, witness = stored(case), WITNESSING.vkey
    rng = random.Random(8)  # noqa: S311 - chosen by a seed, to be repeated
    for at, line in enumerate(lines):
        for byte in range(len(line)):
            changed = bytearray(line)
            changed[byte] ^= 1 << rng.randrange(8)
            file = [*lines[:at], bytes(changed), *lines[at + 1 :]]
            file = b"".join(file).splitlines(keepends=True)
            code = verify_lines(file, vkey=FIRST.vkey, witnesses=[witness]).exit
            kits, *_ = kit.verify(file, kit.Key(FIRST.vkey), None, [kit.Key(witness)])
            assert kits == code != 0, (at, byte)
