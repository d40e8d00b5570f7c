"""Tuning finds numbers with which a watershed divides the labelled planes as the person did."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress, propose, review
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.project.store import Project
from unet_studio.errors import Cancelled, RecipeError, StudioError
from unet_studio.usecases.cleaning.tune import tune, with_watershed

SHAPE = (64, 64)
Paint = Callable[[str, NDArray[np.uint8]], None]


@pytest.fixture
def project(project: Project) -> Project:
    project.set_setting("active_model", "model")
    return project


def membrane(depth: int) -> NDArray[np.uint8]:
    """The probability of cells left and right of a membrane with a gap, in which it is `depth` lower than in them."""
    cell = np.full(SHAPE, 240, np.uint8)
    cell[:, 31:33] = 20
    cell[28:36, 31:33] = 240 - depth
    cell[10:50:8, 10] = 215  # specks that are no border
    return cell


def two_cells() -> NDArray[np.uint8]:
    labels = np.ones(SHAPE, np.uint8)
    labels[:, 31:33] = 0
    return labels


def test_the_tuned_watershed_divides_as_the_labels_do(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    watcher = RecordingProgress()
    tuned = tune(project, "watershed", progress=watcher)
    assert tuned.best.v_rand > 0.99 > 0.7 > tuned.v_rand_before
    assert tuned.is_better
    assert tuned.steps == (tuned.best.step,)
    assert tuned.planes == 1
    assert tuned.best.step.operation == "watershed"
    assert tuned.best.step.height <= 0.2  # the gap is 60 of 255 lower than its cells
    assert watcher.events == []
    assert watcher.shares == sorted(watcher.shares)
    assert watcher.shares[-1] == 1
    assert project.steps() == ()


def test_it_can_be_stopped(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    watcher = RecordingProgress(stop_after=3)
    with pytest.raises(Cancelled, match="the clean-up stays as it was"):
        tune(project, "watershed", progress=watcher)
    assert len(watcher.shares) == 3


def test_every_pair_of_numbers_was_tried_once_and_the_best_is_the_first_of_equals(
    project: Project, paint: Paint
) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    tuned = tune(project, "watershed", 1)
    pairs = {(trial.step.amount, trial.step.height) for trial in tuned.trials}
    assert len(pairs) == len(tuned.trials) == 20
    equals = [trial.step for trial in tuned.trials if trial.v_rand == max(other.v_rand for other in tuned.trials)]
    assert tuned.best.step == min(equals, key=lambda step: (step.amount, -step.height))


def test_it_is_judged_among_the_other_steps_of_the_recipe(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    project.set_steps(parse_steps("watershed:9:0.9@1,watershed:3:0.3,erode:40"))
    assert not tune(project, "watershed", 1).is_better, "nothing is left to divide"


def test_a_recipe_that_is_as_good_already_stays(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    tuned = tune(project, "watershed")
    project.set_steps((tuned.best.step,))
    again = tune(project, "watershed")
    assert again.v_rand_before == again.best.v_rand
    assert not again.is_better
    assert again.steps == (tuned.best.step,)


def test_a_watershed_takes_the_place_of_the_old_one_for_the_same_class() -> None:
    steps, new = parse_steps("watershed:9:0.9@1,watershed:3:0.3,remove-small:5"), parse_steps("watershed:1:0.1@1")[0]
    assert with_watershed(steps, new) == (new, *steps[1:])
    assert with_watershed(steps, replace(new, class_index=2)) == (*steps, replace(new, class_index=2))
    assert with_watershed((), new) == (new,)


def test_a_boundary_is_judged_by_what_it_encloses(project: Project, paint: Paint) -> None:
    propose(project, "a.png", 255 - membrane(depth=60))
    labels = two_cells()
    paint("a.png", np.where(labels == UNLABELLED, labels, 1 - labels).astype(np.uint8))
    tuned = tune(project, "watershed-boundary")
    assert tuned.best.v_rand > 0.99 > 0.7 > tuned.v_rand_before


def test_without_labels_on_a_proposed_slide_there_is_nothing_to_tune_on(project: Project, paint: Paint) -> None:
    paint("b.png", two_cells())
    propose(project, "a.png", membrane(depth=60))
    with pytest.raises(StudioError, match="nothing to tune the watershed on"):
        tune(project, "watershed")


def test_a_plane_with_a_few_strokes_says_nothing_unless_it_is_reviewed(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    labels = two_cells()
    labels[60:] = UNLABELLED
    paint("a.png", labels)
    with pytest.raises(StudioError, match="nothing to tune the watershed on"):
        tune(project, "watershed")
    review(project, "a.png")
    assert tune(project, "watershed").planes == 1


def test_a_slide_that_is_gone_or_has_nothing_on_it_keeps_nobody_from_tuning(project: Project, paint: Paint) -> None:
    propose(project, "a.png", membrane(depth=60))
    paint("a.png", two_cells())
    for slide in ("b.png", "sub/c.png"):
        propose(project, slide, membrane(depth=60))
        paint(slide, np.zeros(SHAPE, np.uint8))
    (project.folder / "b.png").unlink()
    tuned = tune(project, "watershed")
    assert (tuned.planes, tuned.is_better) == (1, True)


def test_only_watersheds_are_tuned(project: Project) -> None:
    with pytest.raises(RecipeError, match=r"“open” can't be tuned\. What can be tuned is watershed, "):
        tune(project, "open")
