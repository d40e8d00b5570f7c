"""What follows when a job ends, at a real window with real child processes whose jobs need no Keras."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.models.cards import ModelCard, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import Verdict
from unet_studio.core.tiles import Box
from unet_studio.protocol.messages import Failed, Finished, Happened, Report, encode
from unet_studio.protocol.values import (
    Event,
    PartProposed,
    PhaseBegan,
    PlaneProposed,
    Preparing,
    Proposed,
    Round,
    SlideFailed,
    Stopping,
)
from unet_studio.usecases.reviewing.next_plane import next_plane_to_label

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000
WORKER = [sys.executable, "-P", str(Path(__file__).with_name("labelling_worker.py"))]
SCRIPTED = [sys.executable, "-P", str(Path(__file__).parents[2] / "worker" / "scripted_worker.py")]


class Desk:
    """A window on the three slides, the first of which is labelled, and workers that wait to be told how to go on."""

    def __init__(self, hand: "Hand") -> None:
        self.hand = hand
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

    def offered(self) -> list[str]:
        """What can be done about the newest message."""
        return [b.text() for b in self.window.messages.findChildren(QPushButton) if b.isVisible()]

    def press(self, text: str) -> None:
        (button,) = [b for b in self.window.messages.findChildren(QPushButton) if b.isVisible() and b.text() == text]
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

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
    assert "The new model is better: Dice" in desk.told()
    desk.qtbot.waitUntil(lambda: desk.proposes("trained", "s1.png") and not desk.jobs.is_busy, timeout=WAIT)
    assert desk.asked("trained")[0] == "s1.png"


def test_from_a_better_model_one_can_go_back(desk: Desk) -> None:
    before = desk.workspace.active_model
    desk.tell_workers("go-trained")
    desk.retrain()
    desk.end_retraining()
    desk.qtbot.waitUntil(lambda: not desk.jobs.is_busy, timeout=WAIT)
    assert desk.offered() == ["Propose all again", "Go back"]
    desk.press("Go back")
    assert desk.workspace.active_model == before
    assert desk.offered() == []


def test_a_worse_model_can_be_used_all_the_same(desk: Desk) -> None:
    before = desk.workspace.active_model
    desk.tell_workers("worse")
    desk.tell_workers("go-trained")
    desk.retrain()
    assert desk.end_retraining() is Verdict.WORSE
    assert desk.workspace.active_model == before
    assert desk.offered() == ["Use it anyway", "Train longer"]
    desk.press("Use it anyway")
    assert desk.workspace.active_model == "trained"
    desk.qtbot.waitUntil(lambda: desk.proposes("trained", "s1.png") and not desk.jobs.is_busy, timeout=WAIT)


def test_a_model_that_is_not_in_use_is_trained_longer_and_compared_with_the_one_in_use(desk: Desk) -> None:
    longer, before = desk.window.actions_by_id["train_longer"], desk.workspace.active_model
    assert not longer.isEnabled(), "none was trained yet"
    desk.tell_workers("worse")
    desk.tell_workers("go-trained-longer")
    desk.retrain()
    assert not longer.isEnabled(), "one at a time"
    desk.end_retraining()
    button = next(b for b in desk.window.retrain_panel.findChildren(QPushButton) if b.text() == "Train longer")
    assert button.isVisible() and button.isEnabled()
    (desk.workspace.place / "worse").unlink()
    with desk.qtbot.waitSignal(desk.jobs.retrained, timeout=WAIT) as told:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert told.args is not None
    judgement = told.args[0]
    assert (judgement.model, judgement.verdict, judgement.rival) == ("trained-longer", Verdict.BETTER, before)
    assert desk.workspace.active_model == "trained-longer"
    assert read_card(desk.workspace.place / "models" / "trained-longer").parent == "trained"
    desk.qtbot.waitUntil(lambda: not desk.jobs.is_busy, timeout=WAIT)


def crash(desk: Desk) -> None:
    desk.tell_workers("crashes")
    with desk.qtbot.waitSignal(desk.jobs.retraining.failed, timeout=WAIT):
        desk.window.actions_by_id["retrain"].trigger()
    (desk.workspace.place / "crashes").unlink()


def test_a_training_whose_worker_died_goes_on_at_the_press_of_a_button(desk: Desk) -> None:
    crash(desk)
    assert "The worker ended by itself" in desk.told()
    assert "The training of 'Trained' was interrupted" in desk.told()
    assert desk.offered() == ["Go on with it", "Give it up"]
    desk.tell_workers("go-trained")
    with desk.qtbot.waitSignal(desk.jobs.retraining.preparing, timeout=WAIT):
        desk.press("Go on with it")
    assert desk.end_retraining() is Verdict.BETTER
    assert (desk.workspace.place / "resumed").exists()
    desk.qtbot.waitUntil(lambda: not desk.jobs.is_busy, timeout=WAIT)


def test_a_training_that_was_interrupted_is_offered_when_the_folder_is_opened_again(desk: Desk, folder: Path) -> None:
    crash(desk)
    desk.window.messages.clear()
    desk.hand.open(folder)
    assert desk.offered() == ["Go on with it", "Give it up"]
    desk.press("Give it up")
    desk.hand.open(folder)
    assert not desk.window.messages.isVisible()


def test_a_training_that_a_later_one_made_up_for_is_not_offered(desk: Desk, folder: Path) -> None:
    crash(desk)
    later = desk.workspace.place / "models" / "trained-later"
    later.mkdir(parents=True)
    ModelCard("trained-later", "Later", make_classes("nucleus"), Normalisation(1), {}, later).write()
    desk.window.messages.clear()
    desk.hand.open(folder)
    assert desk.offered() == []


def test_a_class_renamed_during_a_training_keeps_the_model_out_and_the_window_says_so(desk: Desk) -> None:
    before = desk.workspace.active_model
    desk.retrain()
    desk.session.set_classes(make_classes("axon"))
    assert desk.end_retraining() is Verdict.OTHER_CLASSES
    assert desk.workspace.active_model == before
    assert "in use" not in desk.told()
    assert "they were changed while it learned. It is not used." in desk.told()
    assert desk.offered() == [], "nobody can use it"
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
    assert "was not compared with the model in use. That one stays" in desk.told()


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


SAYING = [
    sys.executable,
    "-P",
    "-c",
    """
