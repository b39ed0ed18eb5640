"""Each kind of evidence is claimed and built in one module of the product."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKERS = {
    "Verified": "gateway/core/assertion.py",
    "Grant": "gateway/core/policy.py",
    "Order": "gateway/core/orders.py",
    "LedgerPosition": "gateway/ports.py",
    "Warrant": "gateway/core/administration.py",
}


def calls(function: str) -> list[tuple[str, str]]:
    """(module, first argument) of each call of a plain name in the gateway."""
    return [
        (str(path.relative_to(ROOT)), ast.unparse(node.args[0]) if node.args else "")
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        if ast.unparse(node.func).rpartition(".")[2] == function
    ]


def test_each_maker_is_claimed_once_where_it_belongs() -> None:
    assert sorted(calls("Maker")) == sorted(
        (module, kind) for kind, module in MAKERS.items()
    )


def test_evidence_is_built_only_by_its_maker() -> None:
    for kind, module in MAKERS.items():
        assert {place for place, _ in calls(kind)} == {module}, kind
