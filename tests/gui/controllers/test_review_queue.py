"""What comes after a slide: along the list or by another order, read and proposed before anyone asks for it."""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import Order
from unet_studio.errors import StudioError
from unet_studio.gui.window.main_window import MainWindow
from unet_studio.usecases.reviewing.next_plane import next_plane_in_order

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000
WORKER = [sys.executable, "-P", str(Path(__file__).parents[1] / "jobs" / "labelling_worker.py")]
ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
CTRL_ALT = Qt.KeyboardModifier.ControlModifier | ALT


def go(hand: "Hand", key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str:
    """The slide that a key opens."""
    with hand.qtbot.waitSignal(hand.window.session.plane_opened, timeout=WAIT):
        hand.key(key, modifier)
    assert hand.window.session.plane is not None
    return hand.window.session.plane.id.slide


def told(window: MainWindow) -> str:
    return " ".join(label.text() for label in window.messages.findChildren(QLabel))


def listed(window: MainWindow) -> list[str]:
    rows = window.slides._view.model()
    return [rows.index(row, 0).data() for row in range(rows.rowCount())]


@pytest.fixture
def working(hand: "Hand") -> "Hand":
    """A hand whose worker proposes, each model once its file is there."""
    worker = hand.window.tasks.proposing.worker
    worker.stop()
    worker.command = WORKER
    return hand


def place(hand: "Hand") -> Path:
    assert hand.window.session.workspace is not None
    return hand.window.session.workspace.place


def active(hand: "Hand") -> str:
    assert hand.window.session.workspace is not None
    return hand.window.session.workspace.active_model


def asked(hand: "Hand") -> list[str]:
    file = place(hand) / f"asked-{active(hand)}"
    return file.read_text().split() if file.exists() else []


# Ready before it is asked for


def test_the_next_slides_have_a_mask_at_once(working: "Hand") -> None:
    (place(working) / f"go-{active(working)}").touch()
    working.key(Qt.Key.Key_P)
    workspace = working.window.session.workspace
    assert workspace is not None
    working.qtbot.waitUntil(lambda: PlaneId("s10.png") in workspace.proposed, timeout=WAIT)
    assert asked(working) == ["s1.png", "s2.png", "s10.png"]
    assert go(working, Qt.Key.Key_PageDown) == "s2.png"
    plane = working.window.session.plane
    assert plane is not None and plane.view.proposal is not None
    assert "proposed" in working.window.slides._model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)


def test_nothing_is_proposed_before_the_model_was_ever_asked(working: "Hand") -> None:
    (place(working) / f"go-{active(working)}").touch()
    go(working, Qt.Key.Key_PageDown)
    working.qtbot.wait(300)
    assert asked(working) == []


def test_what_someone_asks_for_comes_before_what_is_proposed_ahead(working: "Hand") -> None:
    window, ready = working.window, place(working) / f"go-{active(working)}"
    ready.touch()
    working.give_proposal("s1.png", np.full((128, 128), 200, np.uint8))
    ready.unlink()
    window.queue.look_ahead()
    working.qtbot.waitUntil(lambda: asked(working) == ["s2.png"], timeout=WAIT)  # it waits to be told how to go on
    assert window.actions_by_id["propose"].isEnabled(), "nobody sees that something is proposed"
    assert not window.tasks.is_busy
    working.key(Qt.Key.Key_P)
    working.qtbot.waitUntil(lambda: asked(working) == ["s2.png", "s1.png"], timeout=WAIT)
    assert window.tasks.is_busy
    ready.touch()
    working.qtbot.waitUntil(lambda: not window.tasks.is_busy, timeout=WAIT)
    assert "stopped" not in told(window).lower(), "nobody stopped anything"