import sys
from unet_studio.protocol.messages import VERSION, Ready, encode
out = sys.stdout.buffer
out.write(encode(Ready(VERSION, "CPU", "test", "none", "It is a test.")))
out.flush()
sys.stdin.readline()
out.write(bytes.fromhex(sys.argv[1]))
out.flush()
sys.stdin.read()
""",
]
"""Says to the first request what it was given."""
LARGEST, LONG = (1 << 31) - 1, "x" * 10_000
UNUSUAL: dict[str, list[Event]] = {
    "no such slide": [PlaneProposed("gone.png", 0, "MODEL"), PartProposed("", 0, "MODEL")],
    "a path": [PlaneProposed("../../etc/passwd", 0, "MODEL"), PlaneProposed("/etc/passwd", 0, "MODEL")],
    "no such plane": [PlaneProposed("s1.png", plane, "MODEL") for plane in (LARGEST, -LARGEST)],
    "not stored": [PlaneProposed("s1.png", 0, "MODEL"), PartProposed("s1.png", 0, "MODEL")],
    "long texts": [SlideFailed(LONG, LONG), PhaseBegan(LONG), Preparing(LONG, LARGEST, -LARGEST)],
    "no round kept": [
        Round(3, 5, math.nan, math.nan, -1.0, kept=False),
        Round(LARGEST, -1, 1e300, -5, 1e9, kept=False),
    ],
    "no picture": [Round(1, 1, 0.1, 0.5, 1.0, kept=True, note=LONG, preview=f"/{LONG}"), Stopping()],
}
"""Events that are as the protocol has them, but not as any worker that works would tell them."""


@pytest.mark.parametrize("events", UNUSUAL.values(), ids=UNUSUAL.keys())
@pytest.mark.parametrize("job", ["proposing", "retraining"])
def test_the_window_takes_unusual_messages_and_goes_on(desk: Desk, events: list[Event], job: str) -> None:
    model = desk.workspace.active_model
    named = [replace(one, model=model) if isinstance(one, PlaneProposed | PartProposed) else one for one in events]
    said = b"".join(encode(Happened(1, event)) for event in named) + encode(Report(1, 1.0, LONG))
    answer = Failed(1, LONG) if job == "retraining" else Finished(1, Proposed("", -LARGEST, LARGEST, LARGEST))
    worker = getattr(desk.jobs, job).worker
    worker.command = [*SAYING, (said + encode(answer)).hex()]
    with desk.qtbot.waitSignal(worker.failed if job == "retraining" else worker.finished, timeout=WAIT):
        if job == "retraining":
            desk.jobs.retraining.retrain(desk.workspace, model)
        else:
            desk.jobs.proposing.propose(desk.workspace, model, [PlaneId("s1.png")], overwrite=True)
    assert not getattr(desk.jobs, job).is_busy
    desk.hand.click(60, 60)
    desk.hand.saved()
    assert desk.hand.labels()[60, 60] != 255


def test_what_is_no_message_ends_the_job_with_a_notice(desk: Desk) -> None:
    worker = desk.jobs.proposing.worker
    worker.command = [*SAYING, b'{"id":99999999999,"method":"progress","params":{"done":0.5,"text":"a"}}\n'.hex()]
    with desk.qtbot.waitSignal(worker.failed, timeout=WAIT):
        desk.jobs.proposing.propose(desk.workspace, "m", [PlaneId("s1.png")], overwrite=True)
    assert not desk.jobs.proposing.is_busy
    assert desk.told().count("The worker said something that can't be understood") == 1


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
