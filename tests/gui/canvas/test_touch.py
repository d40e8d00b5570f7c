"""Fingers on a touch screen: one paints as the mouse does, two move the slide and zoom it."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QPointingDevice, QTouchEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from unet_studio.core.classes import UNLABELLED
from unet_studio.gui.tools.tool import Tool

if TYPE_CHECKING:
    from tests.gui.conftest import Hand


@pytest.fixture(scope="module")
def screen() -> QPointingDevice:
    return QTest.createTouchDevice()


class Fingers:
    """Up to two fingers on the canvas, told where they are on the slide or in the viewport."""

    def __init__(self, hand: "Hand", screen: QPointingDevice) -> None:
        self._hand, self._screen = hand, screen
        self._down: list[int] = []
        self._viewport = hand.window.canvas.viewport()

    def put(self, *at: QPoint) -> None:
        """Put fingers to these places: those that are there already move, others come down."""
        touch = QTest.touchEvent(self._viewport, self._screen, False)
        for number, place in enumerate(at):
            (touch.move if number in self._down else touch.press)(number, place, self._viewport)
        touch.commit()
        self._down = list(range(len(at)))

    def lift(self, number: int, at: QPoint) -> None:
        touch = QTest.touchEvent(self._viewport, self._screen, False)
        touch.release(number, at, self._viewport)
        self._down.remove(number)
        for other in self._down:
            touch.stationary(other)
        touch.commit()

    def lose(self) -> None:
        """The system takes them for something of its own."""
        QApplication.sendEvent(self._viewport, QTouchEvent(QEvent.Type.TouchCancel, self._screen))

    def drag(self, *points: tuple[float, float]) -> None:
        """One finger, over these points of the slide."""
        for point in points:
            self.put(self._hand.at(*point))
        self.lift(0, self._hand.at(*points[-1]))


@pytest.fixture
def fingers(hand: "Hand", screen: QPointingDevice) -> Fingers:
    return Fingers(hand, screen)


def test_one_finger_paints_from_where_it_came_down(hand: "Hand", fingers: Fingers) -> None:
    hand.window.painting.set_brush_size(5)
    fingers.drag((60, 20), (60, 60), (60, 100))
    assert (hand.labels()[60, 20:100] == 1).all()
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (hand.labels() == UNLABELLED).all()


def test_tap_sets_a_corner_and_a_second_one_there_closes_the_outline(hand: "Hand", fingers: Fingers) -> None:
    hand.window.actions_by_id[Tool.POLYGON].trigger()
    for corner in ((20, 20), (20, 90), (90, 90), (90, 20)):
        fingers.drag(corner)
        assert hand.window.toolbox.is_under_way
    fingers.drag((90, 20))
    assert not hand.window.toolbox.is_under_way
    assert (hand.labels()[25:85, 25:85] == 1).all()


def test_finger_moves_the_slide_with_the_tool_that_does(hand: "Hand", fingers: Fingers) -> None:
    hand.window.actions_by_id[Tool.MOVE].trigger()
    hand.window.canvas.zoom_to(8.0)
    start, end = QPoint(200, 200), QPoint(260, 230)
    before = hand.window.canvas.mapToScene(start)
    fingers.put(start)
    fingers.put(end)
    assert (hand.window.canvas.mapFromScene(before) - end).manhattanLength() <= 2


@pytest.mark.parametrize("tool", [Tool.BRUSH, Tool.POLYGON, Tool.MOVE])
def test_two_fingers_keep_what_they_came_down_on(hand: "Hand", fingers: Fingers, tool: Tool) -> None:
    hand.window.actions_by_id[tool].trigger()
    canvas = hand.window.canvas
    canvas.zoom_to(6.0)
    ends = QPoint(150, 200), QPoint(450, 350)
    middle = canvas.viewport().rect().center()
    starts = middle - QPoint(60, 30), middle + QPoint(60, 30)
    held, zoom = [canvas.mapToScene(at) for at in starts], canvas.zoom
    fingers.put(starts[0])
    fingers.put(*starts)
    for share in np.linspace(0.1, 1, 10):
        fingers.put(*(start + (end - start) * share for start, end in zip(starts, ends, strict=True)))
    assert canvas.zoom == pytest.approx(2.5 * zoom, rel=0.02)
    for point, end in zip(held, ends, strict=True):
        assert (canvas.mapFromScene(point) - end).manhattanLength() <= 12
    fingers.lift(1, ends[1])
    fingers.drag((30, 30), (90, 90))  # what is left of two paints nothing
    assert (hand.labels() == UNLABELLED).all() and not hand.window.toolbox.is_under_way


def test_second_finger_changes_nothing_in_mid_stroke(hand: "Hand", fingers: Fingers) -> None:
    hand.window.painting.set_brush_size(5)
    zoom = hand.window.canvas.zoom
    fingers.put(hand.at(60, 20))
    fingers.put(hand.at(60, 50))
    fingers.put(hand.at(60, 60), hand.at(100, 60))
    fingers.put(hand.at(60, 80), hand.at(120, 100))
    fingers.lift(0, hand.at(60, 80))
    fingers.lift(1, hand.at(120, 100))
    assert hand.window.canvas.zoom == zoom
    labels = hand.labels()
    assert (labels[60, 20:80] == 1).all() and (labels[90:] == UNLABELLED).all()


def test_stroke_that_the_system_takes_over_ends_where_it_was(hand: "Hand", fingers: Fingers) -> None:
    hand.window.painting.set_brush_size(5)
    fingers.put(hand.at(60, 20))
    fingers.put(hand.at(60, 60))
    fingers.lose()
    assert not hand.window.toolbox.is_under_way
    assert (hand.labels()[60, 20:60] == 1).all()


def test_finger_on_the_minimap_moves_the_view(hand: "Hand", screen: QPointingDevice) -> None:
    hand.window.canvas.zoom_to(32.0)
    minimap = hand.window.minimap
    assert minimap.isVisible()
    QTest.touchEvent(minimap, screen).press(0, QPoint(10, 10), minimap)
    QApplication.processEvents()
    QTest.touchEvent(minimap, screen).release(0, QPoint(10, 10), minimap)
    QApplication.processEvents()
    seen = hand.window.canvas.mapToScene(hand.window.canvas.viewport().rect()).boundingRect()
    assert seen.center().x() < 30 and seen.center().y() < 30
    assert (hand.labels() == UNLABELLED).all()
