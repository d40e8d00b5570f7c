"""Finding the model's errors, from the window: in the background, with progress and cancel."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress

if TYPE_CHECKING:
    from unet_studio.usecases.reviewing.model_errors import PlaneError


class ErrorFinding(ThreadJob):
    """Compares the active model's proposals with the labels of all reviewed planes, one search at a time."""

    found = Signal(object)  # tuple of PlaneError
    ended = Signal()

    def find(self, workspace: Workspace) -> None:
        """Find them anew, once all strokes are on the disk."""
        if self.is_busy:
            return
        unsaved = self.tr("The last strokes are not written yet; look for errors again when they are saved.")

        def work(progress: Progress) -> "tuple[PlaneError, ...]":
            from unet_studio.usecases.reviewing.model_errors import find_model_errors

            with workspace.saved_project(unsaved) as project:
                return find_model_errors(project, progress=progress)

        self._run(self.tr("Comparing the model with your labels"), work, self._on_found)

    def _on_found(self, errors: "tuple[PlaneError, ...]") -> None:
        self.found.emit(errors)
        self.ended.emit()

    def _on_failed(self, error: BaseException) -> None:
        self.ended.emit()
