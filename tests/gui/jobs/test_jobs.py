"""What follows when a job ends, at a real window with real child processes whose jobs need no Keras."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import Verdict
from unet_studio.core.tiles import Box
from unet_studio.usecases.next_plane import next_plane_to_label

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000
WORKER = [sys.executable, "-P", str(Path(__file__).with_name("labelling_worker.py"))]
SCRIPTED = [sys.executable, "-P", str(Path(__file__).parents[2] / "worker" / "scripted_worker.py")]


class Desk:
    """A window on the three slides, the first of which is labelled, and workers that wait to be told how to go on."""

    def __init__(self, hand: "Hand") -> None:
        self.window = hand.window
        self.jobs = hand.window.tasks
        self.session = hand.window.session
        self.qtbot = hand.qtbot
        workspace = self.session.workspace
        assert workspace is not None
        self.workspace = workspace
        for worker in (self.jobs.proposing.worker, self.jobs.retraining.worker):
            worker.stop()
            worker.command = WORKER

    def tell_workers(self, what: str) -> None:
        (self.workspace.place / what).touch()

    def proposes(self, model: str, slide: str) -> bool:
        return find_proposal(self.workspace.place, model, PlaneId(slide)) is not None

    def asked(self, model: str) -> list[str]:
        """The slides that a model was to propose, in the order in which the worker took them up."""
        return (self.workspace.place / f"asked-{model}").read_text().split()

    def mask(self) -> np.ndarray:
        assert self.session.plane is not None
        return self.session.plane.view.read(Box(0, 0, 128, 128))

    def told(self) -> str:
        return " ".join(label.text() for label in self.window.messages.findChildren(QLabel))

    def retrain(self) -> None:
        with self.qtbot.waitSignal(self.jobs.retraining.preparing, timeout=WAIT):
            self.window.actions_by_id["retrain"].trigger()

    def end_retraining(self) -> Verdict:
        with self.qtbot.waitSignal(self.jobs.retrained, timeout=WAIT) as retrained:
            self.tell_workers("trained")
        assert retrained.args is not None
        return retrained.args[0].verdict


@pytest.fixture
def desk(hand: "Hand") -> Desk:
    hand.click(20, 20)
    hand.saved()
    return Desk(hand)


def test_a_better_model_is_in_use_and_proposes_the_open_slide(desk: Desk) -> None:
    desk.retrain()
    desk.tell_workers("go-trained")
    assert desk.end_retraining() is Verdict.BETTER
    assert desk.workspace.active_model == "trained"
    assert "The new model is better and in use" in desk.told()
    desk.qtbot.waitUntil(lambda: desk.proposes("trained", "s1.png") and not desk.jobs.is_busy, timeout=WAIT)
    assert desk.asked("trained")[0] == "s1.png"


def test_a_class_renamed_during_a_training_keeps_the_model_out_and_the_window_says_so(desk: Desk) -> None:
    before = desk.workspace.active_model
    desk.retrain()
    desk.session.set_classes(make_classes("axon"))
    assert desk.end_retraining() is Verdict.OTHER_CLASSES
    assert desk.workspace.active_model == before
    assert "in use" not in desk.told()
    assert "is not used: the classes were changed while it learned them" in desk.told()
    assert not desk.jobs.proposing.is_busy


def test_a_model_chosen_during_a_training_stays(desk: Desk, qtbot: QtBot) -> None:
    desk.retrain()
    other = next(
        card.id
        for card in desk.session.models.known()
        if card.id != desk.workspace.active_model and [c.name for c in card.classes] == ["background", "nucleus"]
    )
    desk.session.models.use(other)
    assert desk.end_retraining() is Verdict.OTHER_RIVAL
    assert desk.workspace.active_model == other
    assert "was not compared with the model in use, which stays" in desk.told()


def test_a_retraining_that_ends_while_all_is_proposed_leaves_no_slide_without_a_mask(desk: Desk) -> None:
    before = desk.workspace.active_model
    with desk.qtbot.waitSignal(desk.jobs.proposing.proposed, timeout=WAIT):
        desk.window.actions_by_id["propose_all"].trigger()
    assert desk.mask()[100, 100] == 1
    desk.retrain()
    desk.tell_workers("go-trained")
    assert desk.end_retraining() is Verdict.BETTER
    desk.qtbot.waitUntil(lambda: desk.mask()[100, 100] == 1, timeout=WAIT)
    desk.qtbot.waitUntil(lambda: not desk.jobs.is_busy, timeout=WAIT)
    assert all(desk.proposes("trained", slide) for slide in desk.workspace.slides), "what was asked for is done"
    assert not all(desk.proposes(before, slide) for slide in desk.workspace.slides), "what nobody would see is not"
    assert "was stopped" not in desk.told(), "nobody stopped anything"


def test_after_one_slide_was_proposed_that_is_proposed_again_and_the_next_ones_quietly(desk: Desk) -> None:
    with desk.qtbot.waitSignal(desk.jobs.proposing.proposed, timeout=WAIT):
        desk.window.actions_by_id["propose"].trigger()
    desk.retrain()
    desk.tell_workers("go-trained")
    desk.end_retraining()
    desk.qtbot.waitUntil(lambda: desk.proposes("trained", "s1.png") and not desk.jobs.is_busy, timeout=WAIT)
    begun = []
    desk.jobs.began.connect(begun.append)
    desk.qtbot.waitUntil(lambda: desk.proposes("trained", "s10.png"), timeout=WAIT)
    assert desk.asked("trained") == ["s1.png", "s2.png", "s10.png"]
    assert begun == []


NO_SIGSTOP = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")


@pytest.mark.parametrize("kind", ["deaf", pytest.param("hung", marks=NO_SIGSTOP)])
def test_a_worker_that_hangs_can_be_cancelled_and_the_window_says_so(desk: Desk, kind: str) -> None:
    worker = desk.jobs.proposing.worker
    worker.command, worker.cancel_seconds = SCRIPTED, 0.5
    with desk.qtbot.waitSignal(worker.progress, timeout=WAIT):
        desk.jobs.proposing.propose(desk.workspace, kind, [PlaneId("s1.png")], overwrite=True)
    desk.window.actions_by_id["cancel"].trigger()
    assert desk.jobs.proposing.is_busy
    desk.qtbot.waitUntil(lambda: not desk.jobs.proposing.is_busy, timeout=WAIT)
    assert "did not stop when it was asked to, so it was ended" in desk.told()


def test_lines_that_make_no_sense_are_one_notice(desk: Desk) -> None:
    told = []
    desk.jobs.notice.connect(told.append)
    for sentence in ("the first", "the second"):
        desk.jobs.proposing.worker.garbled.emit(sentence)
    assert [notice.text for notice in told] == ["the first"]


def test_the_key_opens_the_plane_that_the_simulated_annotator_takes_next(desk: Desk, folder: Path) -> None:
    with Project.open(folder) as project:
        expected = next_plane_to_label(project, desk.workspace.slides, done=set(desk.workspace.states))
    assert expected is not None and expected.slide != "s1.png", "s1.png is labelled"
    desk.window.activateWindow()
    QTest.qWaitForWindowActive(desk.window)
    with desk.qtbot.waitSignal(desk.session.plane_opened, timeout=WAIT):
        QTest.keyClick(desk.window.canvas, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
        assert desk.jobs.next_plane.is_busy
        assert not desk.window.actions_by_id["teaches_most"].isEnabled()
    assert desk.session.plane is not None and desk.session.plane.id == expected
    assert desk.window.slides.current() == expected.slide


def test_where_all_is_labelled_it_says_so(hand: "Hand") -> None:
    for slide in ("s1.png", "s2.png", "s10.png"):
        if hand.window.session.plane.id.slide != slide:
            with hand.qtbot.waitSignal(hand.window.session.plane_opened):
                hand.window.session.open_plane(PlaneId(slide))
        hand.click(20, 20)
    with hand.qtbot.waitSignal(hand.window.tasks.next_plane.notice, timeout=WAIT) as told:
        hand.window.actions_by_id["teaches_most"].trigger()
    assert told.args[0].text == "Every slide is labelled already."
