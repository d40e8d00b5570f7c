"""Tuning from the window: in the background, with progress and cancel, while one goes on painting."""

from PySide6.QtCore import Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress
from unet_studio.usecases.cleaning.tune import TunedWatershed, tune


class Tuning(ThreadJob):
    """Finds the numbers of one watershed step at a time."""

    tuned = Signal(object)  # Step that divides better than the clean-up as it is

    def tune(self, workspace: Workspace, operation: str, class_index: int | None) -> None:
        """Try numbers for the watershed `operation` on what is reviewed, once all strokes are on the disk."""
        if self.is_busy:
            return
        unsaved = self.tr("The last strokes are not written yet; tune again when they are saved.")

        def work(progress: Progress) -> TunedWatershed:
            with workspace.saved_project(unsaved) as project:
                return tune(project, operation, class_index, progress=progress)

        self._run(self.tr("Tuning the watershed"), work, self._on_tuned)

    def _on_tuned(self, tuned: TunedWatershed) -> None:
        self.notice.emit(Notice(self._describe(tuned)))
        if tuned.is_better:
            self.tuned.emit(tuned.best.step)

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
