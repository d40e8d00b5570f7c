"""The gallery of the model's errors: filled in the background, and a way to each of them."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from unet_studio.core.project.store import Project
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.background import Background
from unet_studio.gui.controllers.doubts import Doubts
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.session.session import Session

if TYPE_CHECKING:
    from unet_studio.gui.panels.error_gallery import ErrorGallery
    from unet_studio.usecases.reviewing.model_errors import PlaneError


class Errors(QObject):
    """Opens the gallery beside the window, and goes where it is clicked."""

    def __init__(self, session: Session, tasks: Jobs, doubts: Doubts, background: Background, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._tasks = tasks
        self._doubts = doubts
        self._background = background
        self._window = window
        self._gallery: ErrorGallery | None = None
        tasks.error_finding.found.connect(self._show_errors)
        tasks.error_finding.ended.connect(self._stop_waiting)
        session.workspace_closed.connect(self.close)

    def open(self) -> None:
        """Show the gallery, and look for the errors that there are now."""
        workspace = self._session.workspace
        if workspace is None:
            return
        if self._gallery is None:
            from unet_studio.gui.panels.error_gallery import ErrorGallery

            self._gallery = ErrorGallery(partial(_draw, workspace), self._background, self._window)
            self._gallery.chosen.connect(self._go_to)
            self._gallery.renewal_asked.connect(self._find)
        self._gallery.show()
        self._gallery.raise_()
        self._gallery.activateWindow()
        self._find()

    def close(self) -> None:
        """The folder that it is of is closed."""
        if self._gallery is not None:
            self._gallery.close()
            self._gallery.deleteLater()
            self._gallery = None

    def _find(self) -> None:
        workspace = self._session.workspace
        if workspace is not None and self._gallery is not None:
            self._gallery.wait()
            self._tasks.error_finding.find(workspace)

    def _show_errors(self, errors: "tuple[PlaneError, ...]") -> None:
        workspace = self._session.workspace
        if self._gallery is not None and workspace is not None:
            self._gallery.show_errors(errors, workspace.classes)

    def _stop_waiting(self) -> None:
        if self._gallery is not None:
            self._gallery.stop_waiting()

    def _go_to(self, one: "PlaneError") -> None:
        self._doubts.show(one.plane, one.error.box)


def _draw(workspace: Workspace, one: "PlaneError", side: int) -> NDArray[np.uint8]:
    """In a thread: a picture of an error."""
    from unet_studio.usecases.reviewing.model_errors import draw_error

    with Project.open(workspace.folder, place=workspace.place) as project:
        return draw_error(project, one, side)