def test_where_it_fails_nothing_is_told_and_it_is_not_tried_again_and_again(working: "Hand") -> None:
    window = working.window
    window.tasks.proposing.worker.command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    died: list[str] = []
    window.tasks.proposing.worker.died.connect(died.append)
    working.give_proposal("s1.png", np.full((128, 128), 200, np.uint8))
    window.queue.look_ahead()
    working.qtbot.waitUntil(lambda: len(died) == 1, timeout=WAIT)
    assert "worker" not in told(window)
    go(working, Qt.Key.Key_PageDown)
    working.give_proposal("s2.png", np.full((128, 128), 200, np.uint8))
    window.queue.look_ahead()
    working.qtbot.wait(200)
    assert len(died) == 1


# Orders


def expected(hand: "Hand", order: Order, *done: str) -> str:
    workspace = hand.window.session.workspace
    assert workspace is not None
    with Project.open(workspace.folder) as project:
        plane = next_plane_in_order(project, workspace.slides, order=order, done={PlaneId(slide) for slide in done})
    assert plane is not None
    return plane.slide


@pytest.mark.parametrize("key, order", [(Qt.Key.Key_2, Order.TEACHES_MOST), (Qt.Key.Key_4, Order.RANDOM)])
def test_next_follows_the_order_that_was_chosen_and_goes_back_the_way_it_came(
    hand: "Hand", key: Qt.Key, order: Order
) -> None:
    second = expected(hand, order, "s1.png")
    third = expected(hand, order, "s1.png", second)
    hand.key(key, CTRL_ALT)
    assert go(hand, Qt.Key.Key_PageDown) == second
    assert go(hand, Qt.Key.Key_PageDown) == third
    assert hand.window.slides.current() == third
    assert go(hand, Qt.Key.Key_PageUp) == second
    assert go(hand, Qt.Key.Key_PageUp) == "s1.png"


def test_what_was_passed_over_comes_up_again_when_nothing_else_is_left(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_4, CTRL_ALT)
    seen = [go(hand, Qt.Key.Key_PageDown) for _ in range(6)]
    assert {"s1.png", "s2.png", "s10.png"} == {*seen[:2], "s1.png"}
    assert {*seen[2:]} == {"s1.png", "s2.png", "s10.png"}
    assert all(one != other for one, other in pairwise(seen))


def test_after_a_review_the_order_is_followed_too(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_4, CTRL_ALT)
    hand.give_proposal("s1.png", np.full((128, 128), 200, np.uint8))
    second = expected(hand, Order.RANDOM, "s1.png")
    assert go(hand, Qt.Key.Key_Return) == second
    hand.click(20, 20)
    hand.qtbot.waitUntil(lambda: hand.window.session.workspace.unsaved.count == 0)
    third = expected(hand, Order.RANDOM, "s1.png", second)
    assert go(hand, Qt.Key.Key_PageDown) == third


def test_the_order_is_remembered(hand: "Hand", make_window: Callable[[], MainWindow]) -> None:
    hand.key(Qt.Key.Key_3, CTRL_ALT)
    again = make_window()
    assert again.queue.order is Order.CHANGED
    assert again.actions_by_id["next_changed"].isChecked()
    assert not again.actions_by_id["next_folder"].isChecked()


def test_most_changed_is_what_the_new_model_sees_differently(hand: "Hand") -> None:
    workspace = hand.window.session.workspace
    assert workspace is not None
    folder = workspace.place / "models" / "new"
    folder.mkdir(parents=True)
    before = workspace.active_model
    ModelCard("new", "New", make_classes("nucleus"), Normalisation(1), {}, folder, parent=before).write()
    values = {"s2.png": (0, 10), "s10.png": (0, 250)}
    for slide, of_models in values.items():
        for model, value in zip((before, "new"), of_models, strict=True):
            file = proposal_file(workspace.place, model, PlaneId(slide))
            whole = np.full((128, 128, 1), value, np.uint8)
            write_proposal(file, (128, 128), 1, [(0, whole)], stamp=slide_stamp(workspace.folder / slide))
    hand.window.session.models.use("new")
    hand.saved()
    hand.key(Qt.Key.Key_3, CTRL_ALT)
    assert go(hand, Qt.Key.Key_PageDown) == "s10.png"
    assert go(hand, Qt.Key.Key_PageDown) == "s2.png"


