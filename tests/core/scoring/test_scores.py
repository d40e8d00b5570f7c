"""Scores against hand-computed and scikit-image's values."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage import metrics

from unet_studio.core.cleaning.instances import instances, thin_borders
from unet_studio.core.scoring.scores import Counts, count, mean_dice, rand_score
from unet_studio.errors import MaskError

TRUTH = np.array([[0, 0, 1, 1], [2, 255, 1, 255]], np.uint8)
MASK = np.array([[0, 1, 1, 1], [0, 2, 0, 1]], np.uint8)


def test_confusion_has_the_truth_in_rows_and_leaves_out_the_unlabelled() -> None:
    counts = count(TRUTH, MASK, 4)
    assert counts.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert counts.confusion.dtype == np.int64
    assert counts.labelled == 6


def test_scores_computed_by_hand() -> None:
    counts = count(TRUTH, MASK, 4)
    assert counts.dice(1) == pytest.approx(4 / 6)
    assert counts.iou(1) == pytest.approx(2 / 4)
    assert counts.dice(2) == 0
    assert math.isnan(counts.dice(3))
    assert math.isnan(counts.iou(3))
    assert counts.mean_dice == pytest.approx((4 / 6 + 0) / 2)
    assert counts.mean_iou == pytest.approx((2 / 4 + 0) / 2)
    assert counts.pixel_accuracy == pytest.approx(3 / 6)


def test_nothing_to_judge_is_nan() -> None:
    unlabelled = count(np.full((3, 3), 255, np.uint8), np.zeros((3, 3), np.uint8), 2)
    assert unlabelled.labelled == 0
    assert math.isnan(unlabelled.pixel_accuracy)
    empty = count(np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8), 2)
    assert empty.pixel_accuracy == 1
    assert math.isnan(empty.mean_dice)
    assert math.isnan(empty.mean_iou)


def test_a_class_that_only_the_mask_has_counts_unless_masks_are_compared_by_one_truth() -> None:
    right, adds_a_class = [[8, 0, 0], [0, 4, 0], [0, 0, 0]], [[7, 0, 1], [0, 4, 0], [0, 0, 0]]
    confusions = np.array([right, adds_a_class, np.zeros((3, 3), int)])
    np.testing.assert_array_equal(mean_dice(confusions), [1, 0.5, np.nan])
    np.testing.assert_array_equal(mean_dice(confusions, of_truth=True), [1, 1, np.nan])
    assert [Counts(one).mean_dice for one in confusions[:2]] == [1, 0.5]
    assert [Counts(one).mean_dice_of_truth for one in confusions[:2]] == [1, 1]


def test_counts_pool_pixels_rather_than_scores() -> None:
    whole = count(TRUTH, MASK, 3)
    halves = count(TRUTH[:1], MASK[:1], 3) + count(TRUTH[1:], MASK[1:], 3)
    np.testing.assert_array_equal(halves.confusion, whole.confusion)


def test_all_classes_fit() -> None:
    values = np.arange(254, dtype=np.uint8)[None]
    assert count(values, values, 254).mean_dice == 1


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(MaskError, match=r"2 × 4 pixels and the truth is 2 × 3"):
        count(TRUTH[:, :3], MASK, 3)
    with pytest.raises(MaskError, match=r"The truth has the value 2, but the classes run from 0 to 1"):
        count(TRUTH, MASK, 2)
    with pytest.raises(MaskError, match=r"The mask has the value 255"):
        count(MASK, TRUTH, 3)
    with pytest.raises(MaskError, match=r"can't be of the same slide"):
        rand_score(instances(TRUTH), instances(MASK[:1]))


def brute_rand_score(truth: NDArray[np.int32], found: NDArray[np.int32]) -> float:
    inside = [(t, f) for t, f in zip(truth.ravel().tolist(), found.ravel().tolist(), strict=True) if t]
    in_truth = in_mask = in_both = 0
    for (t1, f1), (t2, f2) in itertools.combinations(inside, 2):
        in_truth += t1 == t2
        in_mask += f1 == f2
        in_both += t1 == t2 and f1 == f2
    return in_both / (0.5 * in_truth + 0.5 * in_mask) if in_truth + in_mask else math.nan


divisions = hnp.arrays(np.int32, (5, 6), elements=st.integers(0, 4))


@given(divisions, divisions)
@settings(max_examples=60, deadline=None)
def test_rand_score_counts_pairs(truth: NDArray[np.int32], found: NDArray[np.int32]) -> None:
    assert rand_score(truth, found) == pytest.approx(brute_rand_score(truth, found), nan_ok=True)


def test_rand_score_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 9, (40, 50)), rng.integers(0, 5, (40, 50))
    found[:20] = truth[:20]
    error, _, _ = metrics.adapted_rand_error(truth, found)
    assert rand_score(truth, found) == pytest.approx(1 - error)


def test_rand_score_by_hand() -> None:
    truth = np.array([[1, 1, 0, 2, 2]])
    assert rand_score(truth, truth) == 1
    assert rand_score(truth, truth * 1000) == 1
    merged = np.array([[1, 1, 1, 1, 1]])
    assert rand_score(truth, merged) == pytest.approx(2 / (0.5 * 2 + 0.5 * 6))
    assert math.isnan(rand_score(np.zeros((2, 2), int), np.ones((2, 2), int)))
    assert math.isnan(rand_score(np.array([[1, 2]]), np.array([[1, 2]])))


def test_rand_score_after_border_thinning_does_not_depend_on_a_borders_width() -> None:
    truth = np.ones((20, 41), np.uint8)
    truth[:, 20] = 0
    scores = []
    for width in (0, 2, 5):
        mask = truth.copy()
        mask[:, 20 - width : 21 + width] = 0
        scores.append(rand_score(instances(truth), thin_borders(instances(mask))))
        plain = rand_score(instances(truth), instances(mask))
        assert plain == 1 if width == 0 else plain < 0.99
    assert scores == [1, 1, 1]
