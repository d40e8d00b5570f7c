"""Proposing from the window: one warm worker, one activity at a time."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels import PlaneId
from unet_studio.core.workspace import Workspace
from unet_studio.gui.activity import Activity
from unet_studio.gui.message_bar import Notice, NoticeKind
from unet_studio.gui.worker_process import WorkerProcess
from unet_studio.worker.protocol import ProposeJob


class Proposing(QObject):
    """Asks the worker for proposals and tells of each that arrives."""

    proposed = Signal(object, str)  # PlaneId, model
    slide_failed = Signal(str, str)  # slide, reason
    began = Signal(object)  # Activity
    notice = Signal(object)  # Notice

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = WorkerProcess(parent=self)
        self._activity: Activity | None = None
        self._failures: list[str] = []
        self.worker.progress.connect(self._on_progress)
        self.worker.happened.connect(self._on_event)
        self.worker.finished.connect(self._on_finished)
        self.worker.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def propose(self, workspace: Workspace, model: str, planes: Sequence[PlaneId], *, overwrite: bool) -> None:
        """Have the worker propose these planes; plane -1 stands for all planes of a slide."""
        if self.is_busy or not planes:
            return
        self._failures.clear()
        job = ProposeJob(
            str(workspace.folder), str(workspace.place), model, [[p.slide, p.plane] for p in planes], overwrite
        )
        request = self.worker.request(job)
        count = self.tr("%n slide(s)", "", len(planes))
        self._activity = Activity(self.tr("Proposing {0}").format(count), lambda: self.worker.cancel(request), self)
        self.began.emit(self._activity)

    def stop(self) -> None:
        self.worker.stop()
        self._end()

    def _on_progress(self, request: int, done: float, text: str) -> None:
        if self._activity is not None:
            self._activity.advance(done, text)

    def _on_event(self, request: int, name: str, details: dict[str, Any]) -> None:
        if name == "proposed":
            self.proposed.emit(PlaneId(details["slide"], details.get("plane", 0)), details["model"])
        elif name == "failed":
            self._failures.append(details["reason"])
            self.slide_failed.emit(details["slide"], details["reason"])

    def _on_finished(self, request: int, result: dict[str, Any]) -> None:
        self._end()
        if result.get("cancelled"):
            self.notice.emit(Notice(result["message"], NoticeKind.INFO))
        if self._failures:
            text = self.tr("%n slide(s) could not be proposed; the others are done.", "", len(self._failures))
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=tuple(self._failures)))

    def _on_failed(self, request: int, sentence: str) -> None:
        self._end()
        self.notice.emit(Notice(sentence, NoticeKind.ERROR))

    def _end(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
