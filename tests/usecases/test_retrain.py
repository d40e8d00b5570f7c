"""Retraining extends the hold-out of what is labelled, in this one place."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.project.store import Project
from unet_studio.protocol.values import NO_PROGRESS, RetrainJob
from unet_studio.usecases.retrain import retrain


@pytest.fixture
def labelled(
    project: Project, paint: Callable[[str, NDArray[np.uint8]], None], truths: dict[str, NDArray[np.uint8]]
) -> Project:
    for slide, truth in truths.items():
        paint(slide, truth)
    return project


def job(project: Project, recipe_file: Path, *changes: str, resume: bool = False) -> RetrainJob:
    small = ("schedule.rounds=1", "schedule.steps=1", *changes)
    return RetrainJob(str(project.folder), str(project.place), "", str(recipe_file), small, resume=resume)


def test_a_slide_is_kept_out_and_judged_on(labelled: Project, recipe_file: Path) -> None:
    retrained = retrain(job(labelled, recipe_file), NO_PROGRESS)
    assert len(labelled.hold_out()) == retrained.held_out == 1
    kept_out = labelled.hold_out()
    retrain(job(labelled, recipe_file), NO_PROGRESS)
    assert labelled.hold_out() == kept_out, "none ever leaves, and one of three is enough"
    assert labelled.active_model == "", "the choice is left to who asked"


def test_a_recipe_with_a_share_of_its_own_takes_it_of_what_is_learned(labelled: Project, recipe_file: Path) -> None:
    labelled.add_hold_out(["a.png"])
    assert retrain(job(labelled, recipe_file, "schedule.validation=0.9"), NO_PROGRESS).held_out == 1
    assert labelled.hold_out() == {"a.png"}
