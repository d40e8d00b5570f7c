"""Exporting from the window: in a thread, with progress and cancel, while one goes on painting."""

import threading

from PySide6.QtCore import QObject, Qt, Signal

from unet_studio.core.exchange.exporting import ExportRequest, export, plan_export
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import StudioError
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity


class Exporting(QObject):
    """Runs one export at a time."""

    began = Signal(object)  # Activity
    ended = Signal(int)  # files written
    notice = Signal(object)  # Notice
    _progress = Signal(float, str)
    _finished = Signal(int, list, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._activity: Activity | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._progress.connect(self._on_progress, Qt.ConnectionType.QueuedConnection)
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def export(self, workspace: Workspace, request: ExportRequest) -> None:
        """Write what `request` asks for, as it is when all strokes are on the disk."""
        if self.is_busy:
            return
        self._stop.clear()
        self._activity = Activity(self.tr("Exporting"), self._stop.set, self)
        self.began.emit(self._activity)
        self._thread = threading.Thread(target=self._work, args=(workspace, request), name="export", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def _work(self, workspace: Workspace, request: ExportRequest) -> None:
        written, problems, failure = 0, [], ""
        try:
            unsaved = "The last strokes are not written yet, so nothing was exported; export again when they are saved."
            with workspace.saved_project(unsaved) as project:
                total = len(plan_export(project, request))
                for index, outcome in enumerate(export(project, request)):
                    if outcome.problem:
                        problems.append(outcome.problem)
                    written += outcome.file is not None
                    self._progress.emit((index + 1) / max(total, 1), outcome.slide)
                    if self._stop.is_set():
                        break
        except StudioError as error:
            failure = str(error)
        self._finished.emit(written, problems, failure)

    def _on_progress(self, done: float, slide: str) -> None:
        if self._activity is not None:
            self._activity.advance(min(done, 1.0), slide)

    def _on_finished(self, written: int, problems: list[str], failure: str) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
        if failure:
            self.notice.emit(Notice(failure, NoticeKind.WARNING))
        elif problems:
            text = self.tr("%n slide(s) could not be exported.", "", len(problems))
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=tuple(problems)))
        else:
            self.notice.emit(Notice(self.tr("%n file(s) written.", "", written), NoticeKind.INFO))
        self.ended.emit(written)
