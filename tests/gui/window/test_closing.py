"""Closing the window loses nothing that a person did, whatever is still on its way; where that can't be had it asks."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.editing.accepting import review_plane
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.journal import Journal, Write
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.session.leaving import Leave
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from conftest import Hand

SIZE = 128
WHOLE = Box(0, 0, SIZE, SIZE)
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = np.repeat(np.array([[255, 0]], np.uint8), SIZE // 2, axis=1).repeat(SIZE, axis=0)


def project_of(folder: Path) -> Project:
    return Project.open(folder)


def stored(folder: Path, slide: str, plane: int = 0) -> np.ndarray:
    with project_of(folder) as project:
        return project.labels(PlaneId(slide, plane), (SIZE, SIZE)).read(WHOLE)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write takes a fifth of a second, in folders that are opened from now on."""

    class Slow(Journal):
        def submit(self, write: Write) -> None:
            def run(project: Project) -> None:
                time.sleep(0.2)
                write.run(project)

            super().submit(replace(write, run=run))

    monkeypatch.setattr("unet_studio.core.workspace.workspace.Journal", Slow)


# Each kind of work that may be on its way


@pytest.mark.usefixtures("slow")
def test_strokes(hand: "Hand", folder: Path) -> None:
    for y in (20, 40, 60, 80):
        hand.drag((y, 20), (y, 60))
    expected = hand.labels()
    hand.key(Qt.Key.Key_Z, CONTROL)
    hand.key(Qt.Key.Key_Y, CONTROL)
    assert hand.window.session.workspace is not None and hand.window.session.workspace.unsaved.count > 2
    hand.window.session.ask_to_leave = lambda _: Leave.WAIT
    assert hand.window.close()
    np.testing.assert_array_equal(stored(folder, "s1.png"), expected)
    assert (expected == 1).any()


def test_a_stroke_under_way(hand: "Hand", folder: Path) -> None:
    hand.press(40, 20)
    hand.move(40, 60)
    assert hand.window.close()
    assert stored(folder, "s1.png")[40, 40] == 1


