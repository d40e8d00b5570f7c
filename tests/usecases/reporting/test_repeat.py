"""Slides are dealt again blinded, and both labellings compared."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.usecases.reporting.repeat import compare, deal, repeated_agreement

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


def record(project: Project, slide: str, labels: NDArray[np.uint8]) -> None:
    edit = make_edit(
        PlaneId(slide), Box.of_shape(labels.shape), np.full_like(labels, UNLABELLED), labels, "brush",
        state_before=PlaneState.NEW, state_after=PlaneState.REVIEWED,
    )  # fmt: skip
    assert edit is not None
    project.record(project.next_edit_id(), edit, labels.shape)


@pytest.fixture
def reviewed(project: Project, truths: Truths) -> Project:
    for slide, truth in truths.items():
        record(project, slide, truth)
    return project


def test_slides_are_dealt_without_their_names_or_labels(reviewed: Project) -> None:
    reviewed.set_setting("threshold", "0.4")
    dealt = deal(reviewed, slides=2)
    assert sorted(file.name for file in dealt.folder.glob("*.png")) == ["slide-001.png", "slide-002.png"]
    with Project.open(dealt.folder) as fresh:
        assert fresh.classes() == reviewed.classes()
        assert fresh.threshold == 0.4
        assert fresh.states() == {}
    assert "a.png" not in "".join(str(path) for path in dealt.folder.rglob("*"))
    key = json.loads((reviewed.place / "repeat-key.json").read_text())
    for name, slide in key.items():
        assert (dealt.folder / name).read_bytes() == (reviewed.folder / slide).read_bytes()


def test_one_in_ten_is_at_least_one_and_more_than_there_are_is_refused(reviewed: Project) -> None:
    with pytest.raises(StudioError, match="only 3 are reviewed"):
        deal(reviewed, slides=4)
    assert len(deal(reviewed).names) == 1
    with pytest.raises(StudioError, match="dealt already"):
        deal(reviewed)


def test_nothing_reviewed_is_nothing_to_deal(project: Project) -> None:
    with pytest.raises(StudioError, match="No slide is reviewed"):
        deal(project)


def test_equal_labellings_agree_and_an_erased_object_shows(reviewed: Project, truths: Truths) -> None:
    dealt = deal(reviewed, slides=3)
    key = json.loads((reviewed.place / "repeat-key.json").read_text())
    assert repeated_agreement(reviewed) is None, "nothing is labelled again yet"
    with Project.open(dealt.folder) as fresh:
        for name in dealt.names[:2]:
            labels = truths[key[name]].copy()
            if name == "slide-002.png":
                labels[:] = 0
            record(fresh, name, labels)
    repeated = compare(reviewed)
    assert repeated.waiting == ("slide-003.png",)
    first, second = repeated.slides
    assert (first.slide, first.pixels.mean_dice, first.objects.f1) == (key["slide-001.png"], 1.0, 1.0)
    assert (second.pixels.mean_dice, second.objects.right, second.objects.found) == (0.0, 0, 0)
    pooled = repeated_agreement(reviewed)
    assert pooled is not None
    assert pooled.slides == 2
    assert pooled.count_bias.value < 0


def test_without_dealing_there_is_nothing_to_compare(reviewed: Project) -> None:
    with pytest.raises(StudioError, match="No slide was dealt"):
        compare(reviewed)
    assert repeated_agreement(reviewed) is None


def test_planes_that_are_only_corrected_again_wait(reviewed: Project, truths: Truths) -> None:
    dealt = deal(reviewed, slides=1)
    with Project.open(dealt.folder) as fresh:
        record(fresh, dealt.names[0], next(iter(truths.values())))
        back = PlaneChange(PlaneId(dealt.names[0]), (), PlaneState.REVIEWED, PlaneState.CORRECTED)
        fresh.record(fresh.next_edit_id(), Edit("not yet", (back,)), (64, 64))
    assert compare(reviewed).waiting == dealt.names
