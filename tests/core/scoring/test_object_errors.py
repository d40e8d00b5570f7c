"""What is wrong with a mask is told object by object, each object once, whatever is unlabelled around it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.scoring.object_errors import ErrorKind, ObjectError, find_object_errors
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError

Mask = NDArray[np.uint8]
SHAPE = (80, 120)


def draw(*discs: tuple[int, int, int], index: int = 1) -> Mask:
    """Discs at (y, x) of a radius on background."""
    mask = np.zeros(SHAPE, np.uint8)
    for y, x, radius in discs:
        cv2.circle(mask, (x, y), radius, index, thickness=-1)
    return mask


def one(labels: Mask, mask: Mask) -> ObjectError:
    (error,) = find_object_errors(labels, mask)
    return error


def test_a_right_mask_has_no_errors() -> None:
    mask = draw((20, 20, 9), (50, 80, 12))
    assert find_object_errors(mask, mask) == []


def test_what_nobody_labelled_there_is_false_and_what_is_not_found_is_missed() -> None:
    both, more = draw((20, 20, 9)), draw((20, 20, 9), (50, 80, 12))
    found = one(both, more)
    assert (found.kind, found.class_index) == (ErrorKind.FALSE, 1)
    assert found.box == Box(38, 68, 63, 93)
    assert found.size == np.count_nonzero(more) - np.count_nonzero(both)
    missed = one(more, both)
    assert (missed.kind, missed.box, missed.size) == (ErrorKind.MISSED, found.box, found.size)


def test_one_over_two_is_merged_and_two_in_one_are_split() -> None:
    two = draw((40, 30, 10), (40, 60, 10))
    bridged = two.copy()
    bridged[38:42, 30:60] = 1
    merged = one(two, bridged)
    assert (merged.kind, merged.size) == (ErrorKind.MERGED, np.count_nonzero(bridged))
    split = one(bridged, two)
    assert (split.kind, split.size) == (ErrorKind.SPLIT, np.count_nonzero(bridged))


@pytest.mark.parametrize("grown", [2, 5])
def test_a_border_is_off_by_so_many_pixels(grown: int) -> None:
    small, large = draw((40, 60, 15)), draw((40, 60, 15 + grown))
    for labels, mask in ((small, large), (large, small)):
        error = one(labels, mask)
        assert error.kind is ErrorKind.BORDER
        assert error.distance == pytest.approx(grown, abs=1)
        assert error.size == np.count_nonzero(labels != mask)


def test_a_border_that_is_off_by_a_pixel_is_right() -> None:
    assert find_object_errors(draw((40, 60, 15)), draw((40, 60, 16))) == []


def test_specks_are_passed_over() -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:8, 5:8] = 1
    assert find_object_errors(np.zeros_like(mask), mask) == []
    assert find_object_errors(np.zeros_like(mask), mask, smallest=9)[0].size == 9


def test_another_class_is_false_of_the_one_and_missed_of_the_other() -> None:
    errors = find_object_errors(draw((40, 60, 15)), draw((40, 60, 15), index=2))
    assert {(error.kind, error.class_index) for error in errors} == {(ErrorKind.MISSED, 1), (ErrorKind.FALSE, 2)}


def test_what_nobody_labelled_counts_neither_way() -> None:
    labels = np.full(SHAPE, UNLABELLED, np.uint8)
    labels[:, :60] = 0
    mask = draw((40, 90, 15))
    assert find_object_errors(labels, mask) == []
    labels[:, :100] = 0
    assert one(labels, mask).box.x1 == 100


def test_the_largest_come_first() -> None:
    sizes = [error.size for error in find_object_errors(np.zeros(SHAPE, np.uint8), draw((20, 20, 5), (50, 80, 12)))]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 2


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(MaskError, match="the same"):
        find_object_errors(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


discs = st.lists(st.tuples(st.integers(0, 79), st.integers(0, 119), st.integers(2, 14)), max_size=8)


@given(discs, discs, st.booleans())
def test_every_error_is_where_labels_and_mask_differ_and_all_differences_between_large_objects_are_found(
    truth: list[tuple[int, int, int]], found: list[tuple[int, int, int]], partly: bool
) -> None:
    labels, mask = draw(*truth), draw(*found)
    if partly:
        labels[:, 70:] = UNLABELLED
    errors = find_object_errors(labels, mask, smallest=1, least_distance=0.5)
    judged = np.where(labels == UNLABELLED, UNLABELLED, mask)
    wrong = labels != judged
    for error in errors:
        assert wrong[error.box.slices].any()
        assert 0 < error.size <= error.box.height * error.box.width
        assert (error.distance > 0) == (error.kind is ErrorKind.BORDER)
    assert bool(errors) == bool(wrong.any())
    missed = sum(error.size for error in errors if error.kind is ErrorKind.MISSED)
    assert missed <= np.count_nonzero(labels == 1)
