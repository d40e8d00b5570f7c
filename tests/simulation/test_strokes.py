"""The stroke that comes next goes through the middle of the largest region that is wrong."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.simulation.strokes import longest_path, plan_stroke

Discs = Callable[..., NDArray[np.uint8]]


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


def test_a_right_mask_needs_no_stroke_and_unlabelled_truth_is_never_painted(discs: Discs) -> None:
    truth = discs(3)
    assert plan_stroke(truth, truth, smallest=1) is None
    unknown = np.full_like(truth, UNLABELLED)
    assert plan_stroke(truth, unknown, smallest=1) is None


def test_the_longest_path_runs_from_end_to_end_past_a_side_branch() -> None:
    skeleton = np.zeros((9, 20), dtype=bool)
    skeleton[4, 2:18] = True
    skeleton[1:4, 9] = True
    path = longest_path(skeleton)
    assert {path[0], path[-1]} == {(4, 2), (4, 17)}
    assert len(path) == 16
