"""`advise` says what would be better, and --use takes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio.core.cleaning.steps import format_steps
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project

Paint = Callable[[str, NDArray[np.uint8]], None]


def test_advice_is_answered_and_used(
    run: Callable[..., Result], ask: Callable[..., dict[str, Any]], proposed: Path,
    truths: dict[str, NDArray[np.uint8]], project: Project, paint: Paint,
) -> None:  # fmt: skip
    for slide, truth in truths.items():  # a person made every spot two pixels smaller, so that opening by more is right
        kept = cv2.morphologyEx(truth, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
        paint(slide, np.asarray(kept, np.uint8))
        change = PlaneChange(PlaneId(slide), (), PlaneState.CORRECTED, PlaneState.REVIEWED)
        project.record(project.next_edit_id(), Edit("review", (change,)), truth.shape)
    found = ask("advise", proposed)
    assert found["better"]
    assert not found["used"]
    assert found["left_out"]["dice"] > found["before"]["dice"]
    assert project.steps() == ()
    assert "is advised; --use takes it" in run("advise", proposed).stdout
    used = ask("advise", proposed, "--use")
    assert used["used"]
    assert format_steps(project.steps()) == used["advised"]["steps"]
    again = run("advise", proposed)
    assert again.exit_code == 0
    assert "Nothing better was found" in again.stdout


def test_without_reviewed_slides_it_says_what_to_do(refused: Callable[..., str], proposed: Path) -> None:
    assert "correct and review some more slides" in refused("advise", proposed)
