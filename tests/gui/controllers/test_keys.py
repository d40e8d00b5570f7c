"""Space and digits belong to the canvas under the pointer, whatever was clicked before, unless they are typed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QListView, QSlider, QWidget

if TYPE_CHECKING:
    from tests.gui.conftest import Hand


def press_key(key: Qt.Key) -> None:
    """As a keyboard does: where the focus is."""
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyPress(focused, key)


def release_key(key: Qt.Key) -> None:
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyRelease(focused, key)


def list_of(hand: "Hand") -> QWidget:
    return next(one for one in hand.window.slides.findChildren(QListView) if one.isVisible())


def slider_of(hand: "Hand") -> QWidget:
    return next(one for one in hand.window.propose_panel.findChildren(QSlider) if one.isVisible())


@pytest.mark.parametrize("find", [list_of, slider_of])
def test_space_pans_whatever_was_clicked_before(hand: "Hand", find: Callable[["Hand"], QWidget]) -> None:
    widget = find(hand)
    widget.setFocus(Qt.FocusReason.MouseFocusReason)
    assert QApplication.focusWidget() is widget
    hand.move(40, 40)
    where = hand.window.canvas.mapToScene(QPoint(100, 100))
    press_key(Qt.Key.Key_Space)
    hand.drag((40, 40), (60, 60), (90, 90))
    release_key(Qt.Key.Key_Space)
    plane = hand.window.session.plane
    assert plane is not None and not plane.labels.cells, "nothing is painted"
    assert hand.window.canvas.mapToScene(QPoint(100, 100)) != where, "the slide is moved"
    hand.drag((40, 40), (40, 60))
    assert plane.labels.cells, "then the brush paints again"


def test_a_digit_chooses_a_class_whatever_was_clicked_before(hand: "Hand") -> None:
    hand.window.painting.set_active_class(0)
    list_of(hand).setFocus()
    hand.move(40, 40)
    press_key(Qt.Key.Key_1)
    assert hand.window.painting.active_class == 1


def test_what_is_typed_stays_where_it_is_typed(hand: "Hand") -> None:
    field = next(one for one in hand.window.slides.findChildren(QLineEdit) if one.isVisible())
    field.setFocus()
    hand.move(40, 40)
    QTest.keyClicks(field, "s 1")
    assert field.text() == "s 1"


def test_space_presses_a_button_that_was_reached_by_tab(hand: "Hand") -> None:
    hand.move(40, 40)
    boxes = [one for one in hand.window.propose_panel.findChildren(QAbstractButton) if one.isCheckable()]
    box = next(one for one in boxes if one.isVisible() and one.isEnabled())
    before = box.isChecked()
    box.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked() != before
