"""The whole loop through the entry point: the real main(), real slides, the real worker, mouse and keys."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from unet_studio import log, paths
from unet_studio.__main__ import main
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.exchange.exporting import ExportRequest, Format
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.tiles import Box
from unet_studio.gui.window.main_window import MainWindow

LOOP_SECONDS = 120_000  # ms; the network has to load, and CI machines are slow
STALL_MS = 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four of the demo's real slides."""
    folder = tmp_path / "nerve"
    folder.mkdir()
    for slide in sorted((paths.resources() / "demo" / "slides").iterdir())[:4]:
        shutil.copy(slide, folder)
    return folder


def run_main(monkeypatch: pytest.MonkeyPatch, arguments: list[str], act: Callable[[MainWindow], None]) -> None:
    """Start the program as a user does; `act` replaces its event loop."""

    def act_and_close(*_: object) -> int:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible())
        try:
            act(window)
        finally:
            window.tasks.stop()
            window.close()
        return 0

    monkeypatch.setattr(sys, "argv", ["unet-studio", *arguments])
    monkeypatch.setattr(QApplication, "exec", act_and_close)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_open_propose_clean_up_correct_retrain_and_export(
    monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    def act(window: MainWindow) -> None:
        user = User(window, qtbot)
        user.waits_for(lambda: window.session.plane is not None)
        assert window.slides.current() == "nerve-1.png"

        window.propose_panel.model_chosen.emit("axon-myelin")
        assert [c.name for c in window.session.workspace.classes] == ["background", "myelin", "axon"]
        user.presses(Qt.Key.Key_P)
        user.waits_for(lambda: user.states().get("nerve-1.png") is PlaneState.PROPOSED and not window.tasks.is_busy)
        proposed = user.mask()
        for index in (1, 2):
            assert 0.1 < (proposed == index).mean() < 0.7, "the starter model finds both classes, and not everywhere"
        user.presses(Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
        user.waits_for(lambda: len(user.states()) == 4 and not window.tasks.is_busy)

        window.clean_up_panel._add_step("erode")
        assert (user.mask() > 0).sum() < (proposed > 0).sum()
        window.clean_up_panel.set_recipe((), window.clean_up_panel._classes)
        window.session.set_steps(())
        assert np.array_equal(user.mask(), proposed)

        user.presses(Qt.Key.Key_B)
        user.paints((60, 60), (60, 120))
        assert (user.labels()[60, 60:120] == 1).all()
        for _ in range(3):
            reviewed = window.slides.current()
            user.presses(Qt.Key.Key_Return)
            user.waits_for(lambda name=reviewed: user.states()[name] is PlaneState.REVIEWED)
            user.waits_for(lambda name=reviewed: window.session.plane.id.slide != name)
        kept = user.labels_of("nerve-1.png")

        old = window.session.workspace.active_model
        stalls = Stalls()
        user.presses(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
        user.waits_for(lambda: len(window.retrain_panel._rounds) >= 2)  # round 0 is the old model
        stalls.start()
        paint_until(user, lambda: len(window.retrain_panel._rounds) >= 4)
        stalls.stop()
        user.presses(Qt.Key.Key_Escape)
        with qtbot.waitSignal(window.tasks.retrained, timeout=LOOP_SECONDS) as retrained:
            pass
        (outcome,) = retrained.args
        assert (outcome.rival, outcome.slides) == (old, 1)
        assert (window.session.workspace.active_model == outcome.model) == outcome.is_adopted
        assert outcome.model in [card.id for card in window.session.models.known()]
        assert old in [card.id for card in window.session.models.known()]
        assert stalls.p99() < STALL_MS, f"the event loop was held up: {stalls}"
        assert np.array_equal(user.labels_of("nerve-1.png")[kept != UNLABELLED], kept[kept != UNLABELLED])
        user.waits_for(lambda: not window.tasks.is_busy)

        out = tmp_path / "masks"
        window.tasks.export(ExportRequest(out=out, format=Format.PNG, values="binary", states="reviewed"))
        user.waits_for(lambda: not window.tasks.is_busy)
        files = sorted(file.name for file in out.iterdir())
        assert files == ["nerve-1.png", "nerve-2.png", "nerve-3.png"]
        exported = cv2.imread(str(out / "nerve-1.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(exported, np.where(kept > 0, 255, 0))

    monkeypatch.setattr(log, "log_folder", lambda: tmp_path / "log")
    run_main(monkeypatch, [str(folder)], act)
    (kept_log,) = log.log_files()
    written = kept_log.read_text(encoding="utf-8")
    assert "Opened" in written and "Told: 3 files written." in written


def paint_until(user: "User", done: Callable[[], bool]) -> None:
    """Go on correcting while the network trains."""
    deadline = time.monotonic() + LOOP_SECONDS / 1000
    row = 20
    while not done():
        assert time.monotonic() < deadline
        user.paints((row, 20), (row, 60), (row + 10, 100))
        row = 20 + (row + 7) % 200
        user.rests(100)


class User:
    """Acts on the window by mouse and keys, and looks at what it shows."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self._qtbot = qtbot

    def presses(self, name: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        if not self.window.isActiveWindow():  # without a screen nobody else sees to that
            self.window.activateWindow()
            QTest.qWaitForWindowActive(self.window)
        self.window.canvas.setFocus()
        QTest.keyClick(self.window.canvas, name, modifier)

    def paints(self, *points: tuple[int, int]) -> None:
        canvas = self.window.canvas
        positions = [canvas.mapFromScene(QPointF(x, y)) for y, x in points]
        QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=positions[0])
        for position in positions[1:]:
            QTest.mouseMove(canvas.viewport(), position)
        QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=positions[-1])

    def rests(self, milliseconds: int) -> None:
        self._qtbot.wait(milliseconds)

    def waits_for(self, condition: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(condition, timeout=LOOP_SECONDS)

    def states(self) -> dict[str, PlaneState]:
        workspace = self.window.session.workspace
        assert workspace is not None
        return {slide: planes[0] for slide, planes in workspace.states_by_slide().items()}

    def mask(self) -> np.ndarray:
        plane = self.window.session.plane
        assert plane is not None
        return plane.view.read(Box.of_shape(plane.shape))

    def labels(self) -> np.ndarray:
        plane = self.window.session.plane
        assert plane is not None
        return plane.labels.read(Box.of_shape(plane.shape))

    def labels_of(self, slide: str) -> np.ndarray:
        workspace = self.window.session.workspace
        assert workspace is not None
        shape = cv2.imread(str(workspace.folder / slide), cv2.IMREAD_UNCHANGED).shape[:2]
        return workspace.labels(PlaneId(slide), shape).read(Box.of_shape(shape))


class Stalls:
    """How late a timer of 5 ms is, again and again: what a person feels as a window that hangs."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._last = 0.0
        self._timer = QTimer(interval=5, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def p99(self) -> float:
        """The 99th percentile of the delay in ms."""
        assert len(self._late) > 500, "too few ticks to judge"
        return float(np.percentile(self._late, 99))

    def __str__(self) -> str:
        return ", ".join(f"p{p} {np.percentile(self._late, p):.1f} ms" for p in (50, 90, 99, 100))

    def _tick(self) -> None:
        now = time.perf_counter()
        self._late.append(max(0.0, (now - self._last) * 1000 - self._timer.interval()))
        self._last = now
