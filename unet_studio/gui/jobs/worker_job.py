"""What proposing and retraining share: a worker, one activity at a time, and a notice when it fails or is stopped."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.worker_process import WorkerProcess
from unet_studio.protocol.values import Event, Job, Result


class WorkerJob(QObject):
    """Runs one request at a time on a worker of its own; what an event or a result means is the subclass's.

    Where it doesn't keep its worker, that ends with each request, and its memory goes back to the system.
    """

    began = Signal(object)  # Activity
    notice = Signal(object)  # Notice

    def __init__(
        self, *, options: Sequence[str] = (), keeps_worker: bool = True, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._keeps_worker = keeps_worker
        self.worker = WorkerProcess(options=options, parent=self)
        self._activity: Activity | None = None
        self.worker.progress.connect(self._on_progress)
        self.worker.happened.connect(self._on_event)
        self.worker.finished.connect(self._on_finished)
        self.worker.stopped.connect(self._on_stopped)
        self.worker.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def cancel(self) -> None:
        """Ask the request to end; asked again after a while, it is ended by force."""
        if self._activity is not None:
            self._activity.cancel()

    def stop(self) -> None:
        """End the request and its worker now."""
        self.worker.stop()
        self._end()

    def _begin(self, job: Job, title: str) -> None:
        request = self.worker.request(job)
        self._activity = Activity(title, lambda: self.worker.cancel(request), self)
        self.began.emit(self._activity)

    def _on_progress(self, request: int, done: float, text: str) -> None:
        if self._activity is not None:
            self._activity.advance(done, text)

    def _on_event(self, request: int, event: Event) -> None:
        raise NotImplementedError

    def _on_finished(self, request: int, result: Result) -> None:
        raise NotImplementedError

    def _on_stopped(self, request: int, sentence: str) -> None:
        self._end()
        self.notice.emit(Notice(sentence, NoticeKind.INFO))

    def _on_failed(self, request: int, sentence: str) -> None:
        self._end()
        self.notice.emit(Notice(sentence, NoticeKind.ERROR))

    def _rename(self, title: str) -> None:
        if self._activity is not None:
            self._activity.rename(title)

    def _end(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
        if not self._keeps_worker:
            self.worker.stop()
