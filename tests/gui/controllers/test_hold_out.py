"""Slides are held out and let go from the list; what comes of it is said, and what a training could learn before it."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QListView
from pytestqt.qtbot import QtBot

from tests.gui.conftest import Hand
from unet_studio.core.classes import make_classes
from unet_studio.core.project.store import Project

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def view_of(hand: Hand) -> QListView:
    (view,) = (v for v in hand.window.slides.findChildren(QListView) if v.itemDelegate().inherits("SlideListDelegate"))
    return view


def click_row(hand: Hand, row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    view = view_of(hand)
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def tip(hand: Hand, row: int) -> str:
    view = view_of(hand)
    return str(view.model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole))


def stored(hand: Hand) -> frozenset[str]:
    hand.saved()
    assert hand.window.session.workspace is not None
    with Project.open(hand.window.session.workspace.folder) as project:
        return project.hold_out()


def says(hand: Hand, text: str) -> bool:
    return any(text in label.text() and label.isVisible() for label in hand.window.findChildren(QLabel))


def test_the_open_slide_is_held_out_and_let_go_by_keys(hand: Hand) -> None:
    actions = hand.window.actions_by_id
    assert (actions["hold_out"].isEnabled(), actions["learn_from"].isEnabled()) == (True, False)
    hand.key(Qt.Key.Key_H, CTRL)
    assert stored(hand) == {"s1.png"}
    assert "held out: it judges models and teaches none" in tip(hand, 0)
    assert "held out" not in tip(hand, 1)
    assert says(hand, "No model learned from s1.png: reviewed as a whole, it judges fairly.")
    assert (actions["hold_out"].isEnabled(), actions["learn_from"].isEnabled()) == (False, True)
    assert "scores before and after can't be compared" in actions["learn_from"].toolTip()
    hand.key(Qt.Key.Key_H, CTRL | SHIFT)
    assert stored(hand) == frozenset()
    assert says(hand, "It no longer judges; scores before and after can't be compared.")
    assert "held out" not in tip(hand, 0)


def test_several_slides_are_held_out_at_once_without_being_opened(hand: Hand) -> None:
    click_row(hand, 1, CTRL)
    click_row(hand, 2, CTRL)
    assert hand.window.slides.selected() == ("s1.png", "s2.png", "s10.png")
    assert hand.window.session.plane is not None
    assert hand.window.session.plane.id.slide == "s1.png"
    hand.window.actions_by_id["hold_out"].trigger()
    assert stored(hand) == {"s1.png", "s2.png", "s10.png"}


def test_what_models_learned_from_is_said_before_and_can_be_taken_back(hand: Hand) -> None:
    session = hand.window.session
    session.take_hold_out(frozenset(), frozenset({"s1.png"}))
    favours = "Models so far learned from s1.png, so the next comparison favours the old one."
    assert favours in hand.window.actions_by_id["hold_out"].toolTip()
    hand.window.actions_by_id["hold_out"].trigger()
    assert says(hand, favours)
    (take_back,) = (b for b in hand.window.messages.findChildren(QAbstractButton) if b.text() == "Take back")
    QTest.mouseClick(take_back, Qt.MouseButton.LeftButton)
    assert stored(hand) == frozenset()


def test_the_menu_of_the_list_offers_it(hand: Hand, qtbot: QtBot) -> None:
    view = view_of(hand)
    view.customContextMenuRequested.emit(QPoint(20, 20))
    (popup,) = (m for m in view.children() if m.inherits("QMenu"))
    qtbot.waitUntil(popup.isVisible)
    assert [action.text() for action in popup.actions()] == ["Hold out", "Learn from it"]
    assert popup.toolTipsVisible()
    popup.close()


@pytest.fixture
def first(hand: Hand) -> Hand:
    """A hand at a window whose project has a class that no model knows."""
    hand.window.session.set_classes(make_classes("cell"))
    return hand


def test_a_first_model_of_one_class_cannot_be_trained(first: Hand, qtbot: QtBot) -> None:
    retrain = first.window.actions_by_id["retrain"]
    first.window.page.show_panel(first.window.retrain_panel)
    first.key(Qt.Key.Key_B)
    first.drag((20, 20), (20, 90), (90, 90))
    qtbot.waitUntil(lambda: says(first, "A first model would know only cell, and see it everywhere."))
    assert says(first, "Paint some background too, on s1.png")
    assert not retrain.isEnabled()
    first.key(Qt.Key.Key_X)
    first.drag((60, 20), (110, 20))
    qtbot.waitUntil(retrain.isEnabled)
    assert says(first, "as a whole to have models judged.")
    (button,) = (b for b in first.window.retrain_panel.findChildren(QAbstractButton) if "first model" in b.text())
    assert button.text().startswith("Train a first model on 1 slide")


def test_the_hold_out_is_drawn_and_shown_when_a_training_begins(
    first: Hand, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(first.window.tasks.retraining, "retrain", lambda _, model: begun.append(model))
    first.key(Qt.Key.Key_B)
    first.drag((20, 20), (20, 90), (90, 90))
    first.window.tasks.retrain()
    qtbot.waitUntil(lambda: says(first, "A first model would know only cell"))
    assert not begun
    first.key(Qt.Key.Key_X)
    first.drag((60, 20), (110, 20))
    first.window.tasks.retrain()
    qtbot.waitUntil(lambda: begun == [""])
    workspace = first.window.session.workspace
    assert workspace is not None
    assert len(workspace.judging.hold_out) == 1
    assert "s1.png" not in workspace.judging.hold_out
    assert workspace.judging.learned == {"s1.png"}
    assert stored(first) == workspace.judging.hold_out
    assert sum("held out" in tip(first, row) for row in range(3)) == 1
