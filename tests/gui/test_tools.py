"""Every tool of the canvas, by real mouse, pen and key events."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QInputDevice, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIZE = 128
ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
SQUARE = ((30, 30), (30, 90), (90, 90), (90, 30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dark slide with a bright square from 40 to 80, and a plain one."""
    folder = tmp_path / "slides"
    folder.mkdir()
    pixels = np.full((SIZE, SIZE), 40, np.uint8)
    pixels[40:80, 40:80] = 200
    cv2.imwrite(str(folder / "s1.png"), pixels)
    cv2.imwrite(str(folder / "s2.png"), np.full((SIZE, SIZE), 90, np.uint8))
    return folder


def undo_sentence(hand: "Hand") -> str:
    return hand.window.actions_by_id["undo"].text()


def notes(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


def proposal(spot: tuple[slice, slice]) -> np.ndarray:
    """A proposal that is sure of one rectangle."""
    values = np.zeros((SIZE, SIZE), np.uint8)
    values[spot] = 255
    return values


def test_the_first_drag_in_a_new_window_paints_nothing(
    make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot
) -> None:
    window = make_window(tool=None)
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder)
    assert window.toolbox.tool is Tool.MOVE
    viewport = window.canvas.viewport()
    start = window.canvas.mapFromScene(QPointF(30, 30))
    before = window.canvas.mapToScene(start)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in (10, 40, 80):
        QTest.mouseMove(viewport, start + QPoint(step, step))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(80, 80))
    plane = window.session.plane
    assert plane is not None and not plane.labels.cells
    assert window.canvas.mapToScene(start) != before, "it moves the slide"
    assert not window.actions_by_id["undo"].isEnabled()


@pytest.mark.parametrize("tool", list(Tool))
def test_each_tool_has_an_action_that_takes_it_up(hand: "Hand", tool: Tool) -> None:
    action: QAction = hand.window.actions_by_id[tool]
    action.trigger()
    assert hand.window.toolbox.tool is tool
    assert action.isChecked()
    assert not action.icon().isNull() and action.shortcuts() and action.statusTip()


def test_lasso_labels_what_it_encloses(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_L)
    hand.drag(*SQUARE, (32, 30))
    labels = hand.labels()
    assert (labels[34:86, 34:86] == 1).all()
    assert (labels[:28] == UNLABELLED).all() and (labels[:, :28] == UNLABELLED).all()
    assert "outline" in undo_sentence(hand)
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (hand.labels() == UNLABELLED).all()


def test_lasso_with_alt_takes_away(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_L)
    hand.drag(*SQUARE, modifier=ALT)
    assert (hand.labels()[34:86, 34:86] == 0).all()


def test_lasso_that_leaves_the_slide_is_cut_at_its_border(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_L)
    hand.drag((-20, -20), (-20, 40), (40, 40), (40, -20))
    labels = hand.labels()
    assert (labels[:38, :38] == 1).all()
    assert (labels[42:] == UNLABELLED).all()


