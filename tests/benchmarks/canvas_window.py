"""The real window driven by real events, and its measurements: frames, stalls, memory, pixels on the screen."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSettings, Qt, QTimer
from PySide6.QtGui import QCursor, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.tools.tool import Tool
from unet_studio.gui.window.main_window import MainWindow

WIDTH, HEIGHT = 1600, 1000
_IDLE_WORKER = [sys.executable, "-c", "import sys; sys.stdin.read()"]  # the network would keep the processor busy
_EVENT_INTERVAL = 1 / 240  # seconds from one event to the next, as a fast mouse sends them
_TIMEOUT = 120.0
_TICK = 0.005
_BACKGROUND = 60  # what is darker on the screen is beside the slide, or not painted yet
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


class Bench(QObject):
    """A window of 1600 × 1000 that is sent mouse and key events.

    A *frame* is the time from sending an event until the canvas was painted and handed to the screen. While anything
    runs, a timer of 5 ms notes how late it comes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        settings = folder / "settings"
        QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(settings))
        self._app = QApplication.instance() or QApplication(sys.argv[:1])
        apply_theme(self._app)
        self.window = MainWindow()
        self.window.tasks.proposing.worker.command = _IDLE_WORKER
        self.window.actions_by_id[Tool.BRUSH].trigger()
        self.window.setGeometry(0, 0, WIDTH, HEIGHT)
        self.window.show()
        QTest.qWaitForWindowExposed(self.window)
        self.window.activateWindow()
        QTest.qWaitForWindowActive(self.window)
        self.canvas = self.window.canvas
        self._viewport = self.canvas.viewport()
        self._viewport.installEventFilter(self)
        self._changed: Callable[[], bool] = lambda: True
        self._is_painted = False
        self._lateness: list[float] = []
        self._last_tick = time.perf_counter()
        self._ticking = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=round(_TICK * 1000))
        self._ticking.timeout.connect(self._tick)
        self._ticking.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._changed():
            self._is_painted = True
        return False

    def _tick(self) -> None:
        now = time.perf_counter()
        self._lateness.append(max(0.0, now - self._last_tick - _TICK))
        self._last_tick = now

    def stall_ms(self) -> float:
        """How late the timer came at the 99th percentile."""
        return percentile(self._lateness, 99) * 1000

    def close(self) -> None:
        self._ticking.stop()
        self._viewport.removeEventFilter(self)
        self.window.close()

    # Waiting

    def frame(self, send: Callable[[], object], changed: Callable[[], bool] = lambda: True) -> float:
        """Milliseconds from `send`, which must change the picture, to the end of the repaint that follows.

        Where a change comes later than `send` returns, `changed` says that it is there.
        """
        self._changed, self._is_painted = changed, False
        return self.after(send, lambda: self._is_painted)

    def after(self, send: Callable[[], object], holds: Callable[[], bool]) -> float:
        """Milliseconds from `send` until something holds."""
        start = time.perf_counter()
        send()
        self.until(holds)
        return (time.perf_counter() - start) * 1000

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the window work until something holds; not at all where it does."""
        start = time.perf_counter()
        while not holds():
            QApplication.processEvents()
            if time.perf_counter() - start > _TIMEOUT:
                raise TimeoutError("The window did not do what was asked within two minutes.")

    def idle(self, seconds: float) -> None:
        """Let the window work."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end)

    @contextmanager
    def paced(self) -> Iterator[None]:
        """What is sent inside takes a 240th of a second at least."""
        end = time.perf_counter() + _EVENT_INTERVAL
        yield
        self.until(lambda: time.perf_counter() >= end)

    # Events

    def open_folder(self, folder: Path) -> None:
        self.window.open_folder(folder)
        self.until(self.shows_slide)
        self.idle(0.5)
        QCursor.setPos(self._viewport.mapToGlobal(self.middle()))
        self.idle(0.2)

    def middle(self) -> QPoint:
        return self._viewport.rect().center()

    def winding(self, moves: int, *, start: float) -> list[QPointF]:
        """A path that winds around the middle of the canvas, clear of the minimap, by some 10 pixels a move."""
        middle, radius = QPointF(self.middle()), 0.28 * self._viewport.height()
        angles = [start + 0.02 * move for move in range(moves)]
        return [middle + QPointF(math.sin(3 * angle), math.sin(2 * angle)) * radius for angle in angles]

    def there_and_back(self, moves: int, *, direction: float) -> list[QPointF]:
        """A straight path across the canvas and back again, by 8 pixels of the window a move."""
        middle = QPointF(self.middle())
        step = QPointF(math.cos(direction), math.sin(direction)) * 8
        return [middle + step * (moves / 4 - abs(move - moves / 2)) for move in range(moves)]

    def circle(self, radius: float, moves: int) -> list[QPointF]:
        """A path once around the middle of the canvas, by a radius in pixels of the slide."""
        middle, radius = QPointF(self.middle()), radius * self.canvas.zoom
        angles = [math.tau * move / moves for move in range(moves + 1)]
        return [middle + QPointF(math.cos(angle), math.sin(angle)) * radius for angle in angles]

    def mouse(self, kind: QEvent.Type, at: QPointF) -> None:
        button = _NONE if kind == QEvent.Type.MouseMove else _LEFT
        buttons = _NONE if kind == QEvent.Type.MouseButtonRelease else _LEFT
        where = QPointF(self._viewport.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(
            self._viewport, QMouseEvent(kind, at, where, button, buttons, Qt.KeyboardModifier.NoModifier)
        )

    def stroke(self, path: list[QPointF]) -> list[float]:
        """Drag along a path; the frame of each move, in milliseconds."""
        self.mouse(QEvent.Type.MouseButtonPress, path[0])
        self.idle(_EVENT_INTERVAL)
        frames = []
        for point in path[1:]:
            with self.paced():
                frames.append(self.frame(lambda point=point: self.mouse(QEvent.Type.MouseMove, point)))
        self.mouse(QEvent.Type.MouseButtonRelease, path[-1])
        self.idle(_EVENT_INTERVAL)
        return frames

    def wheel(self, at: QPoint, steps: int) -> None:
        position = QPointF(at)
        event = QWheelEvent(
            position, QPointF(self._viewport.mapToGlobal(at)), QPoint(), QPoint(0, 120 * steps), _NONE,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self._viewport, event)

    def press(self, action: str) -> None:
        """Press the first shortcut of an action."""
        QTest.keySequence(self.canvas, self.window.actions_by_id[action].shortcut())

    def act(self, action: str) -> None:
        """Choose an action as its menu does."""
        self.window.actions_by_id[action].trigger()

    # The screen

    def shows_slide(self, brighter: float = _BACKGROUND, darker: float = 255) -> bool:
        """Whether the screen shows the whole slide, within a range of brightness."""
        plane = self.window.session.plane
        if plane is None:
            return False
        shares = (0.1, 0.35, 0.65, 0.9)
        places = [QPointF(x * plane.shape[1], y * plane.shape[0]) for y in shares for x in shares]
        return all(brighter < self.brightness(self.canvas.mapFromScene(place)) < darker for place in places)

    def brightness(self, at: QPoint) -> float:
        """The mean of a few pixels of the screen at a place of the canvas, 0…255."""
        where = self._viewport.mapToGlobal(at)
        image = self.window.screen().grabWindow(0, where.x() - 4, where.y() - 4, 8, 8).toImage()
        return float(np.mean([image.pixelColor(x, y).lightness() for x in range(8) for y in range(8)]))


def percentile(values: list[float], share: float) -> float:
    return float(np.percentile(values, share)) if values else 0.0


def resident_mib() -> float:
    """Memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
