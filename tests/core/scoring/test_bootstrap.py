"""The interval of a pooled figure is as wide as it must be, for many units and for few."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.scoring.bootstrap import bootstrap_interval


def ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, 0] / sums[:, 1]


def with_ones(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Units whose ratio of sums is the mean of the values."""
    return np.stack([values, np.ones_like(values)], axis=1)


@pytest.mark.parametrize("count", [3, 5, 20])
def test_it_holds_the_true_mean_about_nineteen_times_in_twenty(count: int) -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        found = bootstrap_interval(with_ones(rng.normal(0.7, 0.1, count)), ratio, draws=400)
        inside += found.low <= 0.7 <= found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_large_units_count_for_more() -> None:
    units = np.array([[90, 100], [1, 10]])
    assert bootstrap_interval(units, ratio).value == pytest.approx(91 / 110)


def test_units_that_all_say_the_same_leave_no_doubt() -> None:
    found = bootstrap_interval(np.array([[5, 10], [50, 100], [1, 2]]), ratio)
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))


def test_the_same_units_get_the_same_interval() -> None:
    units = with_ones(np.random.default_rng(3).random(7))
    assert bootstrap_interval(units, ratio) == bootstrap_interval(units, ratio)


@pytest.mark.parametrize("units", [np.zeros((0, 2)), np.array([[3, 4]])])
def test_of_none_or_one_unit_there_is_no_interval(units: NDArray[np.float64]) -> None:
    found = bootstrap_interval(units, ratio)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_draws_that_say_nothing_are_left_out() -> None:
    units = np.array([[1, 2], [3, 4], [0, 0], [5, 6]])

    def known(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(sums[:, 1] > 6, np.divide(sums[:, 0], np.maximum(sums[:, 1], 1)), np.nan)

    found = bootstrap_interval(units, known)
    assert found.low < found.value < found.high
