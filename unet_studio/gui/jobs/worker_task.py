"""What proposing and retraining share: a worker, one activity at a time, and a notice when it fails."""

from typing import Any

from PySide6.QtCore import QObject, Signal

from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.worker_process import WorkerProcess
from unet_studio.worker.protocol import ProposeJob, RetrainJob


class WorkerTask(QObject):
    """Runs one request at a time on a worker of its own; what an event or a result means is the subclass's."""

    began = Signal(object)  # Activity
    notice = Signal(object)  # Notice

    def __init__(self, *, low_priority: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = WorkerProcess(low_priority=low_priority, parent=self)
        self._activity: Activity | None = None
        self.worker.progress.connect(self._on_progress)
        self.worker.happened.connect(self._on_event)
        self.worker.finished.connect(self._on_finished)
        self.worker.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def stop(self) -> None:
        """End the request and its worker now."""
        self.worker.stop()
        self._end()

    def _begin(self, job: ProposeJob | RetrainJob, title: str) -> None:
        request = self.worker.request(job)
        self._activity = Activity(title, lambda: self.worker.cancel(request), self)
        self.began.emit(self._activity)

    def _on_progress(self, request: int, done: float, text: str) -> None:
        if self._activity is not None:
            self._activity.advance(done, text)

    def _on_event(self, request: int, name: str, details: dict[str, Any]) -> None:
        raise NotImplementedError

    def _on_finished(self, request: int, result: dict[str, Any]) -> None:
        raise NotImplementedError

    def _on_failed(self, request: int, sentence: str) -> None:
        self._end()
        self.notice.emit(Notice(sentence, NoticeKind.ERROR))

    def _end(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