@pytest.mark.parametrize("steps", ["", "watershed:1:0.1"])
def test_a_review_and_its_mask_file(hand: "Hand", folder: Path, steps: str) -> None:
    """Enter, then close at once."""
    if steps:
        with project_of(folder) as project:
            project.set_steps(parse_steps(steps))
        hand.open(folder)
    hand.give_proposal("s1.png", LEFT)
    hand.key(Qt.Key.Key_Return)
    assert hand.window.close()
    labels = stored(folder, "s1.png")
    assert (labels[:, :60] == 1).all() and (labels[:, 64:] == 0).all()
    with project_of(folder) as project:
        assert project.states() == {PlaneId("s1.png"): PlaneState.REVIEWED}
    kept = cv2.imread(str(folder / PLACE_NAME / "masks" / "s1.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(kept, labels)


def test_accepting_a_plane(hand: "Hand", folder: Path) -> None:
    hand.give_proposal("s1.png", LEFT)
    hand.key(Qt.Key.Key_A, SHIFT)
    assert hand.window.close()
    np.testing.assert_array_equal(stored(folder, "s1.png"), LEFT // 255)


def test_accepting_all(hand: "Hand", folder: Path) -> None:
    for slide in ("s1.png", "s2.png", "s10.png"):
        hand.give_proposal(slide, LEFT)
    hand.window.actions_by_id["accept_all"].trigger()
    assert hand.window.close()
    for slide in ("s1.png", "s2.png", "s10.png"):
        np.testing.assert_array_equal(stored(folder, slide), LEFT // 255)


@pytest.fixture
def stack(hand: "Hand", tmp_path: Path) -> Path:
    """A stack of four planes, open, with a stroke on the first and on the last one, the third one in view."""
    folder = tmp_path / "stack"
    folder.mkdir()
    tifffile.imwrite(folder / "z.tif", np.zeros((4, SIZE, SIZE), np.uint8), photometric="minisblack")
    hand.open(folder)
    for plane in (0, 3):
        if hand.window.session.plane is None or hand.window.session.plane.id.plane != plane:
            with hand.qtbot.waitSignal(hand.window.session.plane_opened):
                hand.window.session.go_to_plane(plane)
        hand.drag((40, 20), (40, 60))
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.window.session.go_to_plane(1)
    return folder


def test_interpolating(hand: "Hand", stack: Path) -> None:
    hand.key(Qt.Key.Key_I, CONTROL)
    assert hand.window.close()
    assert all(stored(stack, "z.tif", plane)[40, 40] == 1 for plane in range(4))


def test_copying_labels(hand: "Hand", stack: Path) -> None:
    hand.key(Qt.Key.Key_D, CONTROL)
    assert hand.window.close()
    assert stored(stack, "z.tif", 1)[40, 40] == 1


@pytest.mark.usefixtures("slow")
def test_classes_model_and_clean_up(hand: "Hand", folder: Path) -> None:
    session = hand.window.session
    session.set_classes(make_classes("cell"))
    session.set_threshold(0.3)
    assert hand.window.close()
    with project_of(folder) as project:
        assert [c.name for c in project.classes()] == ["background", "cell"]
        assert project.threshold == 0.3


def test_opening_another_folder_waits_as_well(hand: "Hand", folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), np.zeros((SIZE, SIZE), np.uint8))
    hand.give_proposal("s1.png", LEFT)
    hand.window.accepting.review()
    hand.open(other)
    np.testing.assert_array_equal(stored(folder, "s1.png"), LEFT // 255)


def test_a_review_that_takes_long_is_waited_for_and_then_asked_about(
    hand: "Hand", folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def late(*args: object, **named: object) -> Edit | None:
        assert go_on.wait(20)
        return review_plane(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("unet_studio.gui.session.accepting.review_plane", late)
    monkeypatch.setattr("unet_studio.gui.session.session._PATIENCE", 0.2)
    asked: list[UnsavedState] = []

    def answer(state: UnsavedState) -> Leave:
        asked.append(state)
        go_on.set()
        return Leave.WAIT

    hand.window.session.ask_to_leave = answer
    hand.window.accepting.review()
    assert hand.window.close()
    assert [state.tasks for state in asked] == [("review of s1.png",)]
    with project_of(folder) as project:
        assert project.states() == {PlaneId("s1.png"): PlaneState.REVIEWED}


# A disk that takes nothing


@pytest.fixture
def locked(hand: "Hand", folder: Path) -> Callable[[], None]:
    """Another program holds the project while a stroke is painted; the function lets it go."""
    hand.saved()
    other = sqlite3.connect(folder / PLACE_NAME / "project.sqlite")
    other.execute("BEGIN IMMEDIATE")
    hand.drag((40, 20), (40, 60))
    assert hand.window.session.workspace is not None
    sentences = hand.window.session.workspace.unsaved.state().edits
    assert any("s1.png" in sentence for sentence in sentences)

    def let_go() -> None:
        other.rollback()
        other.close()

    return let_go


def click(text: str) -> None:
    """Click a button of the dialog that is open, once it is."""

    def look() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(10, look)
            return
        said.append(f"{box.text()}\n{box.informativeText()}")
        (button,) = [b for b in box.findChildren(QPushButton) if text in b.text()]
        button.click()

    said.clear()
    QTimer.singleShot(10, look)


said: list[str] = []
"""What the last dialog said."""


def test_who_stays_goes_on_with_all_there(hand: "Hand", folder: Path, locked: Callable[[], None]) -> None:
    click("Don't close")
    began = time.monotonic()
    assert not hand.window.close()
    assert time.monotonic() - began < 5
    assert "1 of your changes" in said[0]
    assert "brush" in said[0] and "s1.png" in said[0]
    assert hand.window.isVisible() and hand.labels()[40, 40] == 1
    locked()
    hand.drag((80, 20), (80, 60))
    hand.qtbot.waitUntil(lambda: (stored(folder, "s1.png")[[40, 80], 40] == 1).all(), timeout=20000)


def test_who_waits_has_it_saved_and_the_dialog_closes_by_itself(
    hand: "Hand", folder: Path, locked: Callable[[], None]
) -> None:
    QTimer.singleShot(2000, locked)
    assert hand.window.close()
    assert stored(folder, "s1.png")[40, 40] == 1


def test_who_discards_is_believed_at_once(hand: "Hand", folder: Path, locked: Callable[[], None]) -> None:
    click("Discard and close")
    began = time.monotonic()
    assert hand.window.close()
    assert time.monotonic() - began < 5
    locked()


def test_who_saves_elsewhere_finds_it_there(
    hand: "Hand",
    folder: Path,
    locked: Callable[[], None],
    make_window: Callable[[], MainWindow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "information", lambda *texts: told.append(texts[-1]))
    expected = hand.labels()
    click("Save elsewhere")
    assert hand.window.close()
    assert "is now kept in" in told[0]
    locked()
    again = make_window()
    with hand.qtbot.waitSignal(again.session.plane_opened):
        again.open_folder(folder)
    assert again.session.plane is not None
    np.testing.assert_array_equal(again.session.plane.labels.read(WHOLE), expected)
    assert again.session.workspace is not None and again.session.workspace.place.parent == tmp_path / "elsewhere"


def test_who_discards_to_open_another_folder_is_asked_once(
    hand: "Hand", locked: Callable[[], None], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), np.zeros((SIZE, SIZE), np.uint8))
    asked: list[UnsavedState] = []

    def answer(state: UnsavedState) -> Leave:
        asked.append(state)
        return Leave.DISCARD

    hand.window.session.ask_to_leave = answer
    hand.open(other)
    assert len(asked) == 1
    locked()


def test_nothing_is_saved_elsewhere_while_an_edit_is_still_being_worked_out(
    hand: "Hand", locked: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy would be without it, and the window would close."""
    go_on = threading.Event()

    def late(*args: object, **named: object) -> Edit | None:
        assert go_on.wait(20)
        return review_plane(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("unet_studio.gui.session.accepting.review_plane", late)
    hand.window.accepting.review()
    offered: list[bool] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(10, look)
            return
        buttons = {button.text().replace("&", ""): button for button in box.findChildren(QPushButton)}
        elsewhere = buttons["Save elsewhere…"]
        offered.append(elsewhere.isEnabled())
        go_on.set()
        hand.qtbot.waitUntil(elsewhere.isEnabled)
        offered.append(elsewhere.isEnabled())
        buttons["Don't close"].click()

    QTimer.singleShot(10, look)
    assert not hand.window.close()
    assert offered == [False, True]
    locked()


# What the status line says


@pytest.mark.usefixtures("slow")
def test_the_status_line_never_says_saved_while_something_waits(hand: "Hand", qtbot: QtBot) -> None:
    line = hand.window.status_line
    workspace = hand.window.session.workspace
    assert workspace is not None
    qtbot.waitUntil(lambda: workspace.unsaved.count == 0)
    qtbot.waitUntil(lambda: "saved" in line._saved.text())
    for x in range(20, 100, 8):
        hand.drag((40, x), (60, x))
    qtbot.waitUntil(lambda: "Saving" in line._saved.text())
    while workspace.unsaved.count > 0:
        assert "All strokes saved" not in line._saved.text()
        assert "Saving" in line._saved.text()
        qtbot.wait(20)
    qtbot.waitUntil(lambda: "All strokes saved" in line._saved.text())


def test_a_change_that_can_never_be_saved_stays_said(hand: "Hand", qtbot: QtBot) -> None:
    workspace = hand.window.session.workspace
    assert workspace is not None

    def fail(_: Project) -> None:
        raise ValueError("of the test")

    workspace.journal.submit(Write("something", fail))
    hand.drag((40, 20), (40, 60))
    qtbot.waitUntil(lambda: workspace.unsaved.count == 0)
    qtbot.waitUntil(lambda: "could not be saved" in hand.window.status_line._saved.text())
    assert "of the test" in hand.window.status_line._saved.toolTip()


# Labels are never stale


def test_accepting_all_and_a_stroke_on_a_slow_disk_are_all_there_after_a_restart(
    hand: "Hand", folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 2 s a write the stroke was painted on labels that knew nothing of the acceptance, and undid it."""

    class VerySlow(Journal):
        def submit(self, write: Write) -> None:
            def run(project: Project) -> None:
                time.sleep(2)
                write.run(project)

            super().submit(replace(write, run=run))

    monkeypatch.setattr("unet_studio.core.workspace.workspace.Journal", VerySlow)
    hand.open(folder)
    for slide in ("s1.png", "s2.png"):
        hand.give_proposal(slide, LEFT)
    with qtbot.waitSignal(hand.window.session.changed, check_params_cb=lambda changes: changes.history):
        hand.window.actions_by_id["accept_all"].trigger()
    with qtbot.waitSignal(hand.window.session.plane_opened, timeout=1000):
        hand.window.session.open_plane(PlaneId("s2.png"))
    np.testing.assert_array_equal(hand.labels(), LEFT // 255)
    hand.drag((40, 20), (40, 100))
    expected = hand.labels()
    hand.window.session.ask_to_leave = lambda _: Leave.WAIT
    assert hand.window.close()
    np.testing.assert_array_equal(stored(folder, "s2.png"), expected)
    assert not (expected == UNLABELLED).any()


def test_reading_labels_never_waits_for_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Workspace.open(folder)) as workspace:
        monkeypatch.setattr(workspace.journal, "flush", lambda _: pytest.fail("it waited"))
        workspace.labels(PlaneId("s1.png"), (SIZE, SIZE))
        workspace.undo()
        monkeypatch.undo()
