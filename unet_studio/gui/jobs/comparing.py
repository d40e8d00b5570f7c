"""Comparing two models from the window: a process of its own at low priority, which ends with the comparison."""

from PySide6.QtCore import QObject, Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.worker_job import WorkerJob
from unet_studio.protocol.values import Compared, CompareJob, Event, Result, SlideFailed


class Comparing(WorkerJob):
    """Compares two models at a time on the labels that are written."""

    compared = Signal(object)  # Compared

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(options=("--low-priority",), keeps_worker=False, parent=parent)
        self._failures: list[str] = []

    def compare(self, workspace: Workspace, before: str, after: str) -> None:
        """Compare the models with these ids."""
        if self.is_busy:
            return
        self._failures.clear()
        job = CompareJob(str(workspace.folder), str(workspace.place), before, after)
        self._begin(job, self.tr("Comparing models"))

    def _on_event(self, request: int, event: Event) -> None:
        if isinstance(event, SlideFailed):
            self._failures.append(event.reason)

    def _on_finished(self, request: int, result: Result) -> None:
        self._end()
        if self._failures:
            text = self.tr("%n slide(s) were left out of the comparison.", "", len(self._failures))
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=tuple(self._failures)))
        if isinstance(result, Compared):
            self.compared.emit(result)
