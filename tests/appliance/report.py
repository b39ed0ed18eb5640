"""What a run found: counts, figures, and what was tried twice."""

from dataclasses import dataclass, field
from typing import Final

SECOND_TRY: Final = "passed at the second try"


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured; `emulated` where the processor decides it."""

    what: str
    value: str
    emulated: bool


@dataclass(slots=True)
class Account:
    """One try of one scenario.

    Attributes:
        violated: those of `failed` that no second try makes good.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    violated: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


class Report:
    """All scenarios together."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: Final[list[str]] = []
        self.figures: Final[list[Figure]] = []
        self.second_tries: Final[list[str]] = []

    def add(self, name: str, first: Account, second: Account | None = None) -> None:
        """Add a scenario; its second try decides, if it was allowed one."""
        counts = first if second is None else second
        self.passed += counts.passed
        self.figures.extend(counts.figures)
        self.failed.extend(f"{name}: {sentence}" for sentence in counts.failed)
        if second is not None and not second.failed:
            why = "; ".join(first.failed)
            self.second_tries.append(f"{name}: {SECOND_TRY}; at the first: {why}")

    def end_early(self, sentence: str) -> None:
        """Note what ended the whole run."""
        self.failed.append(sentence)

    def conclude(self, took_s: float) -> int:
        """Print the table and the counts; return the exit code."""
        say("")
        width = max((len(figure.what) for figure in self.figures), default=0)
        for figure in self.figures:
            note = "  emulated" if figure.emulated else ""
            say(f"{figure.what:<{width}}  {figure.value:>12}{note}")
        for sentence in self.second_tries:
            say(sentence)
        for sentence in self.failed:
            say(f"failed: {sentence}")
        say(f"It took {took_s:.0f} s.")
        say(
            f"{self.passed} passed, {len(self.failed)} failed"
            f", {len(self.second_tries)} at the second try"
        )
        return 1 if self.failed or not self.passed else 0


def say(text: str) -> None:
    """Print, at once."""
    print(text, flush=True)  # noqa: T201 - it talks to a person
