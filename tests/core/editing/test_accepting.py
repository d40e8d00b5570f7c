"""Accepting gives what nobody labelled the class of the mask, wherever it is asked to, block by block."""

import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.editing import accepting
from unet_studio.core.editing.accepting import accept_plane, accept_planes, accept_region, change_plane, review_plane
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal, find_proposal, proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import TILE, Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import Cancelled, SlideError

Mask = NDArray[np.uint8]
PLANE = PlaneId("a.png")
SHAPE = (300, 530)
WHOLE = Box.of_shape(SHAPE)
STEPS = parse_steps("open:disk:2,fill-holes:64,remove-small:30")


def write(place: Path, probabilities: Mask, plane: PlaneId = PLANE) -> Proposal:
    file = proposal_file(place, "model", plane)
    write_proposal(file, (*probabilities.shape,), 1, [(0, probabilities[..., None])], stamp="stamp")
    proposal = find_proposal(place, "model", plane)
    assert proposal is not None
    return proposal


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Proposal:
    """Blurred noise: regions of many sizes."""
    noise = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 4)
    return write(tmp_path_factory.mktemp("project"), cv2.equalizeHist(blurred))


def test_a_proposal_that_is_not_whole_yet_becomes_no_label(proposal: Proposal) -> None:
    view = MaskView(LabelPlane(SHAPE), replace(proposal, partial=True))
    region = Region(WHOLE, np.ones(SHAPE, bool))
    for accept in (
        lambda: review_plane(view, PLANE, "review", state=PlaneState.NEW),
        lambda: accept_plane(view, PLANE, "accept", state=PlaneState.NEW),
        lambda: accept_region(view, PLANE, region, "accept", state=PlaneState.NEW),
    ):
        with pytest.raises(
            SlideError, match=r"Only a part of 'a\.png' is proposed so far\. Accept it once all of it is"
        ):
            accept()


def labelled(values: Mask) -> LabelPlane:
    labels = LabelPlane((values.shape[0], values.shape[1]))
    labels.write(Box.of_shape(values.shape), values)
    return labels


def some_labels(seed: int) -> Mask:
    """Mostly unlabelled, with a few patches of what a person said."""
    rng, values = np.random.default_rng(seed), np.full(SHAPE, UNLABELLED, np.uint8)
    for y, x in rng.integers(0, 300, (6, 2)):
        values[y : y + 60, x : x + 90] = rng.integers(0, 3)
    return values


def made(edit: Edit | None, labels: LabelPlane) -> Mask:
    """The labels once `edit` is made, which taking it back undoes."""
    assert edit is not None
    before = labels.read(WHOLE)
    edit.change.make(labels)
    after = labels.read(WHOLE)
    edit.change.take_back(labels)
    np.testing.assert_array_equal(labels.read(WHOLE), before)
    return after


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_accepting_a_plane_labels_what_nobody_labelled_with_its_mask(proposal: Proposal, seed: int) -> None:
    values = some_labels(seed)
    view = MaskView(labelled(values), proposal, 0.5, STEPS)
    edit = accept_plane(view, PLANE, "accept", state=PlaneState.PROPOSED)
    after = made(edit, view.labels)
    np.testing.assert_array_equal(after, np.where(values == UNLABELLED, view.cleaned(WHOLE), values))
    assert edit is not None
    assert (edit.change.state_before, edit.change.state_after) == (PlaneState.PROPOSED, PlaneState.CORRECTED)
    assert edit.sentence == "accept"


corners = st.tuples(st.integers(0, 299), st.integers(0, 529))


@settings(max_examples=15)
@given(corners, hnp.arrays(bool, st.tuples(st.integers(1, 280), st.integers(1, 400))), st.integers(0, 99))
def test_accepting_a_region_never_leaves_it(
    proposal: Proposal, corner: tuple[int, int], inside: NDArray[np.bool_], seed: int
) -> None:
    box = Box(*corner, corner[0] + inside.shape[0], corner[1] + inside.shape[1]).intersect(WHOLE)
    region = Region(box, inside[: box.height, : box.width])
    values = some_labels(seed)
    view = MaskView(labelled(values), proposal, 0.5, STEPS)
    edit = accept_region(view, PLANE, region, "accept", state=PlaneState.CORRECTED)
    taken = np.zeros(SHAPE, bool)
    taken[box.slices] = region.inside
    taken &= values == UNLABELLED
    if edit is None:
        assert not taken.any()
        return
    np.testing.assert_array_equal(made(edit, view.labels), np.where(taken, view.cleaned(WHOLE), values))


def test_a_review_labels_every_pixel_with_or_without_a_proposal(proposal: Proposal) -> None:
    for found in (proposal, None):
        view = MaskView(labelled(some_labels(3)), found, 0.5, STEPS)
        edit = review_plane(view, PLANE, "review", state=PlaneState.CORRECTED)
        np.testing.assert_array_equal(made(edit, view.labels), view.read(WHOLE))
        assert edit is not None
        assert edit.change.state_after is PlaneState.REVIEWED


def test_work_in_blocks_gives_what_work_on_the_whole_gives(proposal: Proposal, monkeypatch: pytest.MonkeyPatch) -> None:
    view = MaskView(labelled(some_labels(4)), proposal, 0.5, STEPS)
    at_once = accept_plane(view, PLANE, "accept", state=PlaneState.NEW)
    monkeypatch.setattr(accepting, "_BLOCK", TILE)
    in_blocks = accept_plane(view, PLANE, "accept", state=PlaneState.NEW)
    assert at_once is not None
    assert in_blocks is not None
    assert in_blocks == at_once