def test_polygon_is_closed_by_enter_which_reviews_nothing(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    for corner in SQUARE:
        hand.click(*corner)
    hand.key(Qt.Key.Key_Return)
    assert (hand.labels()[34:86, 34:86] == 1).all()
    assert hand.window.slides.current() == "s1.png"


def test_polygon_is_closed_by_its_first_corner_and_by_a_double_click(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    for corner in (*SQUARE, SQUARE[0]):
        hand.click(*corner)
    assert (hand.labels()[34:86, 34:86] == 1).all()
    for corner in ((100, 100), (100, 120)):
        hand.click(*corner)
    hand.double_click(120, 110)
    assert hand.labels()[105, 110] == 1


def test_polygon_corner_is_taken_back_by_backspace_and_all_by_escape(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    for corner in (*SQUARE[:3], (120, 10)):
        hand.click(*corner)
    hand.key(Qt.Key.Key_Backspace)
    hand.click(*SQUARE[3])
    hand.key(Qt.Key.Key_Return)
    labels = hand.labels()
    assert (labels[34:86, 34:86] == 1).all() and (labels[95:] == UNLABELLED).all()
    for corner in ((100, 100), (100, 120), (120, 110)):
        hand.click(*corner)
    hand.key(Qt.Key.Key_Escape)
    hand.key(Qt.Key.Key_B)
    assert hand.labels()[105, 110] == UNLABELLED
    assert hand.window.slides.current() == "s1.png"


@pytest.mark.parametrize("leave", ["tool", "slide", "undo"])
def test_open_polygon_is_not_lost(hand: "Hand", leave: str) -> None:
    hand.key(Qt.Key.Key_G)
    for corner in SQUARE:
        hand.click(*corner)
    if leave == "tool":
        hand.key(Qt.Key.Key_B)
    elif leave == "slide":
        with hand.qtbot.waitSignal(hand.window.session.plane_opened):
            hand.key(Qt.Key.Key_PageDown)
    else:
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # ends it as an edit, and takes that back
        hand.key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    hand.saved()
    assert (hand.stored("s1.png")[34:86, 34:86] == 1).all()


def test_edge_lasso_follows_the_border_of_the_square(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_L, SHIFT)
    for corner in ((40, 40), (40, 80), (80, 80), (80, 40)):
        hand.click(*corner)
    hand.key(Qt.Key.Key_Return)
    truth = np.zeros((SIZE, SIZE), bool)
    truth[40:80, 40:80] = True
    found = hand.labels() == 1
    assert (found & truth).sum() / (found | truth).sum() > 0.95


def test_fill_gives_a_region_the_class_and_with_alt_background(hand: "Hand") -> None:
    hand.give_proposal("s1.png", proposal((slice(40, 80), slice(40, 80))))
    hand.key(Qt.Key.Key_F)
    hand.click(60, 60, ALT)
    labels = hand.labels()
    assert (labels[40:80, 40:80] == 0).all()
    assert (labels == UNLABELLED).sum() == SIZE * SIZE - 1600


def test_wand_takes_what_looks_alike(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_W)
    hand.click(60, 60)
    found = hand.labels() == 1
    assert found[40:80, 40:80].all() and found.sum() == 1600


def test_wand_takes_more_the_further_it_is_dragged(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_W)
    hand.press(60, 60)
    hand.move(60, 127)
    hand.move(60, 250)
    assert (hand.labels() == UNLABELLED).all()  # only shown until it is let go
    hand.release(60, 250)
    assert (hand.labels() == 1).all()


def test_accepting_inside_turns_the_proposal_into_labels_there_alone(hand: "Hand") -> None:
    hand.give_proposal("s1.png", proposal((slice(40, 80), slice(40, 80))))
    hand.key(Qt.Key.Key_A)
    hand.drag((20, 20), (20, 60), (100, 60), (100, 20))
    hand.qtbot.waitUntil(lambda: "accept" in undo_sentence(hand))
    labels = hand.labels()
    assert (labels[45:75, 45:58] == 1).all()
    assert (labels[25:38, 25:55] == 0).all()
    assert (labels[:, 64:] == UNLABELLED).all()


def test_smart_brush_stays_inside_what_looks_alike(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_S)
    hand.window.painting.set_brush_size(30)
    hand.drag((60, 70), (62, 72))
    found = hand.labels() == 1
    assert found[60:64, 60:80].all()
    assert not found[:, 80:].any()


def test_smart_brush_follows_the_model_where_it_is_sure(hand: "Hand") -> None:
    hand.give_proposal("s1.png", proposal((slice(50, 70), slice(50, 70))))
    hand.key(Qt.Key.Key_S)
    hand.window.painting.set_brush_size(40)
    hand.drag((60, 60), (60, 60))
    found = hand.labels() == 1
    assert found.any() and not found[:, 70:].any() and not found[70:].any()


def test_eraser_paints_background_and_with_alt_takes_labels_back(hand: "Hand") -> None:
    hand.drag((60, 20), (60, 100))
    hand.key(Qt.Key.Key_E)
    hand.drag((60, 20), (60, 40))
    hand.drag((60, 80), (60, 100), modifier=ALT)
    labels = hand.labels()
    assert labels[60, 30] == 0 and labels[60, 60] == 1 and labels[60, 90] == UNLABELLED


def test_brush_with_shift_draws_a_straight_line_from_the_last_stroke(hand: "Hand") -> None:
    hand.window.painting.set_brush_size(3)
    hand.drag((20, 20), (20, 22))
    hand.drag((100, 100), modifier=SHIFT)
    assert hand.labels()[60, 61] == 1


def test_pick_class_takes_up_what_is_under_the_pointer(hand: "Hand") -> None:
    hand.drag((60, 20), (60, 40))
    hand.key(Qt.Key.Key_X)
    assert hand.window.painting.active_class == 0
    hand.move(60, 30)
    hand.key(Qt.Key.Key_I)
    assert hand.window.painting.active_class == 1
    hand.move(100, 100)
    hand.key(Qt.Key.Key_I)
    assert hand.window.painting.active_class == 0


# Without a mouse


def test_keyboard_paints_a_stroke(hand: "Hand") -> None:
    hand.window.painting.set_brush_size(3)
    hand.move(50, 50)
    hand.key(Qt.Key.Key_Down)
    hand.key(Qt.Key.Key_K)
    for _ in range(2):
        hand.key(Qt.Key.Key_Right, SHIFT)
    hand.key(Qt.Key.Key_K)
    labels = hand.labels()
    assert labels[51, 50] == 1 and labels[51, 69] == 1 and labels[51, 75] == UNLABELLED
    assert hand.window.session.workspace is not None and hand.window.session.workspace.next_undo is not None


def test_keyboard_draws_a_polygon_and_stays_on_the_slide(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    hand.move(2, 2)
    for steps, arrow in ((2, Qt.Key.Key_Right), (2, Qt.Key.Key_Down), (4, Qt.Key.Key_Left)):
        hand.key(Qt.Key.Key_K)
        for _ in range(steps):
            hand.key(arrow, SHIFT)
    assert hand.window.canvas.pointer is not None and hand.window.canvas.pointer[1] == 0
    hand.key(Qt.Key.Key_K)
    hand.key(Qt.Key.Key_Return)
    assert hand.labels()[10, 15] == 1


def test_move_tool_can_not_be_pressed_by_key(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_V)
    hand.move(50, 50)
    hand.key(Qt.Key.Key_K)
    assert (hand.labels() == UNLABELLED).all()


# Objects


@pytest.fixture
def ring(hand: "Hand") -> "Hand":
    """A labelled square 40…80 with a hole 55…65 in a slide that is background elsewhere."""
    values = proposal((slice(40, 80), slice(40, 80)))
    values[55:65, 55:65] = 0
    hand.give_proposal("s1.png", values)
    hand.move(45, 45)
    return hand


def mask(hand: "Hand") -> np.ndarray:
    plane = hand.window.session.plane
    assert plane is not None
    from unet_studio.core.tiles import Box

    return plane.view.read(Box.of_shape(plane.shape))


def test_object_is_deleted_and_comes_back(ring: "Hand") -> None:
    ring.key(Qt.Key.Key_Delete)
    assert not mask(ring).any()
    assert "delete object on s1.png" in undo_sentence(ring)
    ring.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert mask(ring).sum() == 1500


def test_object_grows_and_shrinks_by_a_pixel(ring: "Hand") -> None:
    ring.key(Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert mask(ring)[39, 60] == 1 and mask(ring)[38, 60] == 0
    ring.key(Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert mask(ring)[39, 60] == 0 and mask(ring)[40, 60] == 1


def test_holes_of_object_are_filled(ring: "Hand") -> None:
    ring.key(Qt.Key.Key_F, SHIFT)
    assert mask(ring).sum() == 1600


def test_object_is_smoothed(ring: "Hand") -> None:
    ring.key(Qt.Key.Key_S, SHIFT)
    smoothed = mask(ring)
    assert smoothed[40, 40] == 0 and smoothed[60, 42] == 1


def test_object_is_relabelled(ring: "Hand") -> None:
    from unet_studio.core.classes import make_classes

    ring.window.session.set_classes(make_classes("cell", "debris"))
    ring.key(Qt.Key.Key_2)
    ring.key(Qt.Key.Key_R)
    assert (mask(ring)[40:50, 40:80] == 2).all()


def test_object_is_split_at_its_waist_and_one_without_is_not(hand: "Hand") -> None:
    values = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(values, (45, 60), 15, 255, thickness=-1)
    cv2.circle(values, (70, 60), 15, 255, thickness=-1)
    hand.give_proposal("s1.png", values)
    assert cv2.connectedComponents(mask(hand), connectivity=4)[0] == 2
    hand.move(60, 45)
    hand.key(Qt.Key.Key_X, SHIFT)
    assert cv2.connectedComponents(mask(hand), connectivity=4)[0] == 3
    hand.key(Qt.Key.Key_X, SHIFT)
    assert "no waist" in notes(hand)
    assert cv2.connectedComponents(mask(hand), connectivity=4)[0] == 3


def test_there_must_be_an_object_under_the_pointer(ring: "Hand") -> None:
    ring.move(10, 10)
    ring.key(Qt.Key.Key_Delete)
    assert "no object under the cursor" in notes(ring)


# Strokes in odd ways


def test_stroke_that_leaves_the_slide_and_comes_back(hand: "Hand") -> None:
    hand.drag((60, 100), (60, 160), (80, 160), (80, 100))
    labels = hand.labels()
    assert labels[60, 110] == 1 and labels[80, 110] == 1 and labels[70, 40] == UNLABELLED


def test_stroke_wholly_beside_the_slide_is_no_edit(hand: "Hand") -> None:
    hand.drag((-60, -60), (-60, -40))
    assert hand.window.session.workspace is not None and hand.window.session.workspace.next_undo is None


def test_second_button_in_mid_stroke_changes_nothing(hand: "Hand") -> None:
    viewport = hand.window.canvas.viewport()
    hand.press(40, 40)
    QTest.mousePress(viewport, Qt.MouseButton.MiddleButton, pos=hand.at(40, 50))
    hand.move(40, 60)
    QTest.mouseRelease(viewport, Qt.MouseButton.MiddleButton, pos=hand.at(40, 60))
    hand.move(40, 80)
    hand.release(40, 80)
    assert hand.labels()[40, 70] == 1
    assert hand.window.session.workspace is not None and len(hand.window.session.workspace._history.done) == 1


@pytest.mark.parametrize("leave", ["tool", "slide", "undo"])
def test_stroke_under_way_is_not_lost(hand: "Hand", leave: str) -> None:
    hand.press(40, 40)
    hand.move(40, 60)
    if leave == "tool":
        hand.key(Qt.Key.Key_V)
    elif leave == "slide":
        with hand.qtbot.waitSignal(hand.window.session.plane_opened):
            hand.key(Qt.Key.Key_PageDown)
    else:
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert (hand.labels() == UNLABELLED).all()
        hand.key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    hand.move(90, 90)
    hand.release(90, 90)
    hand.saved()
    stored = hand.stored("s1.png")
    assert stored[40, 50] == 1 and stored[90, 90] == UNLABELLED
    assert (hand.stored("s2.png") == UNLABELLED).all()


# Pen and sizes


def pen(hand: "Hand", kind: QEvent.Type, y: float, x: float, pressure: float) -> None:
    device = QPointingDevice(
        "pen", 1, QInputDevice.DeviceType.Stylus, QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 1, "",
        QPointingDeviceUniqueId.fromNumericId(1),
    )  # fmt: skip
    at = QPointF(hand.at(y, x))
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.TabletMove else Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    event = QTabletEvent(kind, device, at, at, pressure, 0, 0, 0, 0, 0, none, button, Qt.MouseButton.LeftButton)
    QCoreApplication.sendEvent(hand.window.canvas.viewport(), event)


def test_pen_paints_as_wide_as_it_is_pressed(hand: "Hand") -> None:
    hand.window.painting.set_brush_size(20)
    for y, pressure in ((30, 1.0), (80, 0.3)):
        pen(hand, QEvent.Type.TabletPress, y, 20, pressure)
        pen(hand, QEvent.Type.TabletMove, y, 60, pressure)
        pen(hand, QEvent.Type.TabletRelease, y, 60, 0.0)
    labels = hand.labels()
    assert (labels[:55, 40] == 1).sum() == 20
    assert (labels[55:, 40] == 1).sum() == 6


def test_size_is_shown_at_the_pointer_while_it_changes(hand: "Hand") -> None:
    hand.move(40, 40)
    hand.key(Qt.Key.Key_BracketRight)
    note = hand.window.canvas.viewport().findChild(QLabel, "cursorNote")
    assert note is not None and note.isVisible()
    assert f"{hand.window.painting.brush_size} px" in note.text()


def test_brush_keeps_its_size_on_the_specimen(hand: "Hand", tmp_path: Path) -> None:
    import tifffile

    folder = tmp_path / "scaled"
    folder.mkdir()
    for name, um in (("a.tif", 0.5), ("b.tif", 0.25)):
        pixels = np.zeros((64, 64), np.uint8)
        tifffile.imwrite(folder / name, pixels, resolution=(1 / um, 1 / um), metadata={"unit": "um"}, imagej=True)
    hand.open(folder)
    hand.window.painting.set_brush_size(20)
    hand.window.actions_by_id["brush_um"].trigger()
    assert hand.window.rail.findChild(QLabel) is None
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.key(Qt.Key.Key_PageDown)
    assert hand.window.painting.brush_size == 40
    hand.window.actions_by_id["brush_um"].trigger()
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.key(Qt.Key.Key_PageUp)
    assert hand.window.painting.brush_size == 40


# Stacks


@pytest.fixture
def stack(hand: "Hand", tmp_path: Path) -> "Hand":
    import tifffile

    folder = tmp_path / "stack"
    folder.mkdir()
    tifffile.imwrite(folder / "z.tif", np.zeros((12, 64, 64), np.uint8), metadata={"axes": "ZYX"}, imagej=True)
    hand.open(folder)
    hand.window.painting.set_brush_size(12)
    return hand


def go_to(hand: "Hand", plane: int) -> None:
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.window.session.go_to_plane(plane)


def test_labels_of_the_plane_before_are_copied_where_there_are_none(stack: "Hand") -> None:
    stack.drag((20, 20), (20, 40))
    go_to(stack, 1)
    stack.key(Qt.Key.Key_E)
    stack.drag((20, 40), (20, 40))
    stack.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    stack.qtbot.waitUntil(lambda: "copy labels to plane 2" in undo_sentence(stack))
    labels = stack.labels()
    assert labels[20, 25] == 1 and labels[20, 40] == 0
    go_to(stack, 5)
    stack.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert "no labels to copy" in notes(stack)


def test_planes_between_two_labelled_ones_are_interpolated_as_one_edit(stack: "Hand") -> None:
    stack.drag((20, 20), (20, 20))
    go_to(stack, 11)
    stack.drag((20, 30), (20, 30))
    stack.key(Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    assert "before and on a plane after this one" in notes(stack)
    go_to(stack, 6)
    stack.key(Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    stack.qtbot.waitUntil(lambda: "interpolate planes 2 to 11 of z.tif" in undo_sentence(stack))
    assert stack.labels()[20, 25] == 1
    stack.saved()
    for plane in range(1, 11):
        assert (stack.stored("z.tif", (64, 64), plane) == 1).any(), plane
    go_to(stack, 3)
    assert (stack.labels() == 1).any()
    stack.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    stack.saved()
    assert (stack.labels() == UNLABELLED).all()
    for plane in range(1, 11):
        assert (stack.stored("z.tif", (64, 64), plane) == UNLABELLED).all(), plane
