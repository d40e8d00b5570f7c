"""Finding the plane to label next, from the window: every slide is looked at once, while one goes on painting."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import Project
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress
from unet_studio.usecases.next_plane import Descriptors, next_plane_to_label


class NextPlane(ThreadJob):
    """Finds one plane at a time, the one that the simulated annotator would take up next."""

    found = Signal(object)  # PlaneId

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._descriptors: Descriptors = {}

    def find(self, workspace: Workspace) -> None:
        """Find the plane that teaches most among those that nobody labelled."""
        if self.is_busy:
            return
        if workspace.folder != self._folder:
            self._folder, self._descriptors = workspace.folder, {}
        slides, done, descriptors = workspace.slides, frozenset(workspace.states), self._descriptors

        def work(progress: Progress) -> PlaneId | None:
            with Project.open(workspace.folder, place=workspace.place) as project:
                return next_plane_to_label(project, slides, done=done, descriptors=descriptors, progress=progress)

        self._run(self.tr("Looking for the slide that teaches most"), work, self._on_found)

    def _on_found(self, plane: PlaneId | None) -> None:
        if plane is None:
            self.notice.emit(Notice(self.tr("Every slide is labelled already.")))
        else:
            self.found.emit(plane)
