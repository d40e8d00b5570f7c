"""Where the pointer is and what it is about to do: by mouse, wheel, pen and keys, whatever the view does meanwhile."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED, class_colour
from unet_studio.core.figures.display import Display
from unet_studio.core.slides.reader import SlideReader
from unet_studio.gui.canvas.pointer_mark import HALO, line_pen
from unet_studio.gui.session import open_plane
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.actions import ACTIONS

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def arrows(hand: "Hand", key: Qt.Key, steps: int) -> None:
    """Move the pointer ten pixels a step."""
    for _ in range(steps):
        hand.key(key, SHIFT)


def wheel(hand: "Hand", turned: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    at = QPointF(hand.at(60, 60))
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, at, QPoint(), turned, none, modifiers, phase, False)
    QApplication.sendEvent(hand.window.canvas.viewport(), event)


def colour(hand: "Hand") -> tuple[int, int, int]:
    """The colour of the ring."""
    ink = hand.window.canvas._ring.colour
    return ink.red(), ink.green(), ink.blue()


def notes(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


# By keys alone


@pytest.mark.parametrize("tool", list(Tool))
def test_keyboard_pointer_is_seen_with_every_tool_until_the_mouse_moves(hand: "Hand", tool: Tool) -> None:
    canvas = hand.window.canvas
    hand.move(60, 60)
    hand.window.actions_by_id[tool].trigger()
    assert not canvas._mark.isVisible()
    hand.key(Qt.Key.Key_Right)
    assert canvas._mark.isVisible()
    assert canvas.pointer == (canvas._mark.pos().y(), canvas._mark.pos().x())
    hand.move(30, 30)
    assert not canvas._mark.isVisible()


def test_keyboard_sets_a_corner_with_each_press_and_fills_at_once(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    hand.move(20, 20)
    for arrow in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        hand.key(Qt.Key.Key_K)
        arrows(hand, arrow, 5)
    hand.key(Qt.Key.Key_K)
    hand.key(Qt.Key.Key_Return)
    assert (hand.labels()[25:65, 25:65] == 1).all()
    hand.key(Qt.Key.Key_X)
    hand.key(Qt.Key.Key_F)
    arrows(hand, Qt.Key.Key_Up, 2)
    arrows(hand, Qt.Key.Key_Right, 2)
    hand.key(Qt.Key.Key_K)
    hand.key(Qt.Key.Key_K)
    assert (hand.labels()[25:65, 25:65] == 0).all()


@pytest.mark.parametrize("tool", [Tool.LASSO, Tool.ACCEPT])
def test_keyboard_draws_with_lassos(hand: "Hand", tool: Tool) -> None:
    hand.give_proposal("s1.png", np.full((128, 128), 255, np.uint8))
    hand.window.actions_by_id[tool].trigger()
    hand.move(20, 20)
    hand.key(Qt.Key.Key_K)
    for arrow in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        arrows(hand, arrow, 5)
    hand.key(Qt.Key.Key_K)
    hand.qtbot.waitUntil(lambda: bool((hand.labels()[25:65, 25:65] == 1).all()))


def test_keyboard_takes_labels_back_and_draws_straight_lines(hand: "Hand") -> None:
    hand.window.painting.set_brush_size(5)
    hand.drag((20, 20), (20, 22))
    hand.move(80, 80)
    hand.key(Qt.Key.Key_Right)
    hand.key(Qt.Key.Key_K, SHIFT)
    hand.key(Qt.Key.Key_K)
    assert hand.labels()[50, 51] == 1
    hand.key(Qt.Key.Key_E)
    hand.key(Qt.Key.Key_K, ALT)
    hand.key(Qt.Key.Key_K)
    assert hand.labels()[80, 80] == UNLABELLED and hand.labels()[50, 51] == 1


def test_keyboard_pointer_comes_up_in_the_middle_of_the_view(hand: "Hand") -> None:
    hand.window.canvas.pointed = hand.window.mouse.at = None
    hand.key(Qt.Key.Key_Delete)
    assert "Point at the slide first" in notes(hand)
    hand.key(Qt.Key.Key_K)
    hand.key(Qt.Key.Key_K)
    assert hand.labels()[64, 64] == 1
    assert hand.window.canvas._mark.isVisible()


def test_keyboard_pointer_can_not_leave_the_pixels_of_the_slide(hand: "Hand") -> None:
    hand.move(120, 120)
    arrows(hand, Qt.Key.Key_Right, 3)
    arrows(hand, Qt.Key.Key_Down, 3)
    hand.key(Qt.Key.Key_F)
    hand.key(Qt.Key.Key_K)
    assert hand.labels()[127, 127] == 1


def test_zoom_by_keys_keeps_what_the_keyboard_points_at(hand: "Hand") -> None:
    hand.move(30, 30)
    hand.key(Qt.Key.Key_Right)
    before = hand.at(30, 31)
    hand.key(Qt.Key.Key_Plus)
    assert (hand.at(30, 31) - before).manhattanLength() <= 2


def test_held_keys_act_once_where_again_would_harm() -> None:
    repeating = {spec.id for spec in ACTIONS if spec.repeats}
    assert {"undo", "zoom_in", "brush_larger", "next_plane", "grow"} <= repeating
    assert not repeating & {"press", "review", "delete", "accept_all", "hide_mask", "outlines", "propose", "split"}


def test_table_of_repeats_reaches_the_actions(hand: "Hand") -> None:
    for spec in ACTIONS:
        assert hand.window.actions_by_id[spec.id].autoRepeat() is spec.repeats


# While the view moves or the slide changes


def test_ring_stays_under_a_mouse_that_stands_still(hand: "Hand") -> None:
    canvas = hand.window.canvas
    hand.move(20, 30)
    at = hand.at(20, 30)
    for move in (lambda: canvas.zoom_to(8.0), lambda: canvas.pan(200, 80), canvas.fit):
        move()
        assert canvas.pointer == (canvas._ring.pos().y(), canvas._ring.pos().x())
        assert (canvas.mapFromScene(canvas._ring.pos()) - at).manhattanLength() <= 2


def test_keyboard_pointer_is_on_the_next_slide_however_small(hand: "Hand", tmp_path: Path) -> None:
    folder = tmp_path / "sizes"
    folder.mkdir()
    for name, side in (("a.tif", 300), ("b.tif", 20)):
        tifffile.imwrite(folder / name, np.zeros((side, side), np.uint8))
    hand.open(folder)
    hand.move(200, 200)
    hand.key(Qt.Key.Key_Right)
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.key(Qt.Key.Key_PageDown)
    hand.key(Qt.Key.Key_K)
    hand.key(Qt.Key.Key_K)
    assert hand.labels()[19, 19] == 1


@pytest.mark.parametrize("leave", ["slide", "undo", "tool"])
def test_press_by_key_ends_with_what_it_was_for(hand: "Hand", leave: str) -> None:
    hand.move(40, 40)
    hand.key(Qt.Key.Key_K)
    if leave == "slide":
        with hand.qtbot.waitSignal(hand.window.session.plane_opened):
            hand.key(Qt.Key.Key_PageDown)
    elif leave == "undo":
        hand.key(Qt.Key.Key_Z, CONTROL)
    else:
        hand.key(Qt.Key.Key_E)
        hand.key(Qt.Key.Key_B)
        hand.key(Qt.Key.Key_Z, CONTROL)
    hand.drag((90, 40), (90, 60))
    labels = hand.labels()
    assert labels[90, 50] == 1 and labels[40, 40] == UNLABELLED


@pytest.mark.parametrize("tool", [Tool.BRUSH, Tool.POLYGON, Tool.WAND])
def test_what_is_begun_while_the_next_slide_is_read_stays_on_its_own(
    hand: "Hand", tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read, read = Event(), open_plane.read_slide

    def read_late(path: Path, plane: int) -> tuple[SlideReader, Display]:
        assert may_read.wait(5)
        return read(path, plane)

    monkeypatch.setattr(open_plane, "read_slide", read_late)
    monkeypatch.setattr(hand.window.session._reading._ahead, "take", lambda _: None)
    hand.window.actions_by_id[tool].trigger()
    hand.key(Qt.Key.Key_PageDown)
    corners = ((30, 30), (30, 90), (90, 90)) if tool is Tool.POLYGON else ()
    for corner in corners:
        hand.click(*corner)
    hand.press(60, 60)
    assert hand.window.session.plane is not None and hand.window.session.plane.id.slide == "s1.png"
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        may_read.set()
    hand.move(100, 10)
    hand.release(100, 10)
    hand.saved()
    assert (hand.stored("s1.png") == 1).any()
    assert (hand.stored("s2.png") == UNLABELLED).all() and (hand.labels() == UNLABELLED).all()
    assert not hand.window.toolbox.is_under_way
    assert "s1.png" in hand.window.actions_by_id["undo"].text()


# What a press would do


def test_right_button_paints_what_the_left_one_paints_with_alt(hand: "Hand") -> None:
    hand.drag((64, 30), (64, 90))
    hand.right_drag((64, 30), (64, 60))
    assert (hand.labels()[64, [40, 89]] == [0, 1]).all()
    hand.key(Qt.Key.Key_E)
    hand.right_drag((64, 30), (64, 60))
    assert hand.labels()[64, 40] == UNLABELLED


def test_ring_has_the_colour_of_what_the_right_button_paints_while_it_is_down(hand: "Hand") -> None:
    viewport, right, none = hand.window.canvas.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
    hand.move(40, 40)
    QTest.mousePress(viewport, right, none, hand.at(40, 40))
    assert colour(hand) == class_colour(0)
    hand.move(40, 50)
    assert colour(hand) == class_colour(0)
    QTest.mouseRelease(viewport, right, none, hand.at(40, 50))
    assert colour(hand) == class_colour(1)


def test_a_second_button_changes_nothing_in_mid_stroke(hand: "Hand") -> None:
    viewport, right, none = hand.window.canvas.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
    hand.press(64, 30)
    QTest.mousePress(viewport, right, none, hand.at(64, 30))
    hand.move(64, 50)
    QTest.mouseRelease(viewport, right, none, hand.at(64, 50))
    hand.move(64, 90)
    hand.release(64, 90)
    assert (hand.labels()[64, 30:90] == 1).all()
    assert hand.window.session.workspace is not None
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert (hand.labels() == UNLABELLED).all(), "it was one stroke"


def test_right_button_does_nothing_where_the_left_one_moves_the_slide(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_V)
    hand.right_drag((64, 30), (64, 90))
    assert (hand.labels() == UNLABELLED).all()


def test_right_clicks_close_a_polygon_of_background(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_G)
    for corner in ((30, 30), (30, 90), (90, 90)):
        hand.right_drag(corner)
    QTest.mouseDClick(hand.window.canvas.viewport(), Qt.MouseButton.RightButton, pos=hand.at(90, 30))
    assert hand.labels()[60, 60] == 0


def test_ring_has_the_colour_of_what_would_be_painted(hand: "Hand") -> None:
    hand.move(40, 40)
    assert colour(hand) == class_colour(1)
    QTest.keyPress(hand.window.canvas, Qt.Key.Key_Alt)
    assert colour(hand) == class_colour(0)
    QTest.keyRelease(hand.window.canvas, Qt.Key.Key_Alt, ALT)
    assert colour(hand) == class_colour(1)
    hand.key(Qt.Key.Key_E)
    assert colour(hand) == class_colour(0)
    hand.key(Qt.Key.Key_B)
    hand.key(Qt.Key.Key_X)
    assert colour(hand) == class_colour(0)


def test_line_by_shift_is_shown_while_the_mouse_stands_still_and_goes_with_the_tool(hand: "Hand") -> None:
    preview = hand.window.canvas._preview
    hand.drag((20, 20), (20, 30))
    hand.move(80, 80)
    QTest.keyPress(hand.window.canvas, Qt.Key.Key_Shift)
    assert preview.boundingRect().contains(QPointF(50, 50))
    QTest.keyRelease(hand.window.canvas, Qt.Key.Key_Shift, SHIFT)
    assert preview.boundingRect().isEmpty()
    QTest.keyPress(hand.window.canvas, Qt.Key.Key_Shift)
    hand.key(Qt.Key.Key_L, SHIFT)
    assert preview.boundingRect().isEmpty()


def test_region_about_to_be_taken_is_seen_over_its_own_colour(hand: "Hand", tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.full((128, 128), 90, np.uint8))
    hand.open(folder)
    hand.key(Qt.Key.Key_W)
    hand.click(60, 60)
    hand.qtbot.wait(300)
    before = picture(hand)
    hand.press(60, 60)
    hand.qtbot.wait(50)
    lighter = picture(hand).min(axis=2) > before.min(axis=2).astype(int) + 60
    assert lighter.sum() > 500  # its white border, all around
    hand.release(60, 60)


def picture(hand: "Hand") -> np.ndarray:
    """The canvas as it is seen, (h, w, 3)."""
    image = hand.window.canvas.viewport().grab().toImage()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width(), :3].copy()


def test_tool_in_use_is_explained_in_the_status_line_while_a_folder_is_open(hand: "Hand") -> None:
    hint = hand.window.status_line._hint
    hand.move(60, 60)
    assert hint.text() == hand.window.actions_by_id["brush"].statusTip()
    for tool in Tool:
        action = hand.window.actions_by_id[tool]
        action.trigger()
        assert hint.text() == action.statusTip()
    hand.window.session.close_folder()
    assert hint.text() == "" and hand.window.status_line._position.text() == ""


def test_escape_gives_up_a_stroke(hand: "Hand") -> None:
    hand.drag((60, 20), (60, 100))
    hand.key(Qt.Key.Key_E)
    hand.press(60, 20)
    hand.move(60, 60)
    assert hand.labels()[60, 40] == 0
    hand.key(Qt.Key.Key_Escape)
    hand.move(60, 100)
    hand.release(60, 100)
    assert (hand.labels()[60, 20:100] == 1).all()
    assert "brush" in hand.window.actions_by_id["undo"].text()
    assert not hand.window.toolbox.is_under_way


def test_lines_are_as_wide_on_a_fine_screen(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.devicePixelRatioF = lambda: 2.0  # type: ignore[method-assign]
    assert line_pen(HALO, 1.5, widget).widthF() == 3.0 and line_pen(HALO, 1.5, None).widthF() == 1.5


# Mouse and wheel


def test_parts_of_a_wheel_step_add_up(hand: "Hand") -> None:
    painting = hand.window.painting
    painting.set_brush_size(100)
    for _ in range(7):
        wheel(hand, QPoint(0, 15), CONTROL)
    assert painting.brush_size == 100
    wheel(hand, QPoint(0, 15), CONTROL)
    assert painting.brush_size == 120


def test_wheel_turned_sideways_by_a_modifier_counts(hand: "Hand") -> None:
    asked = []
    hand.window.canvas.plane_asked.connect(asked.append)
    wheel(hand, QPoint(-120, 0), SHIFT)
    wheel(hand, QPoint(0, 120), SHIFT)
    assert asked == [1, -1]
    before = hand.window.canvas.zoom
    wheel(hand, QPoint(120, 0), Qt.KeyboardModifier.NoModifier)
    assert hand.window.canvas.zoom == before


def test_only_the_button_that_began_to_pan_ends_it(hand: "Hand") -> None:
    viewport, middle = hand.window.canvas.viewport(), Qt.MouseButton.MiddleButton
    hand.window.canvas.zoom_to(8.0)
    at = viewport.rect().center()
    QTest.mousePress(viewport, middle, pos=at)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at)
    before = hand.at(60, 60)
    QTest.mouseMove(viewport, at + QPoint(30, 0))
    QTest.mouseRelease(viewport, middle, pos=at + QPoint(30, 0))
    assert hand.at(60, 60) - before == QPoint(30, 0)
    assert (hand.labels() == UNLABELLED).all()


@pytest.mark.parametrize("size", [1, 1000])
def test_thinnest_and_widest_brush(hand: "Hand", size: int) -> None:
    hand.window.painting.set_brush_size(size)
    hand.click(60.5, 60.5)
    assert (hand.labels() == 1).sum() == (1 if size == 1 else 128 * 128)
    hand.window.canvas.grab()


def test_actual_pixels_are_those_of_the_screen(hand: "Hand", monkeypatch: pytest.MonkeyPatch) -> None:
    hand.key(Qt.Key.Key_1, CONTROL)
    assert hand.window.canvas.zoom == 1.0 / hand.window.devicePixelRatioF()
    monkeypatch.setattr(hand.window.canvas, "devicePixelRatioF", lambda: 2.0)
    hand.key(Qt.Key.Key_1, CONTROL)
    assert hand.window.canvas.zoom == 0.5


def test_mask_hidden_from_the_menu_comes_back_from_it(hand: "Hand") -> None:
    layer, action = hand.window.canvas.mask_layer, hand.window.actions_by_id["hide_mask"]
    action.trigger()
    assert not layer.isVisible()
    action.trigger()
    assert layer.isVisible()


def test_mask_is_hidden_and_shown_in_mid_stroke(hand: "Hand") -> None:
    hand.press(60, 20)
    hand.key(Qt.Key.Key_H)
    hand.move(60, 100)
    hand.release(60, 100)
    assert hand.window.canvas.mask_layer.isVisible()
    assert (hand.labels()[60, 20:100] == 1).all()


def press_o(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_O)


def press_tab(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_Tab)


def tick_the_box(hand: "Hand") -> None:
    QTest.mouseClick(hand.window.view_panel._outlines, Qt.MouseButton.LeftButton, pos=QPoint(9, 9))


@pytest.mark.parametrize("ask_for_outlines", [press_o, press_tab, tick_the_box])
def test_outlines_are_all_that_is_shown_of_a_mask(hand: "Hand", ask_for_outlines: Callable[["Hand"], None]) -> None:
    hand.window.painting.set_brush_size(60)
    hand.click(64, 64)
    plain = picture(hand)
    hand.key(Qt.Key.Key_H)
    ask_for_outlines(hand)
    hand.window.canvas.mask_layer.hide()
    bare = picture(hand)
    hand.window.canvas.mask_layer.show()
    outlined = picture(hand)
    inside, edge = hand.at(64, 64), hand.at(64.5, 34.5)
    assert (plain[inside.y(), inside.x()] != bare[inside.y(), inside.x()]).any()
    assert (outlined[inside.y(), inside.x()] == bare[inside.y(), inside.x()]).all()
    assert (outlined[edge.y(), edge.x()] == class_colour(1)[::-1]).all()
    assert not hand.window.view_panel._opacity.isEnabled()


def test_status_line_follows_edits_and_planes_under_a_mouse_that_stands_still(hand: "Hand") -> None:
    position = hand.window.status_line._position
    hand.click(60, 60)
    assert "labelled" in position.text()
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert "labelled" not in position.text()


def test_note_stays_beside_the_pointer(hand: "Hand") -> None:
    hand.move(20, 20)
    hand.key(Qt.Key.Key_BracketRight)
    note = hand.window.canvas.viewport().findChild(QLabel, "cursorNote")
    assert note is not None
    before = note.pos()
    hand.move(40, 50)
    assert note.pos() - before == hand.at(40, 50) - hand.at(20, 20)


# Class and size


def test_swap_goes_back_to_the_class_last_painted_with(hand: "Hand") -> None:
    from unet_studio.core.classes import make_classes

    hand.window.session.set_classes(make_classes("cell", "debris"))
    hand.key(Qt.Key.Key_2)
    hand.drag((60, 20), (60, 40))
    hand.move(100, 100)
    hand.key(Qt.Key.Key_I)
    assert hand.window.painting.active_class == 0
    hand.key(Qt.Key.Key_X)
    assert hand.window.painting.active_class == 2


def scaled_slides(folder: Path, *scales: float | None) -> Path:
    folder.mkdir()
    for index, um in enumerate(scales):
        scale = {} if um is None else {"resolution": (1 / um, 1 / um), "metadata": {"unit": "um"}, "imagej": True}
        tifffile.imwrite(folder / f"{index}.tif", np.zeros((64, 64), np.uint8), **scale)
    return folder


def test_size_in_micrometres_waits_for_a_slide_that_knows_them(hand: "Hand", tmp_path: Path) -> None:
    hand.open(scaled_slides(tmp_path / "scaled", None, 0.5, 0.25))
    hand.window.painting.set_brush_size(20)
    hand.window.actions_by_id["brush_um"].trigger()
    for expected in (20, 40):
        with hand.qtbot.waitSignal(hand.window.session.plane_opened):
            hand.key(Qt.Key.Key_PageDown)
        assert hand.window.painting.brush_size == expected


def test_size_is_typed_in_micrometres_of_any_scale_and_the_keys_go_back_to_the_canvas(
    hand: "Hand", tmp_path: Path
) -> None:
    hand.open(scaled_slides(tmp_path / "scaled", 0.004))
    hand.window.actions_by_id["brush_um"].trigger()
    field = hand.window.rail._size
    hand.window.painting.set_brush_size(25)
    assert field.value() == pytest.approx(0.1) and "µm" in field.suffix()
    field.stepUp()
    assert hand.window.painting.brush_size == 26
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "0.2")
    assert hand.window.painting.brush_size == 26  # while it is typed nothing changes
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert hand.window.painting.brush_size == 50
    assert hand.window.canvas.hasFocus()


# Where there is nothing to do


def test_tools_and_objects_do_nothing_without_a_slide(hand: "Hand") -> None:
    hand.move(60, 60)
    hand.window.session.close_folder()
    for tool in Tool:
        hand.window.actions_by_id[tool].trigger()
        hand.key(Qt.Key.Key_K)
        hand.click(60, 60)
    for name in (*hand.window.objects.by_name, "interpolate", "copy_labels", "accept_plane", "accept_all"):
        assert not hand.window.actions_by_id[name].isEnabled()


def test_planes_are_for_stacks(hand: "Hand", tmp_path: Path) -> None:
    names = ("interpolate", "copy_labels", "next_plane", "previous_plane")
    assert not any(hand.window.actions_by_id[name].isEnabled() for name in names)
    folder = tmp_path / "stack"
    folder.mkdir()
    tifffile.imwrite(folder / "z.tif", np.zeros((3, 64, 64), np.uint8), metadata={"axes": "ZYX"}, imagej=True)
    hand.open(folder)
    assert all(hand.window.actions_by_id[name].isEnabled() for name in names)


@pytest.mark.parametrize("tool", [tool for tool in Tool if tool is not Tool.MOVE])
def test_read_only_project_is_told_and_stays_as_it_is(hand: "Hand", tool: Tool) -> None:
    assert hand.window.session.workspace is not None
    hand.give_proposal("s1.png", np.full((128, 128), 255, np.uint8))
    hand.window.session.workspace.read_only = "Another window has this project open."
    hand.window.actions_by_id[tool].trigger()
    hand.drag((30, 30), (30, 90), (90, 90), (90, 30))
    hand.key(Qt.Key.Key_Return)
    hand.key(Qt.Key.Key_Delete)
    assert "Another window" in notes(hand)
    assert (hand.labels() == UNLABELLED).all()
    assert not hand.window.toolbox.is_under_way


def test_window_stays_usable_when_it_is_small(hand: "Hand") -> None:
    hand.window.resize(900, 600)
    assert hand.window.size() == QSize(900, 600)


def test_pinch_zooms_at_the_fingers(hand: "Hand") -> None:
    canvas, at, before = hand.window.canvas, hand.at(30, 40), hand.window.canvas.zoom
    kind, touchpad = Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice()
    event = QNativeGestureEvent(kind, touchpad, 2, QPointF(at), QPointF(at), QPointF(at), 0.5, QPointF())
    QApplication.sendEvent(canvas.viewport(), event)
    assert canvas.zoom == pytest.approx(1.5 * before)
    assert (hand.at(30, 40) - at).manhattanLength() <= 2
