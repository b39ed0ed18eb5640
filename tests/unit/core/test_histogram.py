"""A histogram's percentiles are near, and merging loses nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.histogram import INDEX_MAX, PER_OCTAVE, VALUE_MAX, Histogram

VALUES = st.integers(-VALUE_MAX, VALUE_MAX)


def of(values: list[int]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


def test_an_empty_one_has_no_percentile() -> None:
    assert (Histogram().count, Histogram().percentile(99)) == (0, 0)


@given(st.lists(VALUES, min_size=1, max_size=50), st.integers(0, 100))
def test_a_percentile_is_near_the_value_at_its_rank(
    values: list[int], percent: int
) -> None:
    rank = max(1, -(-len(values) * percent // 100))
    exact = sorted(values)[rank - 1]
    found = of(values).percentile(percent)
    assert abs(found - exact) <= abs(exact) / 128


@given(st.lists(VALUES, max_size=20), st.lists(VALUES, max_size=20))
def test_merging_is_adding_all(left: list[int], right: list[int]) -> None:
    both = of(left)
    both.merge(of(right))
    assert both.pack() == of(left + right).pack()
    assert both.count == len(left) + len(right)


def test_what_is_too_large_counts_as_the_largest() -> None:
    assert of([VALUE_MAX * 8]).pack() == of([VALUE_MAX]).pack() == [[INDEX_MAX, 1]]


@given(st.lists(VALUES, max_size=30))
def test_what_was_packed_unpacks(values: list[int]) -> None:
    packed = of(values).pack()
    again = Histogram.unpack(json.loads(json.dumps(packed)))
    assert (again.pack(), again.count) == (packed, len(values))


@pytest.mark.parametrize(
    "rubbish",
    [
        *(None, {}, "[]", [1], [[1]], [[1, 0]], [[1, -3]], [["1", 1]]),
        [[INDEX_MAX + 1, 1]],
        [[-INDEX_MAX - 1, 1]],
    ],
)
def test_rubbish_does_not_unpack(rubbish: object) -> None:
    with pytest.raises(ValueError, match="no "):
        Histogram.unpack(rubbish)


def test_a_percentile_is_the_value_at_its_rank() -> None:
    found = of([1] * 197 + [2] * 3)
    assert [found.percentile(part) for part in (0, 98, 99, 100)] == [1, 1, 2, 2]


def test_the_first_bucket_of_two_values_tells_its_middle() -> None:
    middle = of([2 * PER_OCTAVE]).percentile(50)
    assert (middle, type(middle)) == (2 * PER_OCTAVE + 1, int)


def test_a_bucket_that_was_packed_twice_counts_twice() -> None:
    assert Histogram.unpack([[1, 2], [1, 3]]).pack() == [[1, 5]]
