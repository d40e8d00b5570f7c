"""The active model's errors are found on reviewed planes only, and drawn with both outlines."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress, propose, review
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import proposal_file
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.object_errors import ErrorKind
from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import SlideFailed
from unet_studio.usecases.reviewing.model_errors import OF_LABELS, OF_MODEL, PlaneError, draw_error, find_model_errors

Mask = NDArray[np.uint8]
Paint = Callable[[str, Mask], None]


def square(y: int, x: int, side: int) -> Mask:
    mask = np.zeros((64, 64), np.uint8)
    mask[y : y + side, x : x + side] = 1
    return mask


@pytest.fixture
def reviewed(project: Project, paint: Paint) -> Project:
    """One reviewed slide on which the model found one square and missed a larger one, and another only corrected."""
    project.set_setting("active_model", "model")
    for slide in ("a.png", "b.png"):
        paint(slide, square(5, 5, 10) | square(30, 30, 20))
        propose(project, slide, 255 * (square(5, 5, 10) | square(50, 5, 8)))
    review(project, "a.png")
    return project


def test_errors_of_reviewed_planes_come_largest_first(reviewed: Project) -> None:
    errors = find_model_errors(reviewed)
    assert [(one.plane.slide, one.error.kind, one.error.size) for one in errors] == [
        ("a.png", ErrorKind.MISSED, 400),
        ("a.png", ErrorKind.FALSE, 64),
    ]


def test_the_clean_up_counts(reviewed: Project) -> None:
    reviewed.set_steps(parse_steps("remove-small:80"))
    assert [one.error.kind for one in find_model_errors(reviewed)] == [ErrorKind.MISSED]


def test_a_plane_that_cannot_be_read_is_told_and_one_without_a_proposal_left_out(reviewed: Project) -> None:
    review(reviewed, "b.png")
    proposal_file(reviewed.place, "model", PlaneId("b.png")).unlink()
    assert {one.plane.slide for one in find_model_errors(reviewed)} == {"a.png"}
    file = proposal_file(reviewed.place, "model", PlaneId("a.png"))
    file.write_bytes(file.read_bytes()[:8192] + bytes(len(file.read_bytes()) - 8192))
    watcher = RecordingProgress()
    assert find_model_errors(reviewed, progress=watcher) == ()
    if watcher.events:  # else the damage is such that it counts as no proposal
        (event,) = watcher.events
        assert isinstance(event, SlideFailed) and event.slide == "a.png"


def test_it_can_be_stopped(reviewed: Project) -> None:
    with pytest.raises(Cancelled):
        find_model_errors(reviewed, progress=RecordingProgress(stop_after=0))


def test_a_large_plane_is_judged_in_blocks(reviewed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find_model_errors(reviewed)
    monkeypatch.setattr("unet_studio.usecases.reviewing.model_errors._BLOCK", 40)
    parts = find_model_errors(reviewed)
    assert sum(one.error.size for one in parts) == sum(one.error.size for one in whole)
    assert all(one.error.box.y1 <= 64 and one.error.box.x1 <= 64 for one in parts)
    assert max(one.error.box.y0 for one in parts) >= 40


@pytest.mark.parametrize("side", [96, 200])
def test_a_picture_has_both_outlines_and_some_ground(reviewed: Project, side: int) -> None:
    missed, false = find_model_errors(reviewed)
    for one, present, absent in ((missed, OF_LABELS, OF_MODEL), (false, OF_MODEL, OF_LABELS)):
        picture = draw_error(reviewed, one, side)
        assert picture.shape == (side, side, 3)
        at_edges = [*picture[side // 2].tolist(), *picture[:, side // 2].tolist()]
        assert list(present) in at_edges
        inner = picture[side // 4 : -side // 4, side // 4 : -side // 4].reshape(-1, 3).tolist()
        assert list(absent) not in inner


def test_without_its_proposal_there_is_nothing_to_draw(reviewed: Project) -> None:
    one = find_model_errors(reviewed)[0]
    proposal_file(reviewed.place, "model", PlaneId("a.png")).unlink()
    with pytest.raises(StudioError, match="Propose it again"):
        draw_error(reviewed, PlaneError(one.plane, one.error), 64)
