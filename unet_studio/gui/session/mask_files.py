"""The masks of reviewed slides as files in the project's folder, kept up to date in the background."""

from PySide6.QtCore import QObject

from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import StudioError
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.session import Session


class MaskFiles(QObject):
    """Brings masks/… up to date for planes that are reviewed or no longer are, once that is on the disk.

    One task at a time: what changes meanwhile is taken care of by the next, all of it at once.
    """

    def __init__(self, session: Session, edits: BackgroundEdits, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._edits = edits
        self._stale: set[PlaneId] = set()
        self._is_writing = False
        session.changed.connect(self._on_changes)
        session.workspace_closed.connect(self._forget)

    def renew(self, planes: tuple[PlaneId, ...]) -> None:
        """The files of these planes' slides are to be written again, or removed."""
        self._stale.update(planes)
        self._go_on()

    def _on_changes(self, changes: Changes) -> None:
        if changes.reviewed:
            self.renew(changes.reviewed)

    def _forget(self) -> None:
        self._stale.clear()
        self._is_writing = False

    def _go_on(self) -> None:
        workspace = self._session.workspace
        if workspace is None or self._is_writing or not self._stale:
            return
        planes = tuple(sorted(self._stale))
        self._stale.clear()
        self._is_writing = True
        slides = sorted({plane.slide for plane in planes})
        what = self.tr("mask file of {0}").format(slides[0])
        if len(slides) > 1:
            what = self.tr("mask files of %n slide(s)", "", len(slides))
        self._edits.run(
            what, lambda: _write(workspace, planes), lambda _: self._end(), failed=self._fail, becomes_edit=False
        )

    def _end(self) -> None:
        self._is_writing = False
        self._go_on()

    def _fail(self, error: StudioError) -> None:
        self._session.tell(error)
        self._end()


def _write(workspace: Workspace, planes: tuple[PlaneId, ...]) -> None:
    unsaved = (
        "The last strokes are not written yet, so the masks in the project's folder are not up to date; "
        "mark the slide as reviewed again when they are saved."
    )
    with workspace.saved_project(unsaved) as project:
        keep_masks(project, planes)
