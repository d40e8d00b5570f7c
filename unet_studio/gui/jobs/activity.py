"""An activity: long work that goes on while one paints, with progress, remaining time and cancel."""

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal


class Activity(QObject):
    """What the status bar shows of one piece of long work."""

    changed = Signal()
    ended = Signal()

    def __init__(self, title: str, cancel: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.done = 0.0
        self.detail = ""
        self.is_cancelled = False
        self._cancel = cancel
        self._started = time.monotonic()

    def advance(self, done: float, detail: str = "") -> None:
        """Tell the share that is finished, 0…1, and what is being worked on."""
        self.done, self.detail = done, detail
        self.changed.emit()

    def cancel(self) -> None:
        """Ask for the work to end; asked again, it may be ended by force."""
        self.is_cancelled = True
        self._cancel()
        self.changed.emit()

    def rename(self, title: str) -> None:
        """Say in other words what is being done."""
        if title != self.title:
            self.title = title
            self.changed.emit()

    def end(self) -> None:
        self.ended.emit()

    def remaining(self) -> float | None:
        """Seconds left at the pace so far; None while it is too early to tell."""
        elapsed = time.monotonic() - self._started
        if self.done <= 0.01 or elapsed < 2:
            return None
        return elapsed * (1 - self.done) / self.done
