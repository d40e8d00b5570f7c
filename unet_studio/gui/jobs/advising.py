"""Clean-up advice in the window: looked for in the background, with progress and cancel."""

from PySide6.QtCore import Signal

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress
from unet_studio.usecases.cleaning.advise import Advice, advise


class Advising(ThreadJob):
    """Looks for the clean-up that would have saved most corrections, one search at a time."""

    advised = Signal(object)  # Advice

    def advise(self, workspace: Workspace) -> None:
        """Look for it on what is reviewed, once all strokes are on the disk."""
        if self.is_busy:
            return
        unsaved = self.tr("The last strokes are not written yet; ask for advice again when they are saved.")

        def work(progress: Progress) -> Advice:
            with workspace.saved_project(unsaved) as project:
                return advise(project, progress=progress)

        self._run(self.tr("Looking for a better clean-up"), work, self.advised.emit)
