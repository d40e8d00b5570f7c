"""The adviser works in the background; a click on what it found is one edit."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from unet_studio.core.editing.regions import Region
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import Box

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIZE = 128


def review_with_specks(hand: "Hand", slide: str) -> None:
    """A slide proposed with false specks, which are erased, and reviewed."""
    proposal = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(proposal, (40, 40), 15, 230, thickness=-1)
    proposal[90:93, 4:120:8] = 230
    hand.give_proposal(slide, proposal)
    session = hand.window.session
    with hand.qtbot.waitSignal(session.plane_opened):
        session.open_plane(PlaneId(slide))
    assert session.plane is not None
    hand.qtbot.waitUntil(lambda: session.plane.view.proposal is not None)
    hand.window.painting.paint(session.plane, Region(Box(88, 0, 96, SIZE), np.ones((8, SIZE), np.bool_)), 0, "brush")
    with hand.qtbot.waitSignal(session.changed, check_params_cb=lambda changes: bool(changes.slides)):
        hand.window.accepting.review()


def shown(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.clean_up_panel.advice.findChildren(QLabel))


def use_button(hand: "Hand") -> QPushButton:
    (button,) = [
        b for b in hand.window.clean_up_panel.advice.findChildren(QPushButton) if b.text() == "Use this clean-up"
    ]
    return button


def test_a_key_asks_a_click_uses_and_one_undo_takes_it_back(hand: "Hand") -> None:
    for slide in ("s1.png", "s2.png"):
        review_with_specks(hand, slide)
    session = hand.window.session
    with hand.qtbot.waitSignal(hand.window.tasks.advising.advised, timeout=20000):
        hand.key(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        assert hand.window.tasks.is_busy
        assert not hand.window.actions_by_id["advise"].isEnabled()
    assert hand.window.page.tabs.currentIndex() == 1
    assert "objects right" in shown(hand).lower()
    assert session.workspace is not None
    assert session.workspace.steps == ()
    QTest.mouseClick(use_button(hand), Qt.MouseButton.LeftButton)
    assert session.workspace.steps
    assert hand.window.clean_up_panel.steps() == session.workspace.steps
    assert use_button(hand).isHidden()
    session.undo()
    assert session.workspace.steps == ()
    assert hand.window.clean_up_panel.steps() == ()


def test_without_reviewed_slides_it_says_what_to_do(hand: "Hand") -> None:
    with hand.qtbot.waitSignal(hand.window.tasks.advising.notice, timeout=20000):
        hand.window.actions_by_id["advise"].trigger()
    told = " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))
    assert "review some more slides" in told
    assert use_button(hand).isHidden()
