"""The window, by real mouse and key events; the worker is a stand-in that never says anything."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.gui.controllers import opening
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.enabled import OBJECT_ACTIONS
from unet_studio.gui.window.main_window import MainWindow

SIZE = 128
SLIDES = ("s1.png", "s2.png", "s10.png")


@pytest.fixture
def window(make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot) -> MainWindow:
    window = make_window()
    open_folder(window, folder, qtbot)
    return window


def open_folder(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder)


def at(window: MainWindow, y: float, x: float) -> QPoint:
    """Where a pixel of the slide is in the viewport."""
    return window.canvas.mapFromScene(QPointF(x, y))


def drag(window: MainWindow, *points: tuple[float, float], modifier=Qt.KeyboardModifier.NoModifier) -> None:  # type: ignore[no-untyped-def]
    viewport = window.canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, modifier, at(window, *points[0]))
    for point in points[1:]:
        QTest.mouseMove(viewport, at(window, *point))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, modifier, at(window, *points[-1]))


def key(window: MainWindow, name: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:  # type: ignore[no-untyped-def]
    if not window.isActiveWindow():  # shortcuts are for the window in front
        window.activateWindow()
        QTest.qWaitForWindowActive(window)
    QTest.keyClick(window.canvas, name, modifier)


def labels(window: MainWindow) -> np.ndarray:
    assert window.session.plane is not None
    return window.session.plane.labels.read(Box(0, 0, SIZE, SIZE))


def stored(folder: Path, slide: str) -> np.ndarray:
    with Project.open(folder) as project:
        return project.labels(PlaneId(slide), (SIZE, SIZE)).read(Box(0, 0, SIZE, SIZE))


def told(window: MainWindow) -> str:
    """What the message bar says."""
    return " ".join(label.text() for label in window.messages.findChildren(QLabel))


def saved(window: MainWindow) -> None:
    assert window.session.workspace is not None
    assert window.session.workspace.journal.flush(5.0)


def give_proposal(window: MainWindow, folder: Path, slide: str, probability: np.ndarray) -> None:
    """Put a proposal of the active model into the project, as the worker would, and tell so."""
    workspace = window.session.workspace
    assert workspace is not None
    file = proposal_file(workspace.place, workspace.active_model, PlaneId(slide))
    write_proposal(file, (SIZE, SIZE), 1, [(0, probability[..., None])], stamp=slide_stamp(folder / slide))
    window.tasks.proposing.proposed.emit(PlaneId(slide), workspace.active_model)


def mask(window: MainWindow) -> np.ndarray:
    assert window.session.plane is not None
    return window.session.plane.view.read(Box(0, 0, SIZE, SIZE))


def blob() -> np.ndarray:
    probability = np.zeros((SIZE, SIZE), np.uint8)
    probability[40:80, 40:80] = 200
    return probability


def test_slides_are_listed_in_natural_order_and_the_first_is_open(window: MainWindow) -> None:
    assert window.session.workspace is not None
    assert window.session.workspace.slides == SLIDES
    assert window.slides.current() == "s1.png"


def test_a_brush_stroke_paints_the_active_class_and_is_on_the_disk(window: MainWindow, folder: Path) -> None:
    drag(window, (64, 30), (64, 90))
    assert labels(window)[64, 60] == 1
    assert labels(window)[100, 60] == UNLABELLED
    saved(window)
    assert np.array_equal(stored(folder, "s1.png"), labels(window))


def test_paint_shows_in_the_picture_at_once(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.wait(50)
    before = window.canvas.viewport().grab().toImage().pixelColor(at(window, 64, 60))
    drag(window, (64, 30), (64, 90))
    QApplication.processEvents()
    after = window.canvas.viewport().grab().toImage().pixelColor(at(window, 64, 60))
    assert after != before


def test_the_eraser_paints_background(window: MainWindow) -> None:
    key(window, Qt.Key.Key_E)
    drag(window, (64, 30), (64, 90))
    assert labels(window)[64, 60] == 0


def test_alt_paints_background(window: MainWindow) -> None:
    drag(window, (64, 30), (64, 90))
    drag(window, (64, 30), (64, 60), modifier=Qt.KeyboardModifier.AltModifier)
    assert labels(window)[64, 40] == 0
    assert labels(window)[64, 89] == 1


def test_shift_draws_a_straight_line_from_the_last_stroke(window: MainWindow) -> None:
    drag(window, (20, 20), (20, 22))
    drag(window, (20, 100), (20, 100), modifier=Qt.KeyboardModifier.ShiftModifier)
    assert (labels(window)[20, 22:100] == 1).all()


def test_a_stroke_may_leave_the_slide_and_come_back(window: MainWindow) -> None:
    drag(window, (64, 100), (64, 400), (-200, 400), (20, 100))
    painted = labels(window)
    assert painted[64, 127] == 1
    assert painted[20, 100] == 1


def test_a_stroke_beside_the_slide_changes_nothing(window: MainWindow) -> None:
    drag(window, (-300, -300), (-280, -280))
    assert (labels(window) == UNLABELLED).all()
    assert window.session.workspace is not None
    assert window.session.workspace.next_undo is None


def test_another_button_in_mid_stroke_changes_nothing(window: MainWindow) -> None:
    viewport = window.canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 30))
    QTest.mousePress(viewport, Qt.MouseButton.MiddleButton, pos=at(window, 64, 40))
    QTest.mouseMove(viewport, at(window, 64, 90))
    QTest.mouseRelease(viewport, Qt.MouseButton.MiddleButton, pos=at(window, 64, 90))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 90))
    assert (labels(window)[64, 30:90] == 1).all()


def test_undo_in_mid_stroke_takes_the_stroke_so_far_back(window: MainWindow) -> None:
    viewport = window.canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 30))
    QTest.mouseMove(viewport, at(window, 64, 60))
    key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.mouseMove(viewport, at(window, 64, 90))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 90))
    assert (labels(window) == UNLABELLED).all()


def test_another_slide_in_mid_stroke_keeps_the_stroke(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    viewport = window.canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 30))
    QTest.mouseMove(viewport, at(window, 64, 60))
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageDown)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(window, 64, 90))
    saved(window)
    assert stored(folder, "s1.png")[64, 50] == 1
    assert (stored(folder, "s2.png") == UNLABELLED).all()


def test_undo_and_redo_go_across_slides(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    drag(window, (64, 30), (64, 90))
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageDown)
    drag(window, (20, 30), (20, 90))
    key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.slides.current() == "s1.png"
    assert (labels(window) == UNLABELLED).all()
    key(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert labels(window)[64, 60] == 1
    saved(window)
    assert stored(folder, "s1.png")[64, 60] == 1
    assert (stored(folder, "s2.png") == UNLABELLED).all()


def test_the_undo_entry_is_a_sentence_that_names_the_slide(window: MainWindow) -> None:
    drag(window, (64, 30), (64, 90))
    text = window.actions_by_id["undo"].text()
    assert text.startswith("Undo brush")
    assert "s1.png" in text


def test_digits_choose_the_class_and_x_swaps_with_background(window: MainWindow) -> None:
    key(window, Qt.Key.Key_X)
    drag(window, (20, 30), (20, 90))
    key(window, Qt.Key.Key_1)
    drag(window, (80, 30), (80, 90))
    assert labels(window)[20, 60] == 0
    assert labels(window)[80, 60] == 1


def test_fill_gives_a_region_of_the_mask_the_active_class(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    give_proposal(window, folder, "s1.png", blob())
    key(window, Qt.Key.Key_X)  # background
    key(window, Qt.Key.Key_F)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(window, 60, 60))
    assert (labels(window)[40:80, 40:80] == 0).all()
    assert labels(window)[10, 10] == UNLABELLED
    assert (mask(window) == 0).all()


def test_brackets_and_ctrl_wheel_size_the_brush(window: MainWindow) -> None:
    start = window.painting.brush_size
    key(window, Qt.Key.Key_BracketRight)
    larger = window.painting.brush_size
    assert larger > start
    wheel(window, at(window, 64, 64), -120, Qt.KeyboardModifier.ControlModifier)
    assert window.painting.brush_size < larger


def test_the_wheel_zooms_at_the_cursor(window: MainWindow) -> None:
    position = at(window, 30, 90)
    before, zoom = window.canvas.mapToScene(position), window.canvas.zoom
    wheel(window, position, 120)
    after = window.canvas.mapToScene(position)
    assert window.canvas.zoom > zoom
    assert abs(after.x() - before.x()) < 1
    assert abs(after.y() - before.y()) < 1


def wheel(window: MainWindow, position: QPoint, angle: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:  # type: ignore[no-untyped-def]
    viewport = window.canvas.viewport()
    event = QWheelEvent(
        QPointF(position), QPointF(viewport.mapToGlobal(position)), QPoint(), QPoint(0, angle),
        Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def test_space_pans_and_paints_nothing(window: MainWindow) -> None:
    before = window.canvas.mapToScene(QPoint(100, 100))
    QTest.keyPress(window.canvas, Qt.Key.Key_Space)
    drag(window, (64, 30), (70, 40), (64, 90))
    QTest.keyRelease(window.canvas, Qt.Key.Key_Space)
    assert (labels(window) == UNLABELLED).all()
    assert window.canvas.mapToScene(QPoint(100, 100)) != before


def test_h_hides_the_mask_while_held(window: MainWindow) -> None:
    window.activateWindow()
    QTest.keyPress(window.canvas, Qt.Key.Key_H)
    assert not window.canvas.mask_layer.isVisible()
    QApplication.sendEvent(
        window.canvas, QKeyEvent(QEvent.Type.KeyRelease, Qt.Key.Key_H, Qt.KeyboardModifier.NoModifier)
    )
    assert window.canvas.mask_layer.isVisible()


@pytest.mark.parametrize(("name", "tool"), [(Qt.Key.Key_V, Tool.MOVE), (Qt.Key.Key_E, Tool.ERASER)])
def test_keys_choose_tools(window: MainWindow, name: Qt.Key, tool: Tool) -> None:
    key(window, name)
    assert window.toolbox.tool is tool


def test_enter_reviews_keeps_the_mask_and_goes_on(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    give_proposal(window, folder, "s1.png", blob())
    drag(window, (100, 30), (100, 90))
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_Return)
    assert window.slides.current() == "s2.png"
    kept = folder / "unet-studio" / "masks" / "s1.png"
    qtbot.waitUntil(kept.exists)
    with Project.open(folder) as project:
        assert project.states()[PlaneId("s1.png")] is PlaneState.REVIEWED
    expected = stored(folder, "s1.png")
    assert expected[60, 60] == 1
    assert expected[100, 60] == 1
    assert not (expected == UNLABELLED).any()
    assert np.array_equal(read_mask(kept), expected)


def press_in_bar(window: MainWindow, text: str) -> None:
    (button,) = [one for one in window.messages.findChildren(QPushButton) if one.isVisible() and one.text() == text]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("erased", [False, True])
def test_enter_on_a_slide_of_which_nobody_said_anything_asks_whether_it_is_empty(
    window: MainWindow, folder: Path, qtbot: QtBot, erased: bool
) -> None:
    if erased:
        key(window, Qt.Key.Key_E)
        drag(window, (100, 30), (100, 90))
    before = labels(window).copy()
    for _ in range(2):  # a second Enter is no answer
        key(window, Qt.Key.Key_Return)
        assert "Nothing is marked on 's1.png'" in told(window)
        np.testing.assert_array_equal(labels(window), before)
    assert window.slides.current() == "s1.png"
    with qtbot.waitSignal(window.session.plane_opened):
        press_in_bar(window, "It is empty, confirm")
    assert window.slides.current() == "s2.png"
    saved(window)
    with Project.open(folder) as project:
        assert project.states() == {PlaneId("s1.png"): PlaneState.REVIEWED}
    assert (stored(folder, "s1.png") == 0).all()


def test_instead_of_calling_it_empty_one_can_have_it_proposed(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[PlaneId]] = []
    proposing = window.tasks.proposing
    monkeypatch.setattr(proposing, "propose", lambda _workspace, _model, planes, **_: asked.append(planes))
    key(window, Qt.Key.Key_Return)
    press_in_bar(window, "Propose first")
    assert [[plane.slide for plane in planes] for planes in asked] == [["s1.png"]]
    assert (labels(window) == UNLABELLED).all()


def test_what_was_confirmed_of_one_slide_is_not_taken_for_another(
    window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    key(window, Qt.Key.Key_Return)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageDown)
    press_in_bar(window, "It is empty, confirm")
    qtbot.wait(100)
    saved(window)
    with Project.open(folder) as project:
        assert not project.states()


def test_a_reviewed_slide_is_confirmed_again_without_a_question(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    key(window, Qt.Key.Key_Return)
    with qtbot.waitSignal(window.session.plane_opened):
        press_in_bar(window, "It is empty, confirm")
    workspace = window.session.workspace
    assert workspace is not None
    qtbot.waitUntil(lambda: workspace.state(PlaneId("s1.png")) is PlaneState.REVIEWED)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageUp)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_Return)
    assert window.slides.current() == "s2.png"


def test_a_slide_that_is_still_being_read_cannot_be_reviewed(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    give_proposal(window, folder, "s1.png", blob())
    give_proposal(window, folder, "s2.png", blob())
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_Return)
        key(window, Qt.Key.Key_Return)  # the second slide is not on the canvas yet
    qtbot.wait(100)
    saved(window)
    assert window.slides.current() == "s2.png"
    with Project.open(folder) as project:
        assert list(project.states()) == [PlaneId("s1.png")]


def test_a_review_can_be_undone(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    give_proposal(window, folder, "s1.png", blob())
    with qtbot.waitSignals([window.session.plane_opened, window.session.changed]):
        key(window, Qt.Key.Key_Return)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (labels(window) == UNLABELLED).all()
    assert window.session.workspace is not None
    assert window.session.workspace.state(PlaneId("s1.png")) is PlaneState.PROPOSED


def test_the_threshold_changes_the_mask_without_the_network(window: MainWindow, folder: Path) -> None:
    give_proposal(window, folder, "s1.png", blob())  # 200 / 255 = 0.78
    assert mask(window)[60, 60] == 1
    window.propose_panel._threshold.setValue(90)
    assert mask(window)[60, 60] == 0
    window.propose_panel._threshold.setValue(70)
    assert mask(window)[60, 60] == 1


def test_clean_up_changes_the_mask_but_no_label_and_is_kept(window: MainWindow, folder: Path) -> None:
    give_proposal(window, folder, "s1.png", blob())
    drag(window, (100, 30), (100, 90))
    painted = labels(window).copy()
    window.clean_up_panel._add_step("erode")
    assert mask(window)[41, 60] == 0
    assert mask(window)[60, 60] == 1
    assert np.array_equal(labels(window), painted)
    saved(window)
    with Project.open(folder) as project:
        assert project.steps() == (Step("erode", 2),)


def test_undo_puts_the_sliders_back(window: MainWindow) -> None:
    window.clean_up_panel._add_step("erode")
    window.propose_panel._threshold.setValue(70)
    assert window.actions_by_id["undo"].text() == "Undo threshold 0.70"
    key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.propose_panel._threshold.value() == 50
    assert window.actions_by_id["undo"].text() == "Undo clean-up: erode 2"
    key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.clean_up_panel.steps() == ()
    window.session.redo()
    assert window.clean_up_panel.steps() == (Step("erode", 2),)


def test_a_click_into_the_class_list_renames_only_after_typing(window: MainWindow) -> None:
    drag(window, (64, 30), (64, 90))
    item = window.view_panel._list.item(1)
    item.setText("1  cell")
    assert window.session.workspace is not None
    assert window.session.workspace.classes[1].name == "cell"


def test_reopening_shows_everything_as_it_was(
    make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot
) -> None:
    first = make_window()
    open_folder(first, folder, qtbot)
    drag(first, (64, 30), (64, 90))
    first.clean_up_panel._add_step("open")
    first.session.set_threshold(0.7)
    painted = labels(first).copy()
    first.close()
    second = make_window()
    open_folder(second, folder, qtbot)
    assert np.array_equal(labels(second), painted)
    assert second.clean_up_panel.steps() == (Step("open", 2),)
    assert second.session.workspace is not None
    assert second.session.workspace.threshold == pytest.approx(0.7)
    for _ in range(3):  # the threshold, the clean-up, the stroke
        key(second, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert second.clean_up_panel.steps() == ()
    assert second.session.workspace.threshold == 0.5
    assert (labels(second) == UNLABELLED).all()


def test_the_second_window_is_read_only_and_says_why(
    window: MainWindow, make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot
) -> None:
    second = make_window()
    open_folder(second, folder, qtbot)
    drag(second, (64, 30), (64, 90))
    assert (labels(second) == UNLABELLED).all()
    assert "open in another window" in told(second)


def test_the_second_window_offers_to_edit_once_the_first_is_closed(
    window: MainWindow,
    make_window: Callable[[], MainWindow],
    folder: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "_LOOK_MS", 50)
    second = make_window()
    open_folder(second, folder, qtbot)
    qtbot.wait(300)
    assert "open in another window" in told(second)
    window.close()
    qtbot.waitUntil(lambda: "This project can be changed again" in told(second))
    (button,) = [one for one in second.messages.findChildren(QPushButton) if one.text() == "Open it to edit"]
    with qtbot.waitSignal(second.session.plane_opened):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    drag(second, (64, 30), (64, 90))
    assert (labels(second) != UNLABELLED).any()


def test_a_slide_that_cannot_be_read_stays_in_the_list_with_its_reason(
    make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot
) -> None:
    (folder / "s0.png").write_bytes((folder / "s1.png").read_bytes()[:60])
    window = make_window()
    with qtbot.waitSignal(window.session.slide_failed) as failed:
        window.open_folder(folder)
    assert failed.args[0] == "s0.png"
    assert "s0.png" in told(window)
    with qtbot.waitSignal(window.session.plane_opened):
        QTest.keyClick(window.canvas, Qt.Key.Key_PageDown)
    assert window.slides.current() == "s1.png"


@pytest.mark.parametrize("content", [(), ("notes.txt",)])
def test_a_folder_without_slides_says_so(
    make_window: Callable[[], MainWindow], tmp_path: Path, content: tuple[str, ...]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in content:
        (empty / name).write_text("hello")
    window = make_window()
    window.open_folder(empty)
    assert "empty" in told(window)
    assert not (empty / "unet-studio").exists()


def test_where_the_project_cannot_be_kept_another_place_is_asked_for(
    make_window: Callable[[], MainWindow], folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (folder / "unet-studio").write_text("a file in the way")
    window = make_window()
    window.open_folder(folder)
    assert "Choose another place" in told(window)
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder, tmp_path / "elsewhere")
    drag(window, (64, 30), (64, 90))
    saved(window)
    assert (tmp_path / "elsewhere" / "project.sqlite").exists()


def test_a_full_disk_loses_no_stroke_and_is_told(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    workspace = window.session.workspace
    assert workspace is not None
    full = {"is": True}
    record = Project.record

    def record_on_full_disk(self: Project, *arguments: object) -> None:
        if full["is"]:
            raise sqlite3.OperationalError("database or disk is full")
        record(self, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Project, "record", record_on_full_disk)
        with qtbot.waitSignal(window.session.saving_changed, check_params_cb=lambda state: "full" in state.problem):
            drag(window, (64, 30), (64, 90))
        drag(window, (20, 30), (20, 90))
        assert labels(window)[20, 60] == 1
        full["is"] = False
        assert workspace.journal.flush(10.0)
    assert stored(folder, "s1.png")[64, 60] == 1
    assert stored(folder, "s1.png")[20, 60] == 1


def test_a_file_dropped_opens_its_folder(make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot) -> None:
    window = make_window()
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(str(folder / "s2.png"))])
    where = (Qt.DropAction.CopyAction, content, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(50, 50), *where))
    with qtbot.waitSignal(window.session.plane_opened):
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), *where))
    assert window.session.workspace is not None
    assert window.session.workspace.folder == folder


def test_every_action_has_a_shortcut_a_tooltip_and_a_menu_place(window: MainWindow) -> None:
    menus = [action.menu() for action in window.menuBar().actions()]
    in_menus = set()
    for menu in menus:  # those of menus inside them are appended meanwhile
        in_menus |= {action.objectName() for action in menu.actions()}
        menus += [action.menu() for action in menu.actions() if action.menu() is not None]
    for name, action in window.actions_by_id.items():
        assert not action.shortcut().isEmpty(), name
        assert "\n" in action.toolTip(), name
        assert name in in_menus


def test_no_shortcut_is_used_twice(window: MainWindow) -> None:
    keys = [key.toString() for action in window.actions_by_id.values() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))


def test_a_worker_that_dies_is_told_and_nothing_is_lost(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    drag(window, (64, 30), (64, 90))
    worker = window.tasks.proposing.worker
    worker.stop()
    worker.command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with qtbot.waitSignal(window.tasks.notice):
        key(window, Qt.Key.Key_P)
    assert "Nothing you painted is lost" in told(window)
    assert labels(window)[64, 60] == 1
    assert window.actions_by_id["propose"].isEnabled()


def test_what_is_done_with_objects_can_be_chosen_where_a_plane_is_shown(window: MainWindow) -> None:
    assert set(OBJECT_ACTIONS) == set(window.objects.by_name)
    assert all(window.actions_by_id[name].isEnabled() for name in OBJECT_ACTIONS)


def test_a_damaged_proposal_is_told_once_and_labels_are_painted_all_the_same(
    window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    give_proposal(window, folder, "s1.png", blob())
    assert window.session.workspace is not None and window.session.plane is not None
    proposal = window.session.plane.view.proposal
    assert proposal is not None
    QApplication.processEvents()
    qtbot.waitUntil(lambda: not window.canvas.mask_layer._asked)
    with closing(sqlite3.connect(proposal.file)) as connection, connection:
        connection.execute("UPDATE tile SET data = x'00ff'")
    told_of: list[str] = []
    window.canvas.mask_failed.connect(told_of.append)
    with qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageDown)
    with qtbot.waitSignal(window.canvas.mask_failed), qtbot.waitSignal(window.session.plane_opened):
        key(window, Qt.Key.Key_PageUp)
    assert "Propose this slide again" in told(window) and "only your labels are shown" in told(window)
    before = window.canvas.viewport().grab().toImage().pixelColor(at(window, 64, 60))
    drag(window, (64, 30), (64, 90))
    QApplication.processEvents()
    assert window.canvas.viewport().grab().toImage().pixelColor(at(window, 64, 60)) != before
    window.propose_panel._threshold.setValue(70)
    qtbot.wait(100)
    assert len(told_of) == 1


def test_why_a_folder_is_not_opened_is_in_view(
    window: MainWindow, folder: Path, tmp_path_factory: pytest.TempPathFactory, qtbot: QtBot
) -> None:
    """Here a project without its store; also when the folder that was open before is closed for it."""
    other = tmp_path_factory.mktemp("other")
    (other / "s.png").write_bytes((folder / "s1.png").read_bytes())
    (other / "unet-studio" / "masks").mkdir(parents=True)
    (other / "unet-studio" / "masks" / "s.png").touch()
    window.open_folder(other)
    (said,) = (label for label in window.welcome.findChildren(QLabel) if label.isVisible() and "⚠" in label.text())
    assert "but other files of the project are there (masks)" in said.text()
    assert said.height() >= said.heightForWidth(said.width()), "its end is cut off"
    assert not window.status_line._saved.isVisible()
    open_folder(window, folder, qtbot)
    assert window.page.isVisible()
    window.session.close_folder()
    assert not any("is missing" in label.text() for label in window.welcome.findChildren(QLabel) if label.isVisible())


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_a_button_of_a_message_leaves_the_keys_to_the_canvas(
    window: MainWindow, qtbot: QtBot, by_keyboard: bool
) -> None:
    key(window, Qt.Key.Key_Return)
    (button,) = [one for one in window.messages.findChildren(QPushButton) if one.text() == "It is empty, confirm"]
    with qtbot.waitSignal(window.session.plane_opened):
        if by_keyboard:
            button.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(button, Qt.Key.Key_Space)
        else:
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QApplication.focusWidget() is window.canvas
