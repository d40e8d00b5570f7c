"""What tests of the window share: slides, a window whose worker is a stand-in that never says anything, and a hand."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.main_window import MainWindow

SIZE = 128
_SILENT = [sys.executable, "-c", "import sys; sys.stdin.read()"]
_NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three slides of noise, 128 × 128."""
    folder = tmp_path / "slides"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("s1.png", "s2.png", "s10.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (SIZE, SIZE), dtype=np.uint8))
    return folder


@pytest.fixture
def background(qapp: QApplication) -> Iterator[Background]:
    background = Background(2)
    yield background
    background.close()


@pytest.fixture
def make_window(qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    windows = []

    def make(tool: Tool | None = Tool.BRUSH) -> MainWindow:
        """A window with this tool in hand, or the one that it begins with."""
        QCursor.setPos(QGuiApplication.primaryScreen().geometry().bottomRight())  # not where the last test left it
        window = MainWindow()
        for worker in (window.tasks.proposing.worker, window.tasks.retraining.worker, window.tasks.comparing.worker):
            worker.command = _SILENT
        if tool is not None:
            window.actions_by_id[tool].trigger()
        window.resize(1280, 800)
        window.show()
        qtbot.waitExposed(window)
        windows.append(window)
        return window

    yield make
    for window in windows:
        window.close()
        shiboken6.delete(window)  # or every change of theme in later tests would dress all of them


@dataclass(frozen=True)
class Hand:
    """A person at the window: mouse and keys, and what the eye finds there afterwards."""

    window: MainWindow
    qtbot: QtBot

    def open(self, folder: Path) -> None:
        with self.qtbot.waitSignal(self.window.session.plane_opened):
            self.window.open_folder(folder)

    def at(self, y: float, x: float) -> QPoint:
        """Where a pixel of the slide is in the viewport."""
        return self.window.canvas.mapFromScene(QPointF(x, y))

    def press(self, y: float, x: float, modifier: Qt.KeyboardModifier = _NONE) -> None:
        QTest.mousePress(self.window.canvas.viewport(), Qt.MouseButton.LeftButton, modifier, self.at(y, x))

    def move(self, y: float, x: float) -> None:
        # Moving to where an earlier window left the mouse would be no event.
        QTest.mouseMove(self.window.canvas.viewport(), self.at(y, x) + QPoint(1, 0))
        QTest.mouseMove(self.window.canvas.viewport(), self.at(y, x))

    def release(self, y: float, x: float, modifier: Qt.KeyboardModifier = _NONE) -> None:
        QTest.mouseRelease(self.window.canvas.viewport(), Qt.MouseButton.LeftButton, modifier, self.at(y, x))

    def drag(self, *points: tuple[float, float], modifier: Qt.KeyboardModifier = _NONE) -> None:
        self.press(*points[0], modifier)
        for point in points[1:]:
            self.move(*point)
        self.release(*points[-1], modifier)

    def right_drag(self, *points: tuple[float, float]) -> None:
        viewport, right = self.window.canvas.viewport(), Qt.MouseButton.RightButton
        QTest.mousePress(viewport, right, _NONE, self.at(*points[0]))
        for point in points[1:]:
            self.move(*point)
        QTest.mouseRelease(viewport, right, _NONE, self.at(*points[-1]))

    def click(self, y: float, x: float, modifier: Qt.KeyboardModifier = _NONE) -> None:
        self.move(y, x)
        self.drag((y, x), modifier=modifier)

    def double_click(self, y: float, x: float) -> None:
        self.click(y, x)
        QTest.mouseDClick(self.window.canvas.viewport(), Qt.MouseButton.LeftButton, _NONE, self.at(y, x))

    def key(self, name: Qt.Key, modifier: Qt.KeyboardModifier = _NONE) -> None:
        if not self.window.isActiveWindow():  # shortcuts are for the window in front
            self.window.activateWindow()
            QTest.qWaitForWindowActive(self.window)
        QTest.keyClick(self.window.canvas, name, modifier)

    def labels(self) -> NDArray[np.uint8]:
        """The labels of the open plane."""
        assert self.window.session.plane is not None
        plane = self.window.session.plane
        return plane.labels.read(Box.of_shape(plane.shape))

    def saved(self) -> None:
        """Wait until every stroke is on the disk."""
        assert self.window.session.workspace is not None
        assert self.window.session.workspace.journal.flush(5.0)

    def stored(self, slide: str, shape: tuple[int, int] = (SIZE, SIZE), plane: int = 0) -> NDArray[np.uint8]:
        """The labels on the disk."""
        workspace = self.window.session.workspace
        assert workspace is not None
        with Project.open(workspace.folder) as project:
            return project.labels(PlaneId(slide, plane), shape).read(Box.of_shape(shape))

    def give_proposal(self, slide: str, probability: NDArray[np.uint8], plane: int = 0) -> None:
        """Put a proposal of the active model into the project, as the worker would, and tell so."""
        workspace = self.window.session.workspace
        assert workspace is not None
        file = proposal_file(workspace.place, workspace.active_model, PlaneId(slide, plane))
        stamp = slide_stamp(workspace.folder / slide)
        write_proposal(file, probability.shape, 1, [(0, probability[..., None])], stamp=stamp)
        self.window.tasks.proposing.proposed.emit(PlaneId(slide, plane), workspace.active_model)


@pytest.fixture
def hand(make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot) -> Hand:
    """A hand at a window on the three slides."""
    hand = Hand(make_window(), qtbot)
    hand.open(folder)
    return hand
