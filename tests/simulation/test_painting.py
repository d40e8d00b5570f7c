"""The simulated annotator corrects masks with real strokes and labels nothing wrongly."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import lay_over
from unet_studio.core.tiles import Box
from unet_studio.simulation.painting import Pace, correct, paint, plan_corrections, plan_first_strokes
from unet_studio.simulation.strokes import PlannedStroke

Mask = NDArray[np.uint8]
Discs = Callable[..., Mask]
PLANE = PlaneId("a.png")


@given(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([2, 3]))
@settings(max_examples=25, deadline=None)
def test_every_stroke_helps_and_none_labels_a_pixel_wrongly(
    discs: Discs, of_truth: int, of_mask: int, classes: int
) -> None:
    truth, cleaned = discs(of_truth, classes=classes), discs(of_mask, classes=classes)
    labels, box = LabelPlane(truth.shape), Box.of_shape(truth.shape)
    wrong = int((cleaned != truth).sum())
    for edit in correct(labels, PLANE, cleaned, truth):
        for patch in edit.change.patches:
            assert np.array_equal(labels.read(patch.box), patch.labels_after)
        now = int((lay_over(labels.read(box), cleaned) != truth).sum())
        assert now < wrong
        wrong = now
    painted = labels.read(box)
    assert (painted == truth)[painted != UNLABELLED].all()


def test_it_goes_on_until_only_small_regions_are_wrong(discs: Discs) -> None:
    truth, cleaned = discs(1), discs(2)
    labels, box = LabelPlane(truth.shape), Box.of_shape(truth.shape)
    edits = list(correct(labels, PLANE, cleaned, truth, smallest=15, most=1000))
    wrong = (lay_over(labels.read(box), cleaned) != truth).astype(np.uint8)
    for value in (0, 1):
        _, _, stats, _ = cv2.connectedComponentsWithStats(wrong * (truth == value), connectivity=8)
        assert (stats[1:, cv2.CC_STAT_AREA] < 15).all()
    assert edits[0].change.state_before is PlaneState.PROPOSED
    assert {edit.change.state_after for edit in edits} == {PlaneState.CORRECTED}


def test_the_number_of_strokes_is_bounded(discs: Discs) -> None:
    assert len(list(correct(LabelPlane((96, 96)), PLANE, discs(4), discs(5), most=2))) == 2


def test_a_stroke_takes_a_second_and_as_long_as_its_way_needs() -> None:
    path = ((10.0, 10.0), (10.0, 210.0), (160.0, 410.0))
    assert Pace().seconds(PlannedStroke(1, 4.0, path)) == pytest.approx(1 + (200 + 250) / 400)
    assert Pace(speed=100, stroke=2).seconds(PlannedStroke(1, 4.0, path[:1])) == 2


@given(st.integers(0, 1000), st.floats(0, 20))
@settings(max_examples=15, deadline=None)
def test_first_strokes_fit_in_the_time_and_say_nothing_untrue(discs: Discs, seed: int, seconds: float) -> None:
    truth = discs(seed)
    labels = LabelPlane(truth.shape)
    timed = list(paint(labels, PLANE, plan_first_strokes(truth), state=PlaneState.NEW, seconds=seconds))
    assert sum(one.seconds for one in timed) <= seconds
    painted = labels.read(Box.of_shape(truth.shape))
    assert (painted == truth)[painted != UNLABELLED].all()
    if timed:
        assert timed[0].edit.change.state_before is PlaneState.NEW
        assert timed[-1].edit.change.state_after is PlaneState.CORRECTED


def test_first_strokes_are_of_every_class_within_seconds() -> None:
    truth = np.zeros((128, 128), np.uint8)
    cv2.circle(truth, (40, 40), 16, 1, thickness=-1)
    cv2.circle(truth, (90, 90), 12, 2, thickness=-1)
    labels = LabelPlane(truth.shape)
    list(paint(labels, PLANE, plan_first_strokes(truth), state=PlaneState.NEW, seconds=8))
    painted = labels.read(Box.of_shape(truth.shape))
    for value in (0, 1, 2):
        assert (painted == value).sum() > 0.2 * (truth == value).sum()
    beside = cv2.dilate((truth == 1).astype(np.uint8), np.ones((9, 9))) - (truth == 1)
    assert (painted[beside == 1] == 0).mean() > 0.5  # close to the border, where a model is wrong


def test_first_strokes_end_and_an_unlabelled_truth_needs_none(discs: Discs) -> None:
    truth = discs(3)
    labels = LabelPlane(truth.shape)
    assert len(list(paint(labels, PLANE, plan_first_strokes(truth), state=PlaneState.NEW))) < 100
    assert (labels.read(Box.of_shape(truth.shape)) == 0).sum() > 0.8 * (truth == 0).sum()
    assert plan_first_strokes(np.full_like(truth, UNLABELLED))(np.full_like(truth, UNLABELLED)) is None


def test_thin_rims_are_left() -> None:
    truth = np.zeros((64, 64), np.uint8)
    truth[20:40, 20:40] = 1
    rim = truth.copy()
    rim[18:42, 18:42] = 1  # two pixels too large all around
    nothing = np.full_like(truth, UNLABELLED)
    assert plan_corrections(rim, truth, thinnest=3)(nothing) is None
    assert plan_corrections(rim, truth, thinnest=1)(nothing) is not None
    rim[50:53, 5:60] = 1
    planned = plan_corrections(rim, truth, thinnest=3)(nothing)
    assert planned is not None
    assert planned.value == 0
    assert {int(y) for y, _ in planned.path} <= {50, 51, 52}
