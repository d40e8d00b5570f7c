"""Masks become labels off the GUI thread; nothing that is painted meanwhile is lost, and each can be taken back."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.accepting import review_plane
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError
from unet_studio.gui.background import Background
from unet_studio.gui.jobs.incoming_proposals import IncomingProposals
from unet_studio.gui.jobs.proposing import Proposing
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.mask_files import MaskFiles
from unet_studio.gui.session.session import Session

SIZE = 128
WHOLE = Box(0, 0, SIZE, SIZE)
S1, S2, S10 = PlaneId("s1.png"), PlaneId("s2.png"), PlaneId("s10.png")


class Desk:
    """A session without a window, whose worker is never started."""

    def __init__(self, session: Session, background: Background, qtbot: QtBot) -> None:
        self.session = session
        self.edits = BackgroundEdits(session, background)
        self.accepting = Accepting(session, self.edits, MaskFiles(session, self.edits))
        self._proposing = Proposing()
        self._incoming = IncomingProposals(session, self._proposing)
        self.qtbot = qtbot
        self.notices: list[str] = []
        session.notice.connect(lambda notice: self.notices.append(notice.text))

    @property
    def workspace(self) -> Workspace:
        assert self.session.workspace is not None
        return self.session.workspace

    def open(self, plane: PlaneId) -> None:
        with self.qtbot.waitSignal(self.session.plane_opened):
            self.session.open_plane(plane)

    def labels(self, plane: PlaneId | None = None) -> NDArray[np.uint8]:
        assert self.session.plane is not None
        return self.workspace.labels(plane or self.session.plane.id, (SIZE, SIZE)).read(WHOLE)

    def dab(self, y: float, value: int = 1) -> None:
        plane = self.session.plane
        assert plane is not None
        stroke = Stroke(plane.labels, plane.id, value=value, radius=5.0)
        stroke.extend((y, 64.0))
        edit = stroke.finish(f"dab {y:g}", state=self.workspace.state(plane.id))
        assert edit is not None
        self.session.perform(edit, plane.shape, made=plane.labels)

    def propose(self, *planes: PlaneId) -> None:
        """Class 1 on the left half."""
        probability = np.zeros((SIZE, SIZE, 1), np.uint8)
        probability[:, : SIZE // 2] = 255
        for plane in planes:
            file = proposal_file(self.workspace.place, self.workspace.active_model, plane)
            stamp = slide_stamp(self.workspace.folder / plane.slide)
            write_proposal(file, (SIZE, SIZE), 1, [(0, probability)], stamp=stamp)
            self._proposing.proposed.emit(plane, self.workspace.active_model)

    def wait_for_edit(self, begin: Callable[[], object]) -> None:
        with self.qtbot.waitSignal(self.session.changed, check_params_cb=lambda changes: changes.history):
            begin()

    def undo(self) -> str:
        assert self.workspace.next_undo is not None
        sentence = self.workspace.next_undo.sentence
        self.session.undo()
        return sentence


@pytest.fixture
def desk(background: Background, qtbot: QtBot, folder: Path) -> Iterator[Desk]:
    session = Session(background)
    with qtbot.waitSignal(session.plane_opened):
        session.open_folder(folder)
    yield Desk(session, background, qtbot)
    session.close_folder()


HALF = np.repeat(np.array([[1, 0]], np.uint8), SIZE // 2, axis=1).repeat(SIZE, axis=0)


# Reviewing


def test_a_review_writes_the_mask_and_its_undo_removes_it(desk: Desk) -> None:
    kept = desk.workspace.place / "masks" / "s1.png"
    desk.propose(S1)
    desk.wait_for_edit(desk.accepting.review)
    np.testing.assert_array_equal(desk.labels(), HALF)
    assert desk.workspace.state(S1) is PlaneState.REVIEWED
    desk.qtbot.waitUntil(kept.exists)
    assert desk.undo() == "review of s1.png"
    assert desk.workspace.state(S1) is PlaneState.PROPOSED
    assert (desk.labels() == UNLABELLED).all()
    desk.qtbot.waitUntil(lambda: not kept.exists())


def test_a_mask_that_cannot_be_brought_up_to_date_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.propose(S1)
    monkeypatch.setattr(desk.workspace.journal, "flush", lambda _: False)
    desk.wait_for_edit(desk.accepting.review)
    desk.qtbot.waitUntil(lambda: len(desk.notices) > 0)
    assert "the masks in the project's folder are not up to date" in desk.notices[0]
    assert not (desk.workspace.place / "masks" / "s1.png").exists()


def test_what_is_painted_while_a_review_is_made_is_kept_and_each_can_be_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(*args: object, **named: object) -> Edit | None:
        started.set()
        assert go_on.wait(10)
        return review_plane(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("unet_studio.gui.session.accepting.review_plane", slow)
    desk.propose(S1)
    desk.accepting.review()
    assert started.wait(10)
    desk.dab(64, value=0)
    painted = desk.labels()
    desk.wait_for_edit(go_on.set)
    np.testing.assert_array_equal(desk.labels(), np.where(painted == UNLABELLED, HALF, painted))
    assert desk.undo() == "review of s1.png"
    np.testing.assert_array_equal(desk.labels(), painted)
    assert desk.undo() == "dab 64"
    assert (desk.labels() == UNLABELLED).all()


def test_a_stroke_under_way_ends_before_a_review_comes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(
        "unet_studio.gui.session.accepting.review_plane",
        lambda *args, **named: review_plane(*args, **named) if go_on.wait(10) else None,
    )
    desk.accepting.review()
    plane = desk.session.plane
    assert plane is not None
    stroke = Stroke(plane.labels, S1, value=1, radius=5.0)
    stroke.extend((20.0, 20.0))

    def end_stroke() -> None:
        edit = stroke.finish("stroke", state=desk.workspace.state(S1))
        if edit is not None and not ended:
            ended.append(True)
            desk.session.perform(edit, plane.shape, made=plane.labels)

    ended: list[bool] = []
    desk.session.finish_tool = end_stroke
    go_on.set()
    desk.qtbot.waitUntil(lambda: desk.workspace.state(S1) is PlaneState.REVIEWED)
    assert desk.labels()[20, 20] == 1
    assert [desk.undo(), desk.undo()] == ["review of s1.png", "stroke"]
    assert (desk.labels() == UNLABELLED).all()


def test_a_review_that_fails_says_why_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ProjectError("The stored proposal can't be read.")

    monkeypatch.setattr("unet_studio.gui.session.accepting.review_plane", fail)
    with desk.qtbot.waitSignal(desk.session.notice):
        desk.accepting.review()
    assert desk.notices == ["The stored proposal can't be read."]
    assert desk.workspace.next_undo is None


# Accepting


def test_a_proposal_is_accepted_for_the_plane_and_taken_back(desk: Desk) -> None:
    desk.propose(S1)
    desk.dab(64, value=0)
    painted = desk.labels()
    desk.wait_for_edit(desk.accepting.accept_plane)
    np.testing.assert_array_equal(desk.labels(), np.where(painted == UNLABELLED, HALF, painted))
    assert desk.workspace.state(S1) is PlaneState.CORRECTED
    assert desk.undo() == "accept the proposal on s1.png"
    np.testing.assert_array_equal(desk.labels(), painted)


def test_a_proposal_is_accepted_inside_a_region_alone(desk: Desk) -> None:
    desk.propose(S1)
    box = Box(10, 50, 20, 80)
    desk.wait_for_edit(lambda: desk.accepting.accept_region(Region(box, np.ones(box.shape, bool))))
    expected = np.full((SIZE, SIZE), UNLABELLED, np.uint8)
    expected[box.slices] = HALF[box.slices]
    np.testing.assert_array_equal(desk.labels(), expected)
    assert desk.undo() == "accept part of the proposal on s1.png"
    assert desk.workspace.state(S1) is PlaneState.PROPOSED


def test_without_a_proposal_there_is_nothing_to_accept_and_that_is_said(desk: Desk) -> None:
    desk.accepting.accept_plane()
    desk.accepting.accept_region(Region(WHOLE, np.ones((SIZE, SIZE), bool)))
    desk.accepting.accept_all()
    assert desk.notices == [
        "'s1.png' has no proposal to accept. Propose first.",
        "'s1.png' has no proposal to accept. Propose first.",
        "There is no proposal on a slide without labels. Propose first.",
    ]
    assert desk.workspace.next_undo is None


def test_all_proposals_are_accepted_in_one_edit_and_undo_shows_the_slide_it_touches_first(desk: Desk) -> None:
    desk.propose(S1, S2, S10)
    desk.dab(64)
    painted = desk.labels()
    desk.wait_for_edit(desk.accepting.accept_all)
    assert desk.workspace.next_undo is not None
    assert desk.workspace.next_undo.sentence == "accept the proposals of 2 slides"
    np.testing.assert_array_equal(desk.labels(S1), painted)
    for plane in (S2, S10):
        np.testing.assert_array_equal(desk.labels(plane), HALF)
        assert desk.workspace.state(plane) is PlaneState.CORRECTED
    with desk.qtbot.waitSignal(desk.session.plane_opened) as opened:
        desk.session.undo()
    assert opened.args[0].id == S2
    assert (desk.labels(S2) == UNLABELLED).all()
    assert (desk.labels(S10) == UNLABELLED).all()
    desk.open(S10)
    with desk.qtbot.assertNotEmitted(desk.session.plane_opened, wait=50):
        desk.session.redo()  # one of its planes is open already
    np.testing.assert_array_equal(desk.labels(), HALF)


def test_what_was_accepted_is_on_the_disk(desk: Desk, folder: Path) -> None:
    desk.propose(S1, S2)
    desk.wait_for_edit(desk.accepting.accept_all)
    assert desk.workspace.journal.flush(10)
    with Project.open(folder) as project:
        assert project.states() == {S1: PlaneState.CORRECTED, S2: PlaneState.CORRECTED}
        np.testing.assert_array_equal(project.labels(S2, (SIZE, SIZE)).read(WHOLE), HALF)
        assert len(project.history()) == 1


def test_a_slide_that_vanished_is_left_out_and_said(desk: Desk) -> None:
    desk.propose(S1, S2)
    (desk.workspace.folder / "s2.png").unlink()
    with desk.qtbot.waitSignal(desk.session.notice):
        desk.accepting.accept_all()
    assert "'s2.png' is no longer there" in desk.notices[0]
    assert desk.workspace.states == {S1: PlaneState.CORRECTED}


def test_closing_the_folder_without_waiting_stops_accepting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started, stopped, closed = threading.Event(), threading.Event(), threading.Event()

    def wait_for_stop(_project: object, _planes: object, *, cancelled: Callable[[], bool]) -> list[object]:
        started.set()
        assert closed.wait(10)
        if cancelled():
            stopped.set()
        return []

    monkeypatch.setattr("unet_studio.gui.session.accepting.accept_planes", wait_for_stop)
    desk.propose(S1)
    desk.accepting.accept_all()
    assert started.wait(10)
    desk.session.close_folder(discard=True)
    closed.set()
    assert stopped.wait(10)
