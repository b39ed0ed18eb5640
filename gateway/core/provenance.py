"""Who made this object: evidence that only its own maker can bring into being.

The order *verified → decided → durable → released* hangs on three kinds of evidence:
`Verified` (made by assertion), `Grant` (made by policy), `LedgerPosition` (made by
Journal.append). For each kind there is one `Maker`, claimed once, at import, by the
module that may make it. Three guards stand on top of one another:

1. types: a constructor wants its `Maker`, which no other module holds;
2. an import contract: only those modules import `Maker` from here;
3. run time: `genuine()` accepts an object only if its maker admitted that very object
   and none of its fields was exchanged since. A copy, a cast, an `object.__new__`, an
   unpickled or an edited one is not it.

Python hides nothing from code that already runs in the process; this makes a bypass a
visible, deliberate act instead of a mistake.
"""

import dataclasses
from typing import Any, ClassVar, Final, Generic, NoReturn, TypeVar, final
from weakref import WeakKeyDictionary

from gateway.errors import EvidenceError


@dataclasses.dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Evidence:
    """Base of the kinds of evidence. Compared by identity: an equal copy is a forgery.

    Subclasses are frozen dataclasses (`eq=False, slots=True`) that take their `Maker`
    as the `InitVar` named `maker`.
    """

    maker: dataclasses.InitVar["Maker[Any]"]

    def __post_init__(self, maker: "Maker[Any]") -> None:
        if type(maker) is not Maker:
            raise EvidenceError(
                f"A {type(self).__name__} is made only by the module that owns it."
            )
        maker.admit(self)

    def __copy__(self) -> NoReturn:
        raise EvidenceError(f"A {type(self).__name__} cannot be copied.")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise EvidenceError(f"A {type(self).__name__} cannot be copied.")

    def __reduce__(self) -> NoReturn:
        raise EvidenceError(f"A {type(self).__name__} cannot be pickled.")


E = TypeVar("E", bound=Evidence)


@final
class Maker(Generic[E]):
    """The right to make one kind of evidence; claimed once per process and kind."""

    _claimed: ClassVar[dict[type[Evidence], "Maker[Any]"]] = {}

    def __init__(self, kind: type[E]) -> None:
        if kind in Maker._claimed:
            raise EvidenceError(f"{kind.__name__} already has its maker.")
        Maker._claimed[kind] = self
        self._kind: Final = kind
        self._fields: Final = tuple(field.name for field in dataclasses.fields(kind))
        self._admitted: Final[WeakKeyDictionary[Evidence, tuple[object, ...]]] = (
            WeakKeyDictionary()
        )

    def admit(self, evidence: Evidence) -> None:
        """Remember an object under construction as genuine, with its fields."""
        if type(evidence) is not self._kind:
            raise EvidenceError(
                f"The maker of {self._kind.__name__} does not make "
                f"{type(evidence).__name__}."
            )
        self._admitted[evidence] = self._values(evidence)

    def made(self, evidence: Evidence) -> bool:
        """Tell whether this very object was admitted and is unchanged since."""
        remembered = self._admitted.get(evidence)
        if remembered is None:
            return False
        present = self._values(evidence)
        return all(a is b for a, b in zip(remembered, present, strict=True))

    def _values(self, evidence: Evidence) -> tuple[object, ...]:
        return tuple([getattr(evidence, name, None) for name in self._fields])


def genuine(candidate: object, kind: type[E]) -> E:
    """Return `candidate` if the maker of `kind` made it and nobody changed it.

    Raises:
        EvidenceError: it is of another type, forged, copied or edited.
    """
    maker = Maker._claimed.get(kind)  # noqa: SLF001 - the one reader of the table
    if maker is None or type(candidate) is not kind or not maker.made(candidate):
        raise EvidenceError(
            f"This is not a genuine {kind.__name__}; the door does not move."
        )
    return candidate