def test_there_is_nothing_to_accept_without_a_proposal_or_where_all_is_labelled(proposal: Proposal) -> None:
    everywhere = Region(WHOLE, np.ones(SHAPE, bool))
    full = labelled(np.ones(SHAPE, np.uint8))
    for view in (MaskView(LabelPlane(SHAPE), None), MaskView(full, proposal)):
        assert accept_plane(view, PLANE, "accept", state=PlaneState.PROPOSED) is None
        assert accept_region(view, PLANE, everywhere, "accept", state=PlaneState.PROPOSED) is None
    nowhere = Region(Box(0, 0, 0, 0), np.zeros((0, 0), bool))
    assert accept_region(MaskView(LabelPlane(SHAPE), proposal), PLANE, nowhere, "x", state=PlaneState.NEW) is None


def test_a_fully_labelled_plane_is_reviewed_once(proposal: Proposal) -> None:
    view = MaskView(labelled(np.ones(SHAPE, np.uint8)), proposal)
    edit = review_plane(view, PLANE, "review", state=PlaneState.CORRECTED)
    assert edit is not None
    assert edit.change.patches == ()
    assert review_plane(view, PLANE, "review", state=PlaneState.REVIEWED) is None


@pytest.mark.parametrize("work", [review_plane, accept_plane])
def test_long_work_can_be_stopped(proposal: Proposal, work: Callable[..., Edit | None]) -> None:
    view = MaskView(LabelPlane(SHAPE), proposal)
    with pytest.raises(Cancelled):
        work(view, PLANE, "x", state=PlaneState.PROPOSED, cancelled=lambda: True)


# Memory


def test_a_change_of_a_huge_plane_takes_the_memory_of_a_block() -> None:
    side = 12_000  # 137 MiB of labels
    labels = LabelPlane((side, side))
    tracemalloc.start()
    try:
        change = change_plane(
            labels,
            PLANE,
            Box(0, 0, side, side),
            lambda box: np.full(box.shape, 1, np.uint8),
            state_before=PlaneState.PROPOSED,
            state_after=PlaneState.REVIEWED,
        )
        change.make(labels)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (labels.read(Box(0, 0, side // TILE, side // TILE), shrink=TILE) == 1).all()
    assert peak < 40 << 20
    assert kept < 10 << 20
    assert Edit("review", (change,)).nbytes < 5 << 20


# Many planes


def propose(project: Project, slide: str) -> None:
    probabilities = np.zeros((64, 64, 1), np.uint8)
    probabilities[:, :32] = 255
    file = proposal_file(project.place, "model", PlaneId(slide))
    write_proposal(file, (64, 64), 1, [(0, probabilities)], stamp=slide_stamp(project.folder / slide))


def test_the_proposals_of_many_slides_are_accepted_as_the_project_would_show_them(project: Project) -> None:
    project.set_setting("active_model", "model")
    project.set_steps(parse_steps("erode:disk:2"))
    for slide in ("a.png", "b.png"):
        propose(project, slide)
    strip = Box(0, 0, 64, 8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    before = np.full(strip.shape, UNLABELLED, np.uint8)
    edit = make_edit(PlaneId("b.png"), strip, before, np.zeros_like(before), "", **states)
    assert edit is not None
    project.record(1, edit, (64, 64))
    with closing(Workspace.open(project.folder)) as workspace:
        found = list(accept_planes(workspace.proposed_view, [PlaneId("a.png"), PlaneId("b.png")]))
    assert [(one.plane.slide, one.shape, one.problem) for one in found] == [
        ("a.png", (64, 64), ""),
        ("b.png", (64, 64), ""),
    ]
    for one, labelled_columns in zip(found, (0, 8), strict=True):
        assert one.change is not None
        labels = LabelPlane((64, 64))
        one.change.make(labels)
        after = labels.read(Box(0, 0, 64, 64))
        assert (after[:, :labelled_columns] == UNLABELLED).all()
        assert (after[:, labelled_columns:30] == 1).all()
        assert (after[:, 30:] == 0).all()


def test_a_proposal_that_cannot_be_accepted_is_said_and_the_others_go_on(project: Project) -> None:
    project.set_setting("active_model", "model")
    for slide in ("a.png", "b.png"):
        propose(project, slide)
    cv2.imwrite(str(project.folder / "a.png"), np.zeros((70, 70), np.uint8))
    gone, missing = PlaneId("sub/c.png"), PlaneId("missing.png")
    propose(project, "sub/c.png")
    (project.folder / "sub" / "c.png").unlink()
    planes = [PlaneId("a.png"), gone, missing, PlaneId("b.png")]
    with closing(Workspace.open(project.folder)) as workspace:
        problems = [one.problem for one in accept_planes(workspace.proposed_view, planes)]
    assert "'a.png' is gone, or of another version of it. Propose it again" in problems[0]
    assert "no longer there" in problems[1]
    assert "'missing.png'" in problems[2]
    assert problems[3] == ""


def test_accepting_many_stops_when_it_is_told_to(project: Project) -> None:
    project.set_setting("active_model", "model")
    for slide in ("a.png", "b.png"):
        propose(project, slide)
    answers = iter([False, False, True])
    planes = [PlaneId("a.png"), PlaneId("b.png")]
    with closing(Workspace.open(project.folder)) as workspace:
        found = list(accept_planes(workspace.proposed_view, planes, cancelled=lambda: next(answers)))
    assert [one.plane.slide for one in found] == ["a.png"]
