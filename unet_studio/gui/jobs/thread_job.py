"""What jobs without the network share: a thread of their own, one activity at a time, and an end in any case."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from unet_studio.errors import Cancelled
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.failures import failure_notice
from unet_studio.protocol.values import Event, Progress

_T = TypeVar("_T")


class ThreadJob(QObject):
    """Runs one function at a time off the GUI thread; what its result means is the subclass's.

    Whatever becomes of the function, its activity ends: an error that nobody foresaw becomes a notice that says what
    was being done. Nothing is told any more of a job that was ended by `stop`.
    """

    began = Signal(object)  # Activity
    notice = Signal(object)  # Notice
    _reported = Signal(object, float, str)
    _returned = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._activity: Activity | None = None
        self._current: _ThreadProgress | None = None
        self._is_told = False
        self._is_asked_for = True
        self._reported.connect(self._on_reported, Qt.ConnectionType.QueuedConnection)
        self._returned.connect(self._on_returned, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def stop(self) -> None:
        """End the job now, because the window or the folder closes; its thread leaves when it looks up next."""
        if self._current is not None:
            self._current.cancel()
        self._current = None
        self._end()

    def _run(
        self,
        title: str,
        function: Callable[[Progress], _T],
        then: Callable[[_T], None],
        *,
        shown_after_ms: int | None = 0,
    ) -> None:
        """Run `function` in a thread, and `then(result)` here if it returns; `title` says what is being done.

        What takes longer than `shown_after_ms` is shown as an activity. Of what nobody asked for (None) nothing is
        told, not even that it failed, unless someone asks for it meanwhile.
        """
        progress = _ThreadProgress(self._reported.emit)
        self._current = progress
        self._activity = Activity(title, progress.cancel, self)
        self._is_told, self._is_asked_for = False, shown_after_ms is not None
        if shown_after_ms == 0:
            self._tell_begun()
        elif shown_after_ms is not None:
            QTimer.singleShot(shown_after_ms, self, lambda: self._tell_begun() if progress is self._current else None)

        def work() -> None:
            try:
                result: _T | BaseException = function(progress)
            except BaseException as error:
                result = error
            with suppress(RuntimeError):  # the window is gone, and nobody waits for it
                self._returned.emit(progress, result, then)

        threading.Thread(target=work, name=title).start()

    def _tell_begun(self) -> None:
        """Show the activity that is under way, unless it is shown already: someone waits for it."""
        if self._activity is not None and not self._is_told:
            self._is_told = self._is_asked_for = True
            self.began.emit(self._activity)

    def _on_reported(self, progress: object, done: float, text: str) -> None:
        if progress is self._current and self._activity is not None:
            self._activity.advance(min(done, 1.0), text)

    def _on_returned(self, progress: object, result: object, then: Callable[[object], None]) -> None:
        if progress is not self._current or self._activity is None:
            return
        title = self._activity.title
        self._current = None
        self._end()
        if isinstance(result, BaseException):
            notice = failure_notice(title, result)  # which is also logged
            if self._is_asked_for:
                self.notice.emit(notice)
            self._on_failed(result)
        else:
            then(result)

    def _on_failed(self, error: BaseException) -> None:
        """The job ended without a result, and the person was told so."""

    def _end(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
            if not self._is_told:  # nobody else takes care of it
                activity.deleteLater()


class _ThreadProgress:
    """The progress reporter of a function in a thread."""

    def __init__(self, reported: Callable[[object, float, str], None]) -> None:
        self._reported = reported
        self._stop = threading.Event()

    def report(self, done: float, text: str) -> None:
        try:
            self._reported(self, done, text)
        except RuntimeError as error:  # the window was deleted meanwhile
            raise Cancelled("The window was closed.") from error

    def event(self, event: Event) -> None:
        """What happened on the way is in the result, too."""

    def cancel(self) -> None:
        self._stop.set()

    def cancelled(self) -> bool:
        return self._stop.is_set()
