"""Tuning from the window: in the background, with progress and cancel, while one goes on painting."""

from threading import Event

from PySide6.QtCore import QObject, Qt, Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import Cancelled
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity
from unet_studio.usecases.tune import TunedWatershed, tune_watershed


class Tuning(QObject):
    """Finds the numbers of one watershed step at a time."""

    began = Signal(object)  # Activity
    tuned = Signal(object)  # Step that divides better than the clean-up as it is
    notice = Signal(object)  # Notice
    _progress = Signal(float)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._activity: Activity | None = None
        self._stop = Event()
        self._progress.connect(self._on_progress, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        return self._activity is not None

    def tune(self, workspace: Workspace, operation: str, class_index: int | None) -> None:
        """Try numbers for the watershed `operation` on what is reviewed, once all strokes are on the disk."""
        if self.is_busy:
            return
        stop = self._stop = Event()
        self._activity = Activity(self.tr("Tuning the watershed"), stop.set, self)
        self.began.emit(self._activity)

        def progress(share: float) -> None:
            if stop.is_set():
                raise Cancelled(self.tr("Tuning was stopped; the clean-up stays as it was."))
            self._progress.emit(share)

        def work() -> TunedWatershed:
            unsaved = self.tr("The last strokes are not written yet; tune again when they are saved.")
            with workspace.saved_project(unsaved) as project:
                return tune_watershed(project, operation, class_index, progress=progress)

        def finished(result: object) -> None:
            self._on_finished(stop, result)

        self._background.run("tuning the watershed", work, finished, failed=finished)

    def stop(self) -> None:
        """End the tuning now, because the window or the folder closes."""
        self._stop.set()
        self._end()

    def _on_progress(self, share: float) -> None:
        if self._activity is not None:
            self._activity.advance(share)

    def _on_finished(self, stop: Event, result: object) -> None:
        if stop is not self._stop or self._activity is None:
            return  # of a folder that was closed
        self._end()
        if isinstance(result, TunedWatershed):
            self.notice.emit(Notice(self._describe(result)))
            if result.is_better:
                self.tuned.emit(result.best.step)
        else:
            kind = NoticeKind.INFO if isinstance(result, Cancelled) else NoticeKind.WARNING
            self.notice.emit(Notice(str(result), kind))

    def _describe(self, tuned: TunedWatershed) -> str:
        if not tuned.is_better:
            text = self.tr(
                "Nothing that was tried on %n labelled plane(s) divides better than the clean-up as it is: its "
                "agreement with your labels (V-Rand) is {0:.3f}.",
                "",
                tuned.planes,
            )
            return text.format(tuned.v_rand_before)
        text = self.tr(
            "Tuned on %n labelled plane(s): smoothing {0:g} px, height {1:g}. The agreement with your labels (V-Rand) "
            "is {2:.3f}, before {3:.3f}.",
            "",
            tuned.planes,
        )
        best = tuned.best
        return text.format(best.step.amount, best.step.height, best.v_rand, tuned.v_rand_before)

    def _end(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.end()
