"""Masks are compared with true ones slide by slide, and what can't be compared says why."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import record
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError
from unet_studio.usecases.cleaning.tune import tune
from unet_studio.usecases.evaluate import evaluate, pool

Mask = NDArray[np.uint8]


@pytest.fixture
def truth(tmp_path: Path, truths: dict[str, Mask]) -> Path:
    """A folder of true masks, 0 and 255."""
    for slide, mask in truths.items():
        file = tmp_path / "truth" / slide
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), mask * 255)
    return tmp_path / "truth"


def test_scores_of_each_slide_and_pooled(project: Project, truth: Path, truths: dict[str, Mask]) -> None:
    record(project, "a.png", truths["a.png"])
    record(project, "b.png", np.zeros_like(truths["b.png"]))
    right, wrong, missing = evaluate(project, truth).slides
    scores = pool([right])
    assert scores is not None
    assert (scores.dice, scores.iou, scores.pixel_accuracy, scores.v_rand) == (1.0, 1.0, 1.0, 1.0)
    none = pool([wrong])
    assert none is not None
    assert none.dice == 0.0
    assert "has no proposal to compare" in missing.problem
    both = pool([right, wrong, missing])
    spots = [int((truths[slide] == 1).sum()) for slide in ("a.png", "b.png")]
    assert both is not None
    assert both.dice == pytest.approx(2 * spots[0] / (2 * spots[0] + spots[1]))
    assert pool([missing]) is None
    assert evaluate(project, truth).pooled == both


def test_a_proposal_is_compared_as_it_is_exported(project: Project, truth: Path, truths: dict[str, Mask]) -> None:
    project.set_setting("active_model", "sure")
    file = proposal_file(project.place, "sure", PlaneId("sub/c.png"))
    mask = truths["sub/c.png"]
    stamp = slide_stamp(project.folder / "sub/c.png")
    write_proposal(file, mask.shape, 1, [(0, mask[..., None] * np.uint8(255))], stamp=stamp)
    scores = pool([slide for slide in evaluate(project, truth).slides if slide.slide == "sub/c.png"])
    assert scores is not None
    assert scores.dice == 1.0


def test_a_true_mask_of_another_size_is_a_problem_of_that_slide(
    project: Project, truth: Path, truths: dict[str, Mask]
) -> None:
    for slide, mask in truths.items():
        record(project, slide, mask)
    cv2.imwrite(str(truth / "a.png"), np.zeros((5, 7), np.uint8))
    problems = {slide.slide: slide.problem for slide in evaluate(project, truth).slides}
    assert "its slide 'a.png' is 64 × 64 pixels" in problems["a.png"]
    assert not problems["b.png"]


def test_no_true_mask_at_all(project: Project, tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="has the name of a slide"):
        evaluate(project, tmp_path)


def cells(gap: bool) -> Mask:
    """Two cells on the two sides of a membrane, class 1, which may have a gap."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 31:33] = 1
    if gap:
        mask[28:36, 31:33] = 0
    return mask


def test_v_rand_is_that_by_which_a_watershed_is_tuned(project: Project, truth: Path) -> None:
    """The membrane only divides: what it encloses is compared, not the membrane itself."""
    step = parse_steps("watershed-boundary:0:0.9@1")
    project.set_steps(step)
    project.set_setting("active_model", "leaky")
    file = proposal_file(project.place, "leaky", PlaneId("a.png"))
    stamp = slide_stamp(project.folder / "a.png")
    write_proposal(file, (64, 64), 1, [(0, cells(gap=True)[..., None] * np.uint8(255))], stamp=stamp)
    cv2.imwrite(str(truth / "a.png"), cells(gap=False) * 255)
    evaluated = pool([slide for slide in evaluate(project, truth).slides if slide.slide == "a.png"])
    assert evaluated is not None

    before = np.full((64, 64), 255, np.uint8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    edit = make_edit(PlaneId("a.png"), Box(0, 0, 64, 64), before, cells(gap=False), "", **states)
    assert edit is not None
    project.record(project.next_edit_id(), edit, (64, 64))
    tuned = tune(project, "watershed-boundary", 1)
    assert evaluated.v_rand == pytest.approx(tuned.v_rand_before)
    assert evaluated.v_rand < 0.7, "the two cells flow together through the gap"
