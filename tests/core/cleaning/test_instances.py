"""Instances by components, and their borders thinned."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from unet_studio.core.cleaning.instances import instances, thin_borders


def test_instances_are_four_connected_and_keep_classes_apart() -> None:
    mask = np.array([[1, 0, 2, 2], [0, 1, 1, 255], [3, 3, 0, 1]], np.uint8)
    found = instances(mask)
    assert found.dtype == np.int32
    assert found.tolist() == [[1, 0, 4, 4], [0, 2, 2, 0], [5, 5, 0, 3]]
    assert not instances(np.zeros((2, 2), np.uint8)).any()


def test_between_boundaries_the_background_is_numbered() -> None:
    mask = np.array([[0, 1, 0, 0], [0, 1, 2, 255]], np.uint8)
    assert instances(mask, boundaries={1}).tolist() == [[1, 0, 2, 2], [1, 0, 3, 0]]


@given(hnp.arrays(np.uint8, (12, 15), elements=st.integers(0, 3)))
@settings(max_examples=40, deadline=None)
def test_instances_agree_with_scikit_image(mask: NDArray[np.uint8]) -> None:
    expected = measure.label(mask, background=0, connectivity=1)
    found = instances(mask)
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(found)) == len(np.unique(expected))
    assert found.max(initial=0) == expected.max(initial=0)


def test_thinned_borders_belong_to_the_nearest_instance() -> None:
    numbers = np.array([[7, 0, 0, 0, 0, 3], [7, 0, 0, 0, 0, 0]], np.int32)
    assert thin_borders(numbers).tolist() == [[7, 7, 7, 3, 3, 3], [7, 7, 7, 3, 3, 3]]
    assert not thin_borders(np.zeros((3, 4), np.int32)).any()


@given(hnp.arrays(np.int32, (14, 11), elements=st.sampled_from([0, 0, 0, 1, 2, 9])))
@settings(max_examples=40, deadline=None)
def test_thinning_keeps_what_has_a_number_and_takes_one_that_is_near(numbers: NDArray[np.int32]) -> None:
    thinned = thin_borders(numbers)
    np.testing.assert_array_equal(thinned[numbers > 0], numbers[numbers > 0])
    if numbers.any():
        distance = ndimage.distance_transform_edt(numbers == 0)
        to_own = np.select(
            [thinned == n for n in np.unique(numbers[numbers > 0])],
            [ndimage.distance_transform_edt(numbers != n) for n in np.unique(numbers[numbers > 0])],
            np.inf,
        )
        assert np.all(to_own <= distance * 1.03 + 1e-6)  # OpenCV's distance is within 3 % of the true one
