"""Retraining from the window: a process of its own at low priority, which ends with the training."""

from PySide6.QtCore import QObject, Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.worker_job import WorkerJob
from unet_studio.protocol.values import Event, Preparing, Result, Retrained, RetrainJob, Round, SlideFailed

_GRACE_SECONDS = 120
"""To stop, a training ends its step, judges the weights and writes the model; on a slow computer that takes a while."""


class Retraining(WorkerJob):
    """Runs one retraining at a time; the model is published by the worker, the choice to use it is the window's."""

    preparing = Signal(object)  # Preparing
    round_ended = Signal(object)  # Round
    finished = Signal(object)  # Retrained
    failed = Signal(str)  # why, for a person

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(options=("--low-priority", "--trains"), keeps_worker=False, parent=parent)
        self.worker.cancel_seconds = _GRACE_SECONDS

    def retrain(self, workspace: Workspace, model: str) -> None:
        """Retrain `model` (empty: from scratch) on all that is labelled and written."""
        if self.is_busy:
            return
        self._begin(RetrainJob(str(workspace.folder), str(workspace.place), model), self.tr("Retraining"))

    def resume(self, workspace: Workspace) -> None:
        """Go on with the training that was interrupted last, on all that is labelled and written."""
        if self.is_busy:
            return
        self._begin(RetrainJob(str(workspace.folder), str(workspace.place), "", resume=True), self.tr("Retraining"))

    def _on_event(self, request: int, event: Event) -> None:
        match event:
            case Preparing():
                text = self.tr("Retraining: reading labelled plane {0} of {1}").format(event.number, event.planes)
                self._rename(text)
                self.preparing.emit(event)
            case Round():
                self._rename(self.tr("Retraining"))
                self.round_ended.emit(event)
            case SlideFailed():
                self.notice.emit(Notice(event.reason, NoticeKind.WARNING))

    def _on_failed(self, request: int, sentence: str) -> None:
        self._end()
        self.failed.emit(sentence)

    def _on_finished(self, request: int, result: Result) -> None:
        self._end()
        if isinstance(result, Retrained):
            self.finished.emit(result)
