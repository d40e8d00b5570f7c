"""Retraining from the window: a process of its own at low priority, which ends with the training."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.worker_task import WorkerTask
from unet_studio.worker.protocol import RetrainJob


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of a training came to; round 0 is the model before it. Loss is None for round 0.

    `note` says what went wrong and what was done about it, in sentences.
    """

    round: int
    rounds: int
    loss: float | None
    dice: float
    seconds: float
    best: bool
    preview: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new model and how it compares with the one it started from."""

    model: str
    dice: float
    dice_before: float
    compared: bool
    preferred: bool
    rounds: int


class Retraining(WorkerTask):
    """Runs one retraining at a time; the model is published by the worker, the choice to use it is the window's."""

    round_ended = Signal(object)  # Round
    finished = Signal(object)  # Outcome

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(low_priority=True, parent=parent)

    def retrain(self, workspace: Workspace, model: str) -> None:
        """Retrain `model` (empty: from scratch) on all that is labelled and written."""
        if self.is_busy:
            return
        self._begin(RetrainJob(str(workspace.folder), str(workspace.place), model), self.tr("Retraining"))

    def _on_event(self, request: int, name: str, details: dict[str, Any]) -> None:
        if name == "round":
            self.round_ended.emit(Round(**details))
        elif name == "failed":
            self.notice.emit(Notice(details["reason"], NoticeKind.WARNING))

    def _on_finished(self, request: int, result: dict[str, Any]) -> None:
        self._end()
        self.finished.emit(Outcome(**result))
        self.worker.stop()  # its memory goes back to the system

    def _on_failed(self, request: int, sentence: str) -> None:
        super()._on_failed(request, sentence)
        self.worker.stop()
