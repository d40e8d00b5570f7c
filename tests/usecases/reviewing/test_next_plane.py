"""The plane to label next: the most typical first, then of another kind, never one that is labelled or unreadable."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import describe_plane, next_plane
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import open_slide
from unet_studio.errors import Cancelled
from unet_studio.protocol.values import NO_PROGRESS
from unet_studio.usecases.reviewing.next_plane import Descriptors, next_plane_to_label


def cells(seed: int, size: int, light: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    picture = np.full((120, 160), 20, np.uint8)
    for y, x in rng.integers(0, 120, (12, 2)):
        cv2.circle(picture, (int(x), int(y)), size, light, thickness=-1)
    return cv2.add(picture, rng.integers(0, 8, picture.shape, dtype=np.uint8))


@pytest.fixture
def mixed(tmp_path: Path) -> Project:
    """Five slides with small cells, two with large ones, and one that can't be read."""
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"small{number}.png"), cells(number, 5, 200))
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"wide{number}.png"), cells(9 + number, 22, 120))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with Project.open(tmp_path) as project:
        yield project


def test_the_first_is_of_the_common_kind_and_the_second_of_the_other(mixed: Project) -> None:
    slides = find_slides(mixed.folder)
    first = next_plane_to_label(mixed, slides, done=())
    assert first is not None and first.slide.startswith("small")
    second = next_plane_to_label(mixed, slides, done={first})
    assert second is not None and second.slide.startswith("wide")


def test_it_is_what_the_rule_says_of_all_planes(mixed: Project) -> None:
    descriptors = []
    for slide in find_slides(mixed.folder):
        if slide != "broken.png":
            with open_slide(mixed.folder / slide) as reader:
                descriptors.append(describe_plane(reader, PlaneId(slide)))
    for done in (set(), {PlaneId("small0.png")}, {PlaneId("wide0.png"), PlaneId("small3.png")}):
        assert next_plane_to_label(mixed, find_slides(mixed.folder), done=done) == next_plane(descriptors, done)


def test_a_slide_that_the_model_is_uncertain_of_comes_first(mixed: Project) -> None:
    mixed.set_setting("active_model", "m")
    slides = [slide for slide in find_slides(mixed.folder) if slide.startswith("small")]
    for slide in slides:
        value = 128 if slide == "small4.png" else 0
        strips = [(0, np.full((120, 160, 1), value, np.uint8))]
        stamp = slide_stamp(mixed.folder / slide)
        write_proposal(proposal_file(mixed.place, "m", PlaneId(slide)), (120, 160), 1, strips, stamp=stamp)
    assert next_plane_to_label(mixed, slides, done=()) == PlaneId("small4.png")


def test_where_all_is_done_there_is_none(mixed: Project) -> None:
    slides = find_slides(mixed.folder)
    assert next_plane_to_label(mixed, slides, done={PlaneId(slide) for slide in slides}) is None


def test_slides_are_looked_at_once(mixed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors: Descriptors = {}
    slides = find_slides(mixed.folder)
    first = next_plane_to_label(mixed, slides, done=(), descriptors=descriptors)
    assert first is not None
    monkeypatch.setattr("unet_studio.usecases.reviewing.next_plane.open_slide", lambda _: pytest.fail("opened again"))
    assert next_plane_to_label(mixed, slides, done={first}, descriptors=descriptors) is not None


def test_planes_of_a_stack_count_each_for_itself(mixed: Project) -> None:
    stack = np.stack([cells(50, 5, 200), np.zeros((120, 160), np.uint8), cells(51, 22, 120)])
    tifffile.imwrite(mixed.folder / "stack.tif", stack, photometric="minisblack")
    assert next_plane_to_label(mixed, ["stack.tif"], done={PlaneId("stack.tif", 0)}) == PlaneId("stack.tif", 2)


def test_of_many_slides_some_are_looked_at_and_those_that_are_labelled_always(
    mixed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.scoring.next_plane.evenly_spaced.__defaults__", (3,))
    progress = RecordingProgress()
    slides = [slide for slide in find_slides(mixed.folder) if slide != "broken.png"]
    next_plane_to_label(mixed, slides, done={PlaneId("small3.png")}, progress=progress)
    assert "small3.png" in progress.texts
    assert len(progress.texts) == 4


def test_it_can_be_stopped(mixed: Project) -> None:
    progress = RecordingProgress(stop_after=3)
    with pytest.raises(Cancelled):
        next_plane_to_label(mixed, find_slides(mixed.folder), done=(), progress=progress)
    assert len(progress.texts) == 3
    assert next_plane_to_label(mixed, (), done=(), progress=NO_PROGRESS) is None
