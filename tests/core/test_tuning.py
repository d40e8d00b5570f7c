"""Tuning finds numbers with which a watershed divides the labelled planes as the person did."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.clean_up import Step, parse_steps
from unet_studio.core.labels import PlaneId
from unet_studio.core.project import Project
from unet_studio.core.proposals import proposal_file, slide_stamp, write_proposal
from unet_studio.core.tuning import tune_watershed
from unet_studio.errors import StudioError

SHAPE = (64, 64)
Paint = Callable[[str, NDArray[np.uint8]], None]


def membrane(depth: int) -> NDArray[np.uint8]:
    """The probability of cells left and right of a membrane with a gap, in which it is `depth` lower than in them."""
    cell = np.full(SHAPE, 240, np.uint8)
    cell[:, 31:33] = 20
    cell[28:36, 31:33] = 240 - depth
    cell[10:50:8, 10] = 215  # specks that are no border
    return cell


def propose(project: Project, probability: NDArray[np.uint8]) -> None:
    project.set_setting("active_model", "model")
    file = proposal_file(project.place, "model", PlaneId("a.png"))
    stamp = slide_stamp(project.folder / "a.png")
    write_proposal(file, SHAPE, 1, [(0, probability[..., None])], stamp=stamp)


def two_cells() -> NDArray[np.uint8]:
    labels = np.ones(SHAPE, np.uint8)
    labels[:, 31:33] = 0
    labels[60:] = UNLABELLED
    return labels


def test_the_tuned_watershed_divides_as_the_labels_do(project: Project, paint: Paint) -> None:
    propose(project, membrane(depth=60))
    paint("a.png", two_cells())
    told: list[float] = []
    tuned = tune_watershed(project, "watershed", progress=told.append)
    assert tuned.v_rand > 0.99 > 0.7 > tuned.v_rand_before
    assert tuned.planes == 1
    (step,) = tuned.steps
    assert step.operation == "watershed"
    assert step.height <= 0.2  # the gap is 60 of 255 lower than its cells
    assert told == sorted(told)
    assert told[-1] == 1
    assert project.steps() == ()


def test_it_takes_the_place_of_the_old_one_in_the_recipe(project: Project, paint: Paint) -> None:
    propose(project, membrane(depth=60))
    paint("a.png", two_cells())
    project.set_steps(parse_steps("watershed:9:0.9@1,watershed:3:0.3,remove-small:5"))
    tuned = tune_watershed(project, "watershed", 1)
    assert [(step.operation, step.class_index) for step in tuned.steps] == [
        ("watershed", 1),
        ("watershed", None),
        ("remove-small", None),
    ]
    assert tuned.steps[0] != Step("watershed", 9, 1, 0.9)
    assert tuned.steps[1:] == parse_steps("watershed:3:0.3,remove-small:5")


def test_a_boundary_is_judged_by_what_it_encloses(project: Project, paint: Paint) -> None:
    propose(project, 255 - membrane(depth=60))
    labels = two_cells()
    paint("a.png", np.where(labels == UNLABELLED, labels, 1 - labels).astype(np.uint8))
    tuned = tune_watershed(project, "watershed-boundary")
    assert tuned.v_rand > 0.99 > 0.7 > tuned.v_rand_before


def test_without_labels_on_a_proposed_slide_there_is_nothing_to_tune_on(project: Project, paint: Paint) -> None:
    paint("b.png", two_cells())
    propose(project, membrane(depth=60))
    with pytest.raises(StudioError, match="nothing to tune the watershed on"):
        tune_watershed(project, "watershed")
