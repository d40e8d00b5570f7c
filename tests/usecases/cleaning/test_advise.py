"""The adviser finds what was wrong with proposals throughout, and says so where it finds nothing."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress, propose, review
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.core.project.store import Project
from unet_studio.errors import Cancelled, StudioError
from unet_studio.usecases.cleaning.advice_sentences import headline
from unet_studio.usecases.cleaning.advise import advise, use_advice

SHAPE = (64, 64)
SLIDES = ("a.png", "b.png", "sub/c.png")
Paint = Callable[[str, NDArray[np.uint8]], None]


def discs(seed: int) -> NDArray[np.uint8]:
    truth = np.zeros(SHAPE, np.uint8)
    for y, x in ((14, 14), (14, 44), (44, 14 + seed), (46, 46)):
        cv2.circle(truth, (x, y), 7, 1, thickness=-1)
    return truth


def specks(seed: int) -> NDArray[np.uint8]:
    """Nine false objects of two by two pixels."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[30:32, 2 + seed : 56 : 6] = 1
    mask[31:33, 2 + seed : 56 : 6] = 1
    return mask


def correct(project: Project, paint: Paint, slide: str, proposal: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
    project.set_setting("active_model", "model")
    propose(project, slide, proposal)
    paint(slide, truth)
    review(project, slide)


def test_specks_that_were_erased_on_every_slide_are_advised_against(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        correct(project, paint, slide, np.maximum(discs(seed), specks(seed)) * np.uint8(230), discs(seed))
    watcher = RecordingProgress()
    advice = advise(project, progress=watcher)
    assert advice.is_better
    assert {step.operation for step in advice.recipe.steps} <= {"open", "remove-small"}
    assert advice.recipe.threshold == 0.5, "no threshold tells a speck from a disc here"
    assert advice.before.objects.found > advice.before.objects.right == 12
    assert advice.left_out.objects == advice.chosen_on.objects
    assert advice.left_out.objects.f1 == 1.0
    assert advice.left_out.dice > advice.before.dice
    assert (advice.planes, advice.slides) == (3, 3)
    assert watcher.events == []
    assert watcher.shares == sorted(watcher.shares)
    assert all(0 <= share <= 1 for share in watcher.shares)
    assert project.steps() == (), "advice changes nothing"
    assert "instead of 12 of 12 objects" in headline(advice)


def test_a_faint_border_that_was_painted_asks_for_a_lower_threshold(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        core = cv2.erode(discs(seed), np.ones((5, 5), np.uint8))
        correct(project, paint, slide, core * np.uint8(130) + discs(seed) * np.uint8(100), discs(seed))
    advice = advise(project)
    assert advice.recipe.threshold == 0.3
    assert advice.recipe.steps == (), "what the threshold does needs no step"
    assert advice.left_out.dice == 1.0 > advice.before.dice


def test_objects_that_were_parted_ask_for_a_watershed(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        truth = np.zeros(SHAPE, np.uint8)
        truth[10:50, 5 + seed : 30], truth[10:50, 32:60] = 1, 1
        proposal = np.where(truth > 0, 240, 0).astype(np.uint8)
        proposal[10:50, 30:32] = 190
        correct(project, paint, slide, proposal, truth)
    advice = advise(project)
    assert advice.left_out.objects.right == 6 > advice.before.objects.right
    assert "watershed" in {step.operation for step in advice.recipe.steps} or advice.recipe.threshold > 0.5


def test_proposals_that_were_right_need_no_other_clean_up(project: Project, paint: Paint) -> None:
    project.set_steps(parse_steps("open:1"))
    for seed, slide in enumerate(SLIDES):
        correct(project, paint, slide, discs(seed) * np.uint8(230), discs(seed))
    advice = advise(project)
    assert not advice.is_better
    assert advice.recipe == MaskRecipe(parse_steps("open:1"), 0.5)
    assert "Nothing better was found" in headline(advice)
    use_advice(project, advice)
    assert len(project.history()) == 6, "nothing to use, nothing recorded"


def test_what_helps_one_slide_alone_is_not_advised(project: Project, paint: Paint) -> None:
    small = np.zeros(SHAPE, np.uint8)
    small[4:60:8, 4:60:8] = 1
    small[5:60:8, 4:60:8] = 1
    correct(project, paint, "a.png", (small | discs(0)) * np.uint8(230), discs(0))
    correct(project, paint, "b.png", (small | discs(1)) * np.uint8(230), small | discs(1))
    advice = advise(project)
    assert not advice.is_better
    assert advice.left_out.mean < advice.before.mean, "each slide asks for what is wrong for the other"


def test_hold_out_and_audit_are_not_learned_from(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        correct(project, paint, slide, np.maximum(discs(seed), specks(seed)) * np.uint8(230), discs(seed))
    project.add_hold_out(["a.png"])
    assert advise(project).slides == 2
    project.set_audit(["b.png"])
    with pytest.raises(StudioError, match=r"at least two groups .* there are 1"):
        advise(project)


def test_planes_with_only_strokes_are_not_judged(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        paint(slide, discs(seed))
    with pytest.raises(StudioError, match="there are 0"):
        advise(project)


def test_it_can_be_stopped(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        correct(project, paint, slide, discs(seed) * np.uint8(230), discs(seed))
    with pytest.raises(Cancelled, match="stays as it was"):
        advise(project, progress=RecordingProgress(stop_after=5))


def test_use_is_one_edit_that_can_be_undone(project: Project, paint: Paint) -> None:
    for seed, slide in enumerate(SLIDES):
        correct(project, paint, slide, np.maximum(discs(seed), specks(seed)) * np.uint8(230), discs(seed))
    advice = advise(project)
    use_advice(project, advice)
    assert (project.steps(), project.threshold) == (advice.recipe.steps, advice.recipe.threshold)
    assert project.history()[-1].edit.sentence == "advised clean-up"
    project.undo(project.history()[-1].id)
    assert project.steps() == ()
