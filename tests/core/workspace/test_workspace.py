"""An open folder: edits over several slides, taken back and remade, that a restart doesn't forget."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.editing.accepting import AcceptedPlane, accept_planes
from unet_studio.core.editing.strokes import Stroke, make_edit
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.kept import Under, find_kept, find_under
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import part_file, proposal_file, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.scoring.judgement import TooClose
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import accept, acceptable_planes, review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import IncompleteMaskError, ModelError, ProjectError, ProjectReadOnlyError, SlideError

SHAPE = (64, 64)
WHOLE = Box.of_shape(SHAPE)
A, B = PlaneId("a.png"), PlaneId("b.png")


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with closing(Workspace.open(folder)) as opened:
        yield opened


def paint(workspace: Workspace, plane: PlaneId, y: float, *, value: int = 1) -> Edit:
    """Make a dab at height `y`, as the window does."""
    labels = workspace.labels(plane, SHAPE)
    stroke = Stroke(labels, plane, value=value, radius=3.0)
    stroke.extend((y, 32.0))
    edit = stroke.finish(f"dab {y:g} on {plane.slide}", state=workspace.state(plane))
    assert edit is not None
    workspace.perform(edit, SHAPE, made=labels)
    return edit


def undo(workspace: Workspace) -> Edit | None:
    change = workspace.undo()
    return change.edit if change is not None else None


def redo(workspace: Workspace) -> Edit | None:
    change = workspace.redo()
    return change.edit if change is not None else None


def labels_of(workspace: Workspace, plane: PlaneId) -> NDArray[np.uint8]:
    return workspace.labels(plane, SHAPE).read(WHOLE)


def has_dab(workspace: Workspace, plane: PlaneId, y: int) -> bool:
    return bool(labels_of(workspace, plane)[y, 32] != UNLABELLED)


def propose(workspace: Workspace, plane: PlaneId, probabilities: NDArray[np.uint8] | None = None) -> None:
    """Store a proposal of the active model, as the worker does; by default foreground on the left half."""
    if probabilities is None:
        probabilities = np.zeros(SHAPE, np.uint8)
        probabilities[:, :32] = 255
    file = proposal_file(workspace.place, workspace.active_model, plane)
    stamp = slide_stamp(workspace.folder / plane.slide)
    write_proposal(file, SHAPE, 1, [(0, probabilities[..., None])], stamp=stamp)
    workspace.mark_proposed(plane)


def accepted(plane: PlaneId) -> AcceptedPlane:
    """A proposal of class 1 everywhere, accepted for a plane without labels."""
    patches = tuple(make_patches(WHOLE, np.full(SHAPE, UNLABELLED, np.uint8), np.ones(SHAPE, np.uint8)))
    change = PlaneChange(plane, patches, PlaneState.PROPOSED, PlaneState.CORRECTED)
    return AcceptedPlane(plane, SHAPE, change)


def add_model(place: Path, model: str = "spots", classes: tuple[str, ...] = ("foreground",)) -> ModelCard:
    folder = place / "models" / model
    folder.mkdir(parents=True, exist_ok=True)
    card = ModelCard(model, model.title(), make_classes(*classes), Normalisation(channels=1), {}, folder)
    card.write()
    return card


# Edits over several slides


def test_an_open_folder_shows_its_slides_and_nothing_else_yet(workspace: Workspace) -> None:
    assert workspace.slides == ("a.png", "b.png", "sub/c.png")
    assert workspace.read_only == ""
    assert workspace.states_by_slide() == {}
    assert workspace.state(A) is PlaneState.NEW
    assert workspace.next_undo is None
    assert workspace.next_redo is None
    assert workspace.undo() is None
    assert workspace.redo() is None


def test_undo_and_redo_go_through_the_slides_in_the_order_of_the_edits(workspace: Workspace) -> None:
    paint(workspace, A, 10)
    paint(workspace, B, 20)
    last = paint(workspace, A, 40)
    assert undo(workspace) is last
    assert (has_dab(workspace, A, 10), has_dab(workspace, B, 20), has_dab(workspace, A, 40)) == (True, True, False)
    undone = undo(workspace)
    assert undone is not None
    assert undone.change.plane == B
    assert workspace.states == {A: PlaneState.CORRECTED}
    assert redo(workspace) is undone
    assert redo(workspace) is last
    assert (has_dab(workspace, A, 10), has_dab(workspace, B, 20), has_dab(workspace, A, 40)) == (True, True, True)
    assert workspace.states == {A: PlaneState.CORRECTED, B: PlaneState.CORRECTED}


def test_the_next_undo_and_redo_can_be_read_before_they_are_made(workspace: Workspace) -> None:
    first, second = paint(workspace, A, 10), paint(workspace, B, 20)
    workspace.undo()
    assert workspace.next_undo is first
    assert workspace.next_redo is second


def test_a_new_edit_drops_what_could_be_redone(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, A, 10)
        workspace.undo()
        paint(workspace, A, 40)
        assert workspace.redo() is None
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.redo() is None
        assert not has_dab(workspace, A, 10)
        assert has_dab(workspace, A, 40)


def test_taking_the_only_edit_back_makes_a_plane_proposed_or_new_again(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    paint(workspace, A, 10)
    paint(workspace, B, 10)
    assert workspace.states_by_slide() == {"a.png": {0: "corrected"}, "b.png": {0: "corrected"}}
    workspace.undo()
    workspace.undo()
    assert workspace.state(A) is PlaneState.PROPOSED
    assert workspace.state(B) is PlaneState.NEW
    assert workspace.states_by_slide("a.png") == {"a.png": {0: PlaneState.PROPOSED}}


# Restarts


def test_a_restart_brings_back_labels_states_and_choices(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, A, 10)
        paint(workspace, PlaneId("sub/c.png"), 30, value=0)
        review(workspace, B, workspace.labels(B, SHAPE))
        workspace.set_classes(make_classes("spot", "other"))
        workspace.set_steps(parse_steps("dilate:disk:2"))
        workspace.set_threshold(0.25)
        before = {plane: labels_of(workspace, plane) for plane in workspace.states}
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.states == {
            A: PlaneState.CORRECTED,
            B: PlaneState.REVIEWED,
            PlaneId("sub/c.png"): PlaneState.CORRECTED,
        }
        for plane, labels in before.items():
            np.testing.assert_array_equal(labels_of(workspace, plane), labels)
        assert [c.name for c in workspace.classes] == ["background", "spot", "other"]
        assert workspace.steps == parse_steps("dilate:disk:2")
        assert workspace.threshold == 0.25


def test_undo_and_redo_survive_a_restart(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, A, 10)
        paint(workspace, B, 20)
        paint(workspace, A, 40)
        workspace.undo()
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.next_undo is not None
        assert workspace.next_undo.sentence == "dab 20 on b.png"
        assert workspace.next_redo is not None
        assert workspace.next_redo.sentence == "dab 40 on a.png"
        workspace.redo()
        workspace.undo()
        workspace.undo()
        assert workspace.states == {A: PlaneState.CORRECTED}
    with closing(Workspace.open(folder)) as workspace:
        assert [has_dab(workspace, A, 10), has_dab(workspace, B, 20), has_dab(workspace, A, 40)] == [True, False, False]
        redone = [redo(workspace), redo(workspace)]
        assert [edit.sentence for edit in redone if edit] == ["dab 20 on b.png", "dab 40 on a.png"]
        assert [has_dab(workspace, A, 10), has_dab(workspace, B, 20), has_dab(workspace, A, 40)] == [True, True, True]
        paint(workspace, B, 50)
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.next_undo is not None
        assert workspace.next_undo.sentence == "dab 50 on b.png"
        assert workspace.next_redo is None


def test_a_plane_that_was_forgotten_meanwhile_comes_back_with_its_strokes(folder: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(folder / f"more{number}.png"), np.zeros(SHAPE, np.uint8))
    with closing(Workspace.open(folder)) as workspace:
        for number, slide in enumerate(workspace.slides):
            paint(workspace, PlaneId(slide), 4 * number + 2)
        for number, slide in enumerate(workspace.slides):
            assert has_dab(workspace, PlaneId(slide), 4 * number + 2)


def test_undo_of_an_edit_on_a_plane_that_is_not_in_memory_is_seen_when_it_is_opened(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, A, 10)
    with closing(Workspace.open(folder)) as workspace:
        workspace.undo()
        assert not has_dab(workspace, A, 10)


# Reviewing


def test_a_review_labels_what_nobody_labelled_with_the_proposal(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    paint(workspace, A, 10, value=0)
    before = labels_of(workspace, A)
    labels = workspace.labels(A, SHAPE)
    cleaned = workspace.mask(A, labels).cleaned(WHOLE)
    edit = review(workspace, A, labels)
    assert edit is not None
    assert workspace.state(A) is PlaneState.REVIEWED
    after = labels_of(workspace, A)
    np.testing.assert_array_equal(after, np.where(before == UNLABELLED, cleaned, before))
    assert set(np.unique(after)) == {0, 1}


def test_a_review_of_a_fully_labelled_plane_changes_its_state_alone_and_a_second_one_nothing(
    workspace: Workspace,
) -> None:
    labels = workspace.labels(A, SHAPE)
    empty = np.zeros(SHAPE, np.uint8)
    full = make_edit(
        A, WHOLE, labels.read(WHOLE), empty, "all", state_before=PlaneState.NEW, state_after=PlaneState.CORRECTED
    )
    assert full is not None
    workspace.perform(full, labels.shape)
    again = review(workspace, A, labels)
    assert again is not None
    assert again.edit.change.patches == ()
    assert review(workspace, A, labels) is None
    assert not labels_of(workspace, A).any()


def test_a_review_can_be_taken_back(workspace: Workspace) -> None:
    paint(workspace, A, 10)
    before = labels_of(workspace, A)
    review(workspace, A, workspace.labels(A, SHAPE))
    workspace.undo()
    assert workspace.state(A) is PlaneState.CORRECTED
    np.testing.assert_array_equal(labels_of(workspace, A), before)


def test_touching_a_reviewed_plane_up_leaves_it_reviewed(workspace: Workspace) -> None:
    review(workspace, A, workspace.labels(A, SHAPE))
    paint(workspace, A, 10)
    assert workspace.state(A) is PlaneState.REVIEWED


# Labels are sacred

someones_labels = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, UNLABELLED]), fill=st.just(UNLABELLED))
a_models_view = hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 255), fill=st.sampled_from([0, 128, 255]))
no_edits = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), a_models_view),
        st.tuples(st.just("clean up"), st.sampled_from(["dilate:disk:3", "erode:disk:3,fill-holes:0", "open:disk:2"])),
        st.tuples(st.just("threshold"), st.floats(0.05, 0.95)),
        st.tuples(st.just("model"), st.sampled_from(["spots", "others"])),
        st.tuples(st.just("review"), st.none()),
        st.tuples(st.just("restart"), st.none()),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12)
@given(someones_labels, no_edits)
def test_nothing_but_an_edit_ever_changes_a_labelled_pixel(
    tmp_path_factory: pytest.TempPathFactory, labels: NDArray[np.uint8], happenings: list[tuple[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("slides")
    cv2.imwrite(str(folder / "a.png"), np.zeros(SHAPE, np.uint8))
    workspace = Workspace.open(folder)
    cards = {name: add_model(workspace.place, name) for name in ("spots", "others")}
    workspace.use_model(cards["spots"])
    plane = workspace.labels(A, SHAPE)
    edit = make_edit(
        A, WHOLE, plane.read(WHOLE), labels, "what a person said",
        state_before=PlaneState.NEW, state_after=PlaneState.CORRECTED,
    )  # fmt: skip
    assert edit is not None
    workspace.perform(edit, plane.shape)
    is_labelled = labels != UNLABELLED
    try:
        for kind, detail in happenings:
            if kind == "propose":
                propose(workspace, A, detail)
            elif kind == "clean up":
                workspace.set_steps(parse_steps(detail))
            elif kind == "threshold":
                workspace.set_threshold(detail)
            elif kind == "model":
                workspace.use_model(cards[detail])
            elif kind == "review":
                review(workspace, A, workspace.labels(A, SHAPE))
                assert (labels_of(workspace, A) != UNLABELLED).all()
            else:
                assert workspace.close()
                workspace = Workspace.open(folder)
            seen = workspace.mask(A, workspace.labels(A, SHAPE)).read(WHOLE)
            np.testing.assert_array_equal(labels_of(workspace, A)[is_labelled], labels[is_labelled])
            np.testing.assert_array_equal(seen[is_labelled], labels[is_labelled])
    finally:
        assert workspace.close()
    with Project.open(folder) as project:
        stored = project.labels(A, SHAPE).read(WHOLE)
    np.testing.assert_array_equal(stored[is_labelled], labels[is_labelled])


# Proposals and models


def test_the_mask_follows_proposal_threshold_and_clean_up(workspace: Workspace) -> None:
    labels = workspace.labels(A, SHAPE)
    assert not workspace.mask(A, labels).read(WHOLE).any()
    workspace.use_model(add_model(workspace.place))
    probabilities = np.zeros(SHAPE, np.uint8)
    probabilities[30, 30] = 150
    propose(workspace, A, probabilities)
    assert np.count_nonzero(workspace.mask(A, labels).read(WHOLE)) == 1
    workspace.set_steps(parse_steps("dilate:disk:1"))
    assert np.count_nonzero(workspace.mask(A, labels).read(WHOLE)) == 5
    workspace.set_threshold(0.7)
    assert not workspace.mask(A, labels).read(WHOLE).any()


def test_a_proposal_of_an_earlier_version_of_the_slide_is_not_shown(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    cv2.imwrite(str(workspace.folder / "a.png"), np.full(SHAPE, 9, np.uint8))
    os.utime(workspace.folder / "a.png", ns=(1, 1))
    assert workspace.find_proposal(A) is None


def test_a_part_of_a_proposal_stands_in_where_that_is_asked_for_until_the_whole_is_there(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    whole = proposal_file(workspace.place, "spots", A)
    whole.rename(part_file(workspace.place, "spots", A))
    assert workspace.find_proposal(A) is None
    workspace.part = B
    assert workspace.find_proposal(A) is None
    workspace.part = A
    found = workspace.find_proposal(A)
    assert found is not None and found.partial
    propose(workspace, A)
    found = workspace.find_proposal(A)
    assert found is not None and not found.partial
    cv2.imwrite(str(workspace.folder / "a.png"), np.full(SHAPE, 9, np.uint8))
    os.utime(workspace.folder / "a.png", ns=(1, 1))
    assert workspace.find_proposal(A) is None, "both are of an earlier version of the slide"


def test_a_slide_that_is_gone_is_said_and_its_labels_are_kept(workspace: Workspace) -> None:
    paint(workspace, A, 10)
    (workspace.folder / "a.png").unlink()
    with pytest.raises(SlideError, match=r"'a\.png' is no longer there.*labels are kept"):
        workspace.find_proposal(A)
    assert has_dab(workspace, A, 10)


def test_a_project_without_labels_takes_over_the_classes_of_a_model(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place, "axons", ("axon", "myelin")))
        assert [c.name for c in workspace.classes] == ["background", "axon", "myelin"]
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.active_model == "axons"
        assert [c.name for c in workspace.classes] == ["background", "axon", "myelin"]


def test_a_project_with_labels_refuses_a_model_of_other_classes_and_stays_as_it_was(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    paint(workspace, A, 10)
    with pytest.raises(ModelError, match="knows axon, myelin, but this project has foreground"):
        workspace.use_model(add_model(workspace.place, "axons", ("axon", "myelin")))
    assert workspace.active_model == "spots"
    assert [c.name for c in workspace.classes] == ["background", "foreground"]


def test_each_model_has_its_own_proposals(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    workspace.use_model(add_model(workspace.place, "others"))
    assert workspace.state(A) is PlaneState.NEW
    workspace.use_model(add_model(workspace.place))
    assert workspace.state(A) is PlaneState.PROPOSED


# Folders that can't be worked with


def test_a_folder_without_slides_is_said_and_gets_no_project(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no slide")
    with pytest.raises(SlideError, match="There are no slides"):
        Workspace.open(tmp_path)
    assert not (tmp_path / PLACE_NAME).exists()


def test_a_damaged_project_is_said_and_can_be_opened_again_once_mended(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, A, 10)
        file = workspace.place / "project.sqlite"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + bytes(len(content) - 4096))
    with pytest.raises(ProjectError, match="damaged"):
        Workspace.open(folder)
    file.write_bytes(content)
    with closing(Workspace.open(folder)) as workspace:
        assert workspace.read_only == ""
        assert has_dab(workspace, A, 10)


@pytest.fixture
def second(workspace: Workspace) -> Iterator[Workspace]:
    """A second window on the folder of `workspace`, in which slide a.png has two dabs, one of them taken back."""
    paint(workspace, A, 10)
    paint(workspace, A, 40)
    workspace.undo()
    assert workspace.journal.flush(10)
    with closing(Workspace.open(workspace.folder)) as opened:
        yield opened


def test_a_second_window_reads_and_says_who_writes(second: Workspace) -> None:
    assert f"process {os.getpid()} on" in second.read_only
    assert "Close the other one" in second.read_only
    assert has_dab(second, A, 10)
    assert second.states == {A: PlaneState.CORRECTED}


def touch(workspace: Workspace) -> None:
    labels = workspace.labels(A, SHAPE)
    states = {"state_before": PlaneState.REVIEWED, "state_after": PlaneState.REVIEWED}
    edit = make_edit(A, WHOLE, labels.read(WHOLE), np.zeros(SHAPE, np.uint8), "x", **states)
    assert edit is not None
    workspace.perform(edit, labels.shape)


@pytest.mark.parametrize(
    "change",
    [
        touch,
        Workspace.undo,
        Workspace.redo,
        lambda workspace: review(workspace, A, workspace.labels(A, SHAPE)),
        lambda workspace: workspace.set_classes(make_classes("other")),
        lambda workspace: workspace.set_steps(parse_steps("dilate:disk:1")),
        lambda workspace: workspace.set_threshold(0.1),
        lambda workspace: workspace.use_model(add_model(workspace.place)),
        lambda workspace: accept(workspace, [accepted(B)]),
        lambda workspace: workspace.judging.set_too_close(TooClose.NEVER),
        lambda workspace: workspace.judging.set_audit(["b.png"]),
        lambda workspace: workspace.judging.change_hold_out(["b.png"], held=True),
        lambda workspace: workspace.judging.draw_hold_out(),
    ],
    ids=[
        "edit",
        "undo",
        "redo",
        "review",
        "classes",
        "clean-up",
        "threshold",
        "model",
        "accept",
        "rule",
        "audit",
        "hold-out",
        "drawn",
    ],
)
def test_a_second_window_changes_nothing_on_the_disk_nor_in_what_it_shows(
    second: Workspace, change: Callable[[Workspace], object]
) -> None:
    def shown() -> tuple[Any, ...]:
        history = second.next_undo, second.next_redo
        choices = second.classes, second.steps, second.threshold, second.active_model
        judging = second.judging.too_close, second.judging.audit, second.judging.hold_out
        labels = labels_of(second, A).tobytes(), labels_of(second, B).tobytes()
        return labels, dict(second.states), history, choices, judging

    before = shown()
    with pytest.raises(ProjectReadOnlyError, match="Close the other one"):
        change(second)
    assert shown() == before
    assert second.journal.pending == 0


def test_the_next_window_may_write_once_the_first_is_closed(folder: Path) -> None:
    first = Workspace.open(folder)
    with closing(Workspace.open(folder)) as second:
        assert second.read_only
        assert first.close()
    with closing(Workspace.open(folder)) as third:
        assert third.read_only == ""
        paint(third, A, 10)


def test_a_closed_folder_is_let_go(folder: Path) -> None:
    workspace = Workspace.open(folder)
    assert workspace.close()
    with writing(workspace.place):
        pass


# Memory


def dabs(workspace: Workspace, count: int) -> None:
    for number in range(count):
        paint(workspace, A, number % 60, value=number % 2)
        assert workspace.journal.flush(10), "what is on its way to the disk stays in memory"


def test_edits_that_no_longer_fit_in_memory_come_back_from_the_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.workspace.history._KEPT_BYTES", 10_000)
    with closing(Workspace.open(folder)) as workspace:
        dabs(workspace, 24)
        assert sum(entry.edit.nbytes for entry in workspace._history.done) <= 10_000
        assert len(workspace._history.done) < 24
        sentences = []
        while (edit := undo(workspace)) is not None:
            sentences.append(edit.sentence)
        assert sentences == [f"dab {number} on a.png" for number in reversed(range(24))]
        assert (labels_of(workspace, A) == UNLABELLED).all()


def test_history_read_back_from_the_disk_equals_the_one_in_memory(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place))
        propose(workspace, B)
        dabs(workspace, 3)
        workspace.set_threshold(0.123456)
        review(workspace, A, workspace.labels(A, SHAPE))
        accept(workspace, [accepted(B)])
        workspace.undo()
        done = [entry.edit for entry in workspace._history.done]
        undone = [entry.edit for entry in workspace._history.undone]
    with closing(Workspace.open(folder)) as workspace:
        assert [entry.edit for entry in workspace._history.done] == done
        assert [entry.edit for entry in workspace._history.undone] == undone


def test_a_plane_that_is_asked_for_again_is_not_the_first_to_be_forgotten(folder: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(folder / f"more{number}.png"), np.zeros(SHAPE, np.uint8))
    with closing(Workspace.open(folder)) as workspace:
        labels = workspace.labels(A, SHAPE)
        for slide in workspace.slides:
            workspace.labels(PlaneId(slide), SHAPE)
            assert workspace.labels(A, SHAPE) is labels


# The clean-up


def test_clean_up_and_threshold_are_edits_in_words(workspace: Workspace) -> None:
    workspace.set_steps(parse_steps("dilate:disk:2"))
    workspace.set_steps(parse_steps("dilate:disk:2,remove-small:64"))
    workspace.set_threshold(0.7)
    workspace.set_steps(())
    sentences, recipes = [], []
    while (edit := undo(workspace)) is not None:
        sentences.append(edit.sentence)
        recipes.append((workspace.steps, workspace.threshold))
    assert sentences == [
        "clean-up: no steps",
        "threshold 0.70",
        "clean-up: dilate 2, remove-small 64",
        "clean-up: dilate 2",
    ]
    assert recipes == [
        (parse_steps("dilate:disk:2,remove-small:64"), 0.7),
        (parse_steps("dilate:disk:2,remove-small:64"), 0.5),
        (parse_steps("dilate:disk:2"), 0.5),
        ((), 0.5),
    ]
    workspace.redo()
    assert workspace.steps == parse_steps("dilate:disk:2")


def test_what_was_only_tried_out_is_no_edit_and_undo_goes_back_to_what_was_kept(workspace: Workspace) -> None:
    workspace.set_steps(parse_steps("open:disk:1"))
    workspace.steps = parse_steps("open:disk:3")  # as a slider does while it is dragged
    workspace.set_steps(parse_steps("open:disk:4"))
    workspace.undo()
    assert workspace.steps == parse_steps("open:disk:1")
    workspace.steps = parse_steps("open:disk:9")
    assert workspace.set_steps(parse_steps("open:disk:1")) is None
    assert workspace.steps == parse_steps("open:disk:1")
    assert workspace.next_undo is not None
    assert workspace.next_undo.sentence == "clean-up: open 1"


def test_undoing_a_clean_up_survives_a_restart(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.set_steps(parse_steps("open:disk:1"))
        workspace.set_threshold(0.25)
        workspace.undo()
    with closing(Workspace.open(folder)) as workspace:
        assert (workspace.steps, workspace.threshold) == (parse_steps("open:disk:1"), 0.5)
        assert workspace.undo() is not None
        assert workspace.steps == ()
        workspace.redo()
        workspace.redo()
        assert (workspace.steps, workspace.threshold) == (parse_steps("open:disk:1"), 0.25)


# Accepting


def test_proposals_accepted_over_several_slides_are_one_edit(workspace: Workspace) -> None:
    seen, c = workspace.labels(A, SHAPE), PlaneId("sub/c.png")
    assert (seen.read(WHOLE) == UNLABELLED).all()
    change = accept(workspace, [accepted(A), accepted(B), AcceptedPlane(c, problem="gone")])
    assert change is not None
    edit = change.edit
    assert edit.sentence == "accept the proposals of 2 slides"
    assert workspace.states == {A: PlaneState.CORRECTED, B: PlaneState.CORRECTED}
    assert (seen.read(WHOLE) == 1).all()
    assert (labels_of(workspace, B) == 1).all()
    assert undo(workspace) is edit
    assert workspace.states == {}
    assert (seen.read(WHOLE) == UNLABELLED).all()
    assert (labels_of(workspace, B) == UNLABELLED).all()


def test_a_plane_that_was_painted_while_proposals_were_accepted_is_left_out(workspace: Workspace) -> None:
    found = [accepted(A), accepted(B)]
    paint(workspace, A, 10, value=0)
    change = accept(workspace, found)
    assert change is not None
    edit = change.edit
    assert (edit.change.plane, edit.sentence) == (B, "accept the proposals of b.png")
    assert np.count_nonzero(labels_of(workspace, A) == 1) == 0
    assert accept(workspace, found) is None


def test_only_proposed_planes_without_labels_are_there_to_be_accepted(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A)
    propose(workspace, B)
    paint(workspace, B, 10)
    assert acceptable_planes(workspace) == (A,)


# The proposal under the labels


def mask_of(workspace: Workspace, plane: PlaneId = A) -> NDArray[np.uint8]:
    return workspace.mask(plane, workspace.labels(plane, SHAPE)).read(WHOLE)


def columns(number: int) -> NDArray[np.uint8]:
    """Probabilities: foreground on so many columns at the left."""
    probabilities = np.zeros(SHAPE, np.uint8)
    probabilities[:, :number] = 255
    return probabilities


def test_a_corrected_plane_keeps_what_it_was_corrected_on_at_once_and_after_a_restart(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place))
        propose(workspace, A, columns(20))
        paint(workspace, A, 10, value=0)
        mask = mask_of(workspace)
        others = add_model(workspace.place, "others")
        workspace.use_model(others)  # while the stroke may not be written yet
        np.testing.assert_array_equal(mask_of(workspace), mask)
        assert workspace.find_newer(A) is None
        propose(workspace, A, columns(50))
        np.testing.assert_array_equal(mask_of(workspace), mask)
        assert workspace.journal.flush(10)
        shutil.rmtree(workspace.place / "proposals" / "spots")
        np.testing.assert_array_equal(mask_of(workspace), mask)
    with closing(Workspace.open(folder)) as workspace:
        np.testing.assert_array_equal(mask_of(workspace), mask)
        workspace.undo()
        assert np.count_nonzero(mask_of(workspace)) == 64 * 50, "it follows the active model again"
        assert workspace.kept == {}
        workspace.redo()
        np.testing.assert_array_equal(mask_of(workspace), mask)
        assert workspace.journal.flush(10)
        with Project.open(folder) as project:
            assert project.kept_proposals() == workspace.kept


def test_the_newer_proposal_is_taken_and_given_back_without_a_label_changing(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place))
        propose(workspace, A, columns(20))
        assert workspace.find_newer(A) is None, "nobody corrected it"
        paint(workspace, A, 10, value=0)
        mask, labels = mask_of(workspace), labels_of(workspace, A)
        workspace.use_model(add_model(workspace.place, "others"))
        propose(workspace, A, columns(50))
        newer = workspace.find_newer(A)
        assert newer is not None and newer.model == "others"
        workspace.perform(workspace.edit_to_take(newer, A, "newer proposal"), SHAPE, made_on={A: newer})
        np.testing.assert_array_equal(labels_of(workspace, A), labels)
        taken = mask_of(workspace)
        np.testing.assert_array_equal(taken, np.where(labels == UNLABELLED, columns(50) > 0, labels))
        assert workspace.find_newer(A) is None
        assert workspace.state(A) is PlaneState.CORRECTED
        workspace.undo()
        np.testing.assert_array_equal(mask_of(workspace), mask)
        workspace.redo()
        assert workspace.journal.flush(10)
        shutil.rmtree(workspace.place / "proposals")
    with closing(Workspace.open(folder)) as workspace:
        np.testing.assert_array_equal(labels_of(workspace, A), labels)
        np.testing.assert_array_equal(mask_of(workspace), taken)
        workspace.undo()
        np.testing.assert_array_equal(mask_of(workspace), mask)


def test_another_proposal_by_the_same_model_is_a_newer_one(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    propose(workspace, A, columns(20))
    paint(workspace, A, 10)
    assert workspace.journal.flush(10)
    mask = mask_of(workspace)
    propose(workspace, A, columns(20))
    assert workspace.find_newer(A) is None, "it says the same"
    propose(workspace, A, columns(30))
    np.testing.assert_array_equal(mask_of(workspace), mask)
    assert workspace.find_newer(A) is not None


def test_what_was_reviewed_or_accepted_unseen_keeps_what_the_model_had_proposed(workspace: Workspace) -> None:
    workspace.use_model(add_model(workspace.place))
    for plane in (A, B):
        propose(workspace, plane, columns(20))
    review(workspace, A, workspace.labels(A, SHAPE))
    found = list(accept_planes(workspace.proposed_view, [B]))
    propose(workspace, B, columns(50))  # after it was looked at
    accept(workspace, found)
    assert workspace.kept[B] == found[0].made_on.id if found[0].made_on else False
    assert workspace.journal.flush(10)
    with Project.open(workspace.folder) as project:
        kept = find_kept(project, A)
        assert kept is not None
        np.testing.assert_array_equal(kept.read(WHOLE)[..., 0], columns(20))
        workspace.undo()
        workspace.undo()
        assert workspace.kept == {}


def test_a_proposal_that_is_replaced_while_the_stroke_waits_gives_its_place_to_the_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    record = Project.record

    def wait_and_record(project: Project, *arguments: Any) -> None:
        record(project, *arguments)
        assert written.wait(10)

    def find(*arguments: Any, **named: Any) -> Under:
        """Looks while the edit is not written, and comes back when it is."""
        under = find_under(*arguments, **named)
        written.set()
        assert workspace.journal.flush(10)
        return under

    workspace.use_model(add_model(workspace.place))
    propose(workspace, A, columns(20))
    assert workspace.journal.flush(10)
    monkeypatch.setattr(Project, "record", wait_and_record)
    monkeypatch.setattr("unet_studio.core.masks.kept.keep", lambda *_: None)  # as if it came a moment later
    paint(workspace, A, 10, value=0)
    propose(workspace, A, columns(50))
    monkeypatch.setattr("unet_studio.core.workspace.workspace.find_under", find)
    view = workspace.mask(A, workspace.labels(A, SHAPE))
    assert view.problem == ""
    assert np.count_nonzero(view.read(WHOLE)[0]) == 50


def test_a_plane_labelled_on_nothing_keeps_the_first_proposal_that_comes(workspace: Workspace) -> None:
    cards = {name: add_model(workspace.place, name) for name in ("spots", "others", "more")}
    workspace.use_model(cards["others"])
    propose(workspace, B, columns(40))
    workspace.use_model(cards["spots"])
    for plane in (A, B):
        paint(workspace, plane, 10)
    propose(workspace, A, columns(20))
    assert workspace.kept[A].model == "spots"
    workspace.use_model(cards["others"])
    assert workspace.kept[B].model == "others"
    mask = mask_of(workspace, B)
    workspace.use_model(cards["more"])
    propose(workspace, B, columns(9))
    np.testing.assert_array_equal(mask_of(workspace, B), mask)


def test_a_kept_proposal_that_is_missing_is_said_and_is_never_reviewed_as_background(folder: Path) -> None:
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place))
        propose(workspace, A, columns(20))
        paint(workspace, A, 10)
    shutil.rmtree(folder / PLACE_NAME / "kept")
    shutil.rmtree(folder / PLACE_NAME / "proposals")
    with closing(Workspace.open(folder)) as workspace:
        labels = workspace.labels(A, SHAPE)
        view = workspace.mask(A, labels)
        assert "is missing or damaged" in view.problem
        with pytest.raises(IncompleteMaskError, match="is missing or damaged"):
            review(workspace, A, labels)
        assert workspace.state(A) is PlaneState.CORRECTED


def test_a_project_saved_elsewhere_has_what_was_kept_and_what_waits(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    with closing(Workspace.open(folder)) as workspace:
        workspace.use_model(add_model(workspace.place))
        for plane in (A, B):
            propose(workspace, plane, columns(20))
        paint(workspace, A, 10)
        assert workspace.journal.flush(10)
        paint(workspace, B, 10)
        masks = [mask_of(workspace, plane) for plane in (A, B)]
        workspace.save_elsewhere(target)
    with closing(Workspace.open(folder, place=target)) as workspace:
        for plane, mask in zip((A, B), masks, strict=True):
            np.testing.assert_array_equal(mask_of(workspace, plane), mask)


happenings_to_a_mask = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), st.integers(0, 64)),
        st.tuples(st.just("model"), st.sampled_from(["spots", "others", "more"])),
        st.tuples(st.just("copy"), st.none()),
        st.tuples(st.just("forget proposals"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("undo and redo"), st.none()),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(st.integers(1, 64), happenings_to_a_mask)
def test_nothing_but_an_edit_ever_changes_the_mask_of_a_corrected_plane(
    tmp_path_factory: pytest.TempPathFactory, proposed: int, happenings: list[tuple[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("slides")
    cv2.imwrite(str(folder / "a.png"), np.zeros(SHAPE, np.uint8))
    workspace = Workspace.open(folder)
    try:
        cards = {name: add_model(workspace.place, name) for name in ("spots", "others", "more")}
        workspace.use_model(cards["spots"])
        propose(workspace, A, columns(proposed))
        paint(workspace, A, 10, value=0)
        mask = mask_of(workspace)
        for kind, detail in happenings:
            if kind == "propose":
                assert workspace.journal.flush(10)
                propose(workspace, A, columns(detail))
            elif kind == "model":
                workspace.use_model(cards[detail])
            elif kind == "undo and redo":
                assert workspace.journal.flush(10)
                workspace.undo()
                workspace.redo()
            else:
                assert workspace.close()
                if kind == "copy":
                    folder = Path(shutil.copytree(folder, tmp_path_factory.mktemp("copies") / "copy"))
                    os.utime(folder / "a.png", ns=(1, 1))
                elif kind == "forget proposals":
                    shutil.rmtree(folder / PLACE_NAME / "proposals", ignore_errors=True)
                workspace = Workspace.open(folder)
            np.testing.assert_array_equal(mask_of(workspace), mask)
        assert workspace.close()
        with Project.open(folder) as project:
            np.testing.assert_array_equal(view_plane(project, A, SHAPE).read(WHOLE), mask)
    finally:
        workspace.close()
