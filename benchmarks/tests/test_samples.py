import pytest

from benchmarks.samples import median, percentile


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentile_is_a_sample(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_median_of_an_even_number_lies_between() -> None:
    assert median([4.0, 1.0, 2.0, 3.0]) == 2.5
    assert median([3.0, 1.0, 2.0]) == 2.0


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        median([])
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)
