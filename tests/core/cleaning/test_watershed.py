"""Watershed lines against scikit-image's h-maxima."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure, morphology

from unet_studio.core.cleaning.watershed import dividing_lines


def hills(seed: int, sigma: float = 3.0) -> tuple[NDArray[np.bool_], NDArray[np.uint16]]:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(60, 70)), sigma)
    relief = np.asarray(30000 + noise * sigma * 20000, np.uint16)
    return relief > 30000, relief


@given(st.integers(0, 2**32 - 1), st.integers(1, 12000), st.sampled_from([1.0, 3.0]))
@settings(max_examples=60, deadline=None)
def test_each_hill_that_counts_gets_a_piece_and_no_other(seed: int, height: int, sigma: float) -> None:
    """The hills that count are the h-maxima of each component, after scikit-image."""
    inside, relief = hills(seed, sigma)
    lines = dividing_lines(inside, relief, height)
    assert not np.any(lines & ~inside)
    ground = np.where(inside, relief.astype(np.int64) + height + 1, 0)
    levelled = morphology.reconstruction(np.maximum(ground - height, 0), ground, footprint=np.ones((3, 3)))
    tops = measure.label(morphology.local_maxima(levelled, connectivity=2) & inside, connectivity=2)
    pieces = measure.label(inside & ~lines, connectivity=2)
    summits = [np.flatnonzero((tops == n) & (ground == ground[tops == n].max())) for n in range(1, tops.max() + 1)]
    numbers = [set(pieces.ravel()[summit].tolist()) for summit in summits]
    assert all(0 not in found for found in numbers)  # no summit lies on a line
    assert len(set.union(*numbers)) >= len(numbers)
    assert all(a.isdisjoint(b) for i, a in enumerate(numbers) for b in numbers[:i])  # and no two in one piece


@given(st.integers(0, 2**32 - 1), st.integers(1, 12000))
@settings(max_examples=30, deadline=None)
def test_a_line_always_has_two_different_sides(seed: int, height: int) -> None:
    """A plane with one hill is not divided, and lines keep to the valleys: every pixel of one touches another piece."""
    inside, relief = hills(seed)
    lines = dividing_lines(inside, relief, height)
    for component in range(1, measure.label(inside, connectivity=2).max() + 1):
        where = measure.label(inside, connectivity=2) == component
        if (lines & where).any():
            assert measure.label(where & ~lines, connectivity=2).max() >= 2


@given(st.integers(0, 2**32 - 1), st.integers(1, 12000))
@settings(max_examples=30, deadline=None)
def test_components_do_not_influence_each_other(seed: int, height: int) -> None:
    inside, relief = hills(seed)
    components = measure.label(inside, connectivity=2)
    together = dividing_lines(inside, relief, height)
    for number in range(1, min(components.max(), 6) + 1):
        alone = dividing_lines(components == number, relief, height)
        np.testing.assert_array_equal(alone, together & (components == number))


def test_a_plateau_is_one_hill_and_nothing_inside_gives_no_line() -> None:
    flat = np.full((20, 20), 65535, np.uint16)
    assert not dividing_lines(np.ones((20, 20), bool), flat, 1).any()
    assert not dividing_lines(np.zeros((20, 20), bool), flat, 1).any()


@pytest.mark.parametrize(("height", "parted"), [(300, True), (301, False)])
def test_the_height_counts_from_the_lower_top_down_to_the_pass(height: int, parted: bool) -> None:
    relief = np.array([[900, 1000, 900, 500, 700, 800, 700]], np.uint16)
    lines = dividing_lines(np.ones((1, 7), bool), relief, height)
    assert lines.tolist() == [[False, False, False, parted, False, False, False]]