def test_an_order_that_ranks_is_called_experimental(hand: "Hand") -> None:
    for name in ("next_teaches_most", "next_changed", "teaches_most"):
        assert "Experimental" in hand.window.actions_by_id[name].toolTip()
    assert "Experimental" not in hand.window.actions_by_id["next_random"].toolTip()


# Sorting the list


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unet_studio.gui.jobs.figures._PAUSE_MS", 10)


def test_keys_sort_the_list_by_figures_from_the_background(at_once: None, hand: "Hand", qtbot: QtBot) -> None:
    hand.give_proposal("s1.png", np.full((128, 128), 20, np.uint8))
    hand.give_proposal("s10.png", np.full((128, 128), 128, np.uint8))
    model = hand.window.slides._model
    qtbot.waitUntil(lambda: "uncertainty 0.996" in model.index(2).data(Qt.ItemDataRole.ToolTipRole), timeout=WAIT)
    hand.key(Qt.Key.Key_2, ALT)
    assert listed(hand.window) == ["s10.png", "s1.png", "s2.png"]
    assert hand.window.slides.current() == "s1.png"
    assert go(hand, Qt.Key.Key_PageDown) == "s2.png"
    hand.key(Qt.Key.Key_1, ALT)
    assert listed(hand.window) == ["s1.png", "s2.png", "s10.png"]


def test_painting_on_a_slide_changes_its_agreement(at_once: None, hand: "Hand", qtbot: QtBot) -> None:
    hand.give_proposal("s1.png", np.zeros((128, 128), np.uint8))
    hand.click(20, 20)
    model = hand.window.slides._model
    qtbot.waitUntil(
        lambda: "agreement with your labels 0.000" in model.index(0).data(Qt.ItemDataRole.ToolTipRole), timeout=WAIT
    )


def test_figures_that_cannot_be_worked_out_are_not_complained_about(
    at_once: None, hand: "Hand", qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StudioError("The disk is gone.")

    monkeypatch.setattr("unet_studio.gui.jobs.figures.measure_planes", fail)
    notices: list[object] = []
    hand.window.tasks.notice.connect(notices.append)
    hand.click(20, 20)
    qtbot.wait(300)
    assert not hand.window.tasks.figures.is_busy
    assert notices == []


# The audit sample


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixteen slides."""
    place = tmp_path / "many"
    place.mkdir()
    rng = np.random.default_rng(1)
    for number in range(16):
        cv2.imwrite(str(place / f"{number:02}.png"), rng.integers(0, 255, (64, 64), dtype=np.uint8))
    return place


def test_the_audit_sample_is_drawn_marked_and_can_be_taken_back(hand: "Hand", many: Path, qtbot: QtBot) -> None:
    hand.open(many)
    hand.key(Qt.Key.Key_A, CTRL_ALT)
    qtbot.waitUntil(lambda: "An audit sample was drawn, 3 of 16 slides" in told(hand.window), timeout=WAIT)
    hand.saved()
    with Project.open(many) as project:
        drawn = project.audit()
    assert len(drawn) == 3
    model = hand.window.slides._model
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(16)]
    assert {text.split(",")[0] for text in spoken if "audit sample" in text} == drawn
    (button,) = [b for b in hand.window.messages.findChildren(QPushButton) if b.text() == "Take back"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    hand.saved()
    with Project.open(many) as project:
        assert project.audit() == frozenset()
    assert "audit" not in model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_few_slides_are_all_needed_to_learn_from(hand: "Hand") -> None:
    action: QAction = hand.window.actions_by_id["draw_audit"]
    action.trigger()
    hand.qtbot.waitUntil(lambda: "too few to keep some apart" in told(hand.window), timeout=WAIT)
