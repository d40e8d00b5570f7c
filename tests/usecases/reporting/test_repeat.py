"""Slides are dealt again blinded, and both labellings compared."""

import errno
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import propose, record
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import find_proposal, proposed_planes, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.notes import learned_slides, write_learned_slides, write_note
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import StudioError
from unet_studio.usecases.reporting.repeat import compare, compare_so_far, deal

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


def propose_mask(project: Project, slide: str, mask: NDArray[np.uint8]) -> None:
    project.set_setting("active_model", "bright")
    propose(project, slide, mask * np.uint8(255), model="bright")


@pytest.fixture
def reviewed(project: Project, truths: Truths) -> Project:
    for slide, truth in truths.items():
        record(project, slide, truth)
    return project


def key_of(project: Project) -> dict[str, str]:
    return dict(json.loads(project.repeat_key))


def test_slides_are_dealt_without_their_names_or_labels(reviewed: Project, bright: ModelCard, truths: Truths) -> None:
    reviewed.set_setting("threshold", "0.4")
    model = use_model(reviewed, str(bright.folder))
    write_note(model, "good on sub/c.png")
    write_learned_slides(model.folder, ["a.png", "b.png"])
    for slide, truth in truths.items():
        propose_mask(reviewed, slide, truth)
    dealt = deal(reviewed, slides=2, with_proposals=True)
    assert sorted(file.name for file in dealt.folder.glob("*.png")) == ["slide-001.png", "slide-002.png"]
    with Project.open(dealt.folder) as fresh:
        assert fresh.classes() == reviewed.classes()
        assert (fresh.threshold, fresh.active_model) == (0.4, "bright")
        assert fresh.states() == {}
        assert fresh.repeat_key == ""
    for name, slide in key_of(reviewed).items():
        copy, original = dealt.folder / name, reviewed.folder / slide
        assert copy.read_bytes() == original.read_bytes()
        assert not copy.samefile(original), "a second name of the file would tell which one it is"
    for path in dealt.folder.rglob("*"):
        inside = path.read_bytes() if path.is_file() else b""
        for slide in ("a.png", "b.png", "c.png"):
            assert slide not in str(path)
            assert slide.encode() not in inside, path
    assert learned_slides(model) == {"a.png", "b.png"}, "the project's own model keeps what is noted of it"


def test_nothing_is_proposed_unless_it_is_asked_for(reviewed: Project, bright: ModelCard, truths: Truths) -> None:
    use_model(reviewed, str(bright.folder))
    for slide in ("a.png", "b.png"):
        propose_mask(reviewed, slide, truths[slide])
    dealt = deal(reviewed, slides=3)
    assert dealt.proposed == 0
    assert not proposed_planes(dealt.folder / "unet-studio", "bright")
    shutil.rmtree(dealt.folder)
    dealt = deal(reviewed, slides=3, with_proposals=True)
    assert dealt.proposed == 2
    place = dealt.folder / "unet-studio"
    names = {slide: name for name, slide in key_of(reviewed).items()}
    assert proposed_planes(place, "bright") == {PlaneId(names["a.png"]), PlaneId(names["b.png"])}
    stamp = slide_stamp(dealt.folder / names["a.png"])
    proposal = find_proposal(place, "bright", PlaneId(names["a.png"]), stamp=stamp)
    assert proposal is not None
    assert np.array_equal(proposal.read(Box.of_shape((64, 64)))[..., 0], truths["a.png"] * 255)


def test_comparing_says_what_the_second_labelling_began_with(
    reviewed: Project, bright: ModelCard, truths: Truths
) -> None:
    use_model(reviewed, str(bright.folder))
    for slide, truth in truths.items():
        propose_mask(reviewed, slide, truth)
    dealt = deal(reviewed, slides=2, with_proposals=True)
    key = key_of(reviewed)
    with Project.open(dealt.folder) as fresh:
        record(fresh, dealt.names[0], truths[key[dealt.names[0]]])
    unaided = compare(reviewed)
    assert unaided.basis == "The second labelling was done without proposals."
    with closing(Workspace.open(dealt.folder)) as workspace:
        plane = PlaneId(dealt.names[1])
        review(workspace, plane, workspace.labels(plane, (64, 64)))
    aided = compare(reviewed)
    assert aided.on_proposals == (key[dealt.names[1]],)
    assert aided.basis.startswith("On 1 of 2 slides the second labelling began with a proposal")


def test_a_folder_without_a_key_is_never_dealt_into(reviewed: Project) -> None:
    (reviewed.place / "repeat").mkdir()
    with pytest.raises(StudioError, match="remove that folder"):
        deal(reviewed)
    with pytest.raises(StudioError, match="No slide was dealt"):
        compare(reviewed)


def test_what_cant_be_copied_leaves_nothing_behind(reviewed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", fail)
        with pytest.raises(StudioError, match="No space left on device"):
            deal(reviewed, slides=2)
    with pytest.raises(StudioError, match="No slide was dealt"):
        compare(reviewed)
    assert len(deal(reviewed, slides=2).names) == 2


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
    key = key_of(reviewed)
    assert compare_so_far(reviewed) is None, "nothing is labelled again yet"
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
    so_far = compare_so_far(reviewed)
    assert so_far is not None
    assert so_far.pooled.slides == 2
    assert so_far.pooled.count_bias.value < 0


def test_without_dealing_there_is_nothing_to_compare(reviewed: Project) -> None:
    with pytest.raises(StudioError, match="No slide was dealt"):
        compare(reviewed)
    assert compare_so_far(reviewed) is None


def test_planes_that_are_only_corrected_again_wait(reviewed: Project, truths: Truths) -> None:
    dealt = deal(reviewed, slides=1)
    with Project.open(dealt.folder) as fresh:
        record(fresh, dealt.names[0], next(iter(truths.values())))
        back = PlaneChange(PlaneId(dealt.names[0]), (), PlaneState.REVIEWED, PlaneState.CORRECTED)
        fresh.record(fresh.next_edit_id(), Edit("not yet", (back,)), (64, 64))
    assert compare(reviewed).waiting == dealt.names
