"""Charts show every point where it belongs, and are drawn whatever the values are."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import class_colour
from unet_studio.core.figures.charts import Series, line_chart


def chart(*series: Series, **options: int) -> NDArray[np.uint8]:
    return line_chart(series, title="Dice", x_title="minutes", y_title="F1", **options)


def drawn(picture: NDArray[np.uint8], index: int) -> NDArray[np.bool_]:
    """Where the colour of a series is, but for its legend."""
    near = np.abs(picture.astype(int) - class_colour(index + 1)).max(axis=-1) < 40
    near[:46] = False
    return near


def test_a_line_goes_from_lower_left_to_upper_right() -> None:
    found = drawn(chart(Series("a", ((0, 0), (5, 5), (10, 10)))), 0)
    rows, columns = np.nonzero(found)
    assert np.corrcoef(rows, columns)[0, 1] < -0.999
    assert columns.max() - columns.min() > 500
    assert rows.max() - rows.min() > 250


def test_each_series_has_its_own_colour_and_place() -> None:
    picture = chart(Series("upper", ((0, 3), (1, 3))), Series("lower", ((0, 1), (1, 1))))
    upper, lower = (np.nonzero(drawn(picture, index))[0] for index in (0, 1))
    assert upper.max() < lower.min()


def test_what_is_not_finite_leaves_a_gap() -> None:
    whole = chart(Series("a", tuple((x, 1.0) for x in range(9))))
    gap = chart(Series("a", tuple((x, math.nan if x in (4, 5) else 1.0) for x in range(9))))
    columns = np.flatnonzero(drawn(gap, 0).any(axis=0))
    assert np.diff(columns).max() > 100
    assert np.diff(np.flatnonzero(drawn(whole, 0).any(axis=0))).max() == 1


def test_only_several_series_have_a_legend() -> None:
    one = chart(Series("a", ((0, 0), (1, 1))))
    two = chart(Series("a", ((0, 0), (1, 1))), Series("b", ((0, 1), (1, 0))))
    legend = slice(28, 42)
    assert (two[legend, 400:] != 255).any()
    assert (one[legend, 400:] == 255).all()


def test_a_curve_may_have_no_dots() -> None:
    points = tuple((float(x), 1.0) for x in range(9))
    rows = [np.nonzero(drawn(chart(Series("a", points, dots=dots)), 0))[0] for dots in (True, False)]
    assert np.ptp(rows[0]) > np.ptp(rows[1])


def test_a_larger_scale_is_the_same_chart_with_more_pixels() -> None:
    series = Series("a", ((0, 0), (1, 3), (2, 1))), Series("b", ((0, 1), (2, 2)))
    small, large = chart(*series), chart(*series, scale=3)
    assert large.shape == (1200, 1920, 3)
    assert np.abs(cv2.resize(large, (640, 400), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 2


def test_there_are_no_ticks_between_two_counts() -> None:
    counts, minutes = (chart(Series("a", ((1, 5), (last, 5)))) for last in (3, 3.25))
    below = slice(357, 375)  # where the ticks of the axis are written
    columns = [np.flatnonzero((picture[below] < 100).any(axis=(0, 2))) for picture in (counts, minutes)]
    assert [int((np.diff(found) > 20).sum()) + 1 for found in columns] == [3, 6]


@pytest.mark.parametrize("points", [(), ((0.0, math.nan),), ((3.0, 7.0),), ((0.0, 1e-12), (1.0, 1e-12))])
def test_few_points_or_none_make_a_chart_too(points: tuple[tuple[float, float], ...]) -> None:
    assert chart(Series("a", points)).shape == (400, 640, 3)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=5),
    st.sampled_from([(320, 200), (640, 400)]),
)
def test_any_values_fit_into_the_frame(points: list[tuple[float, float]], size: tuple[int, int]) -> None:
    picture = chart(Series("a", tuple(points)), width=size[0], height=size[1])
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    found = drawn(picture, 0)
    assert found.any()
    assert not found[:, :55].any(), "left of the axis"
    assert not found[size[1] - 38 :].any(), "below the axis"
