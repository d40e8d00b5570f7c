"""The simulated annotator mends masks with real strokes and says nothing that is untrue."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.annotator import correct, longest_path, plan_stroke
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks import lay_over
from unet_studio.core.tiles import Box

Mask = NDArray[np.uint8]
PLANE = PlaneId("a.png")


def discs(seed: int, side: int = 96, classes: int = 2) -> Mask:
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    for y, x in rng.integers(0, side, (6, 2)):
        value = int(rng.integers(0, classes))
        cv2.circle(mask, (int(x), int(y)), int(rng.integers(5, 16)), value, thickness=-1)
    return mask


@given(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([2, 3]))
@settings(max_examples=25, deadline=None)
def test_every_stroke_helps_and_none_labels_a_pixel_wrongly(of_truth: int, of_mask: int, classes: int) -> None:
    truth, cleaned = discs(of_truth, classes=classes), discs(of_mask, classes=classes)
    labels, box = LabelPlane(truth.shape), Box.of_shape(truth.shape)
    wrong = int((cleaned != truth).sum())
    for edit in correct(labels, PLANE, cleaned, truth):
        assert np.array_equal(labels.read(edit.box), edit.after)
        now = int((lay_over(labels.read(box), cleaned) != truth).sum())
        assert now < wrong
        wrong = now
    painted = labels.read(box)
    assert (painted == truth)[painted != UNLABELLED].all()


def test_it_goes_on_until_only_small_regions_are_wrong() -> None:
    truth, cleaned = discs(1), discs(2)
    labels, box = LabelPlane(truth.shape), Box.of_shape(truth.shape)
    edits = list(correct(labels, PLANE, cleaned, truth, smallest=15, most=1000))
    wrong = (lay_over(labels.read(box), cleaned) != truth).astype(np.uint8)
    for value in (0, 1):
        _, _, stats, _ = cv2.connectedComponentsWithStats(wrong * (truth == value), connectivity=8)
        assert (stats[1:, cv2.CC_STAT_AREA] < 15).all()
    assert edits[0].state_before is PlaneState.PROPOSED
    assert {edit.state_after for edit in edits} == {PlaneState.CORRECTED}


def test_a_missing_bar_is_painted_along_its_middle_in_one_stroke() -> None:
    truth = np.zeros((64, 64), np.uint8)
    truth[28:36, 8:56] = 1
    planned = plan_stroke(np.zeros_like(truth), truth, smallest=10)
    assert planned is not None
    assert planned.value == 1
    assert planned.radius == pytest.approx(3.5, abs=1)
    ys, xs = np.array(planned.path).T
    assert np.abs(ys - 32).max() <= 2
    assert np.ptp(xs) > 35


def test_a_right_mask_needs_no_stroke_and_unlabelled_truth_is_never_painted() -> None:
    truth = discs(3)
    assert plan_stroke(truth, truth, smallest=1) is None
    unknown = np.full_like(truth, UNLABELLED)
    assert plan_stroke(truth, unknown, smallest=1) is None


def test_the_number_of_strokes_is_bounded() -> None:
    assert len(list(correct(LabelPlane((96, 96)), PLANE, discs(4), discs(5), most=2))) == 2


def test_the_longest_path_runs_from_end_to_end_past_a_side_branch() -> None:
    skeleton = np.zeros((9, 20), dtype=bool)
    skeleton[4, 2:18] = True
    skeleton[1:4, 9] = True
    path = longest_path(skeleton)
    assert {path[0], path[-1]} == {(4, 2), (4, 17)}
    assert len(path) == 16
