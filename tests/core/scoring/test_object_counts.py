"""Objects are matched one to one, by class, at an IoU of half or more, on labelled pixels only."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.scoring.object_counts import ObjectCounts, count_objects

MASKS = arrays(np.uint8, (9, 9), elements=st.integers(0, 2))


def squares(*corners: tuple[int, int], side: int = 4, value: int = 1) -> np.ndarray:
    mask = np.zeros((20, 20), np.uint8)
    for y, x in corners:
        mask[y : y + side, x : x + side] = value
    return mask


def test_right_missed_and_false_objects_are_told_apart() -> None:
    labels, mask = squares((1, 1), (10, 10)), squares((1, 2), (1, 12))
    counted = count_objects(labels, mask)
    assert counted == ObjectCounts(labelled=2, found=2, right=1)  # 12 shared of 20 pixels is an IoU of 0.6
    assert counted.f1 == 0.5


def test_an_overlap_below_half_is_no_match_and_exactly_half_is_one() -> None:
    labels = squares((1, 1))
    assert count_objects(labels, squares((1, 3))).right == 0  # 8 of 24
    half = labels.copy()
    half[1:3] = 0
    assert count_objects(labels, half).right == 1


def test_one_object_over_two_equal_ones_is_one_match_at_most() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[0:4], labels[4:8] = 1, 2
    assert count_objects(labels, np.ones((8, 8), np.uint8)) == ObjectCounts(2, 1, 1)
    parted = np.ones((9, 8), np.uint8)
    parted[4] = 0
    assert count_objects(parted, np.ones((9, 8), np.uint8)).right <= 1


def test_an_object_of_another_class_is_not_it() -> None:
    assert count_objects(squares((1, 1)), squares((1, 1), value=2)) == ObjectCounts(1, 1, 0)


def test_what_nobody_labelled_counts_neither_way() -> None:
    labels = squares((1, 1))
    labels[:, 9:] = UNLABELLED
    assert count_objects(labels, squares((1, 1), (10, 12))) == ObjectCounts(1, 1, 1)


def test_without_objects_there_is_no_figure() -> None:
    empty = np.zeros((5, 5), np.uint8)
    assert math.isnan(count_objects(empty, empty).f1)


@given(MASKS, MASKS)
def test_every_mask_is_itself_and_no_more_is_right_than_there_is(one: np.ndarray, other: np.ndarray) -> None:
    own, counted = count_objects(one, one), count_objects(one, other)
    assert own.labelled == own.found == own.right
    assert counted.right <= min(counted.labelled, counted.found)
    back = count_objects(other, one)
    assert (back.labelled, back.found) == (counted.found, counted.labelled)
