"""Arrivals: what the worker proposed is shown as it comes, of a large slide a part while the rest is on its way."""

from PySide6.QtCore import QObject

from unet_studio.core.labels.plane import PlaneId
from unet_studio.gui.jobs.proposing import Proposing
from unet_studio.gui.session.session import Session


class Arrivals(QObject):
    """Takes proposals of the active model into the open folder; one of another model is only stored."""

    def __init__(self, session: Session, proposing: Proposing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        proposing.in_view.connect(self._take_part)
        proposing.proposed.connect(self._take_proposal)
        proposing.slide_failed.connect(self._forget_part)
        proposing.began.connect(lambda activity: activity.ended.connect(self._forget_part))

    def _take_part(self, plane: PlaneId, model: str) -> None:
        """There is more of a proposal than before; it is to be looked at while the rest is on its way."""
        workspace = self._session.workspace
        if workspace is not None and workspace.active_model == model:
            workspace.part = plane
            self._refresh_mask(plane)

    def _take_proposal(self, plane: PlaneId, model: str) -> None:
        workspace = self._session.workspace
        if workspace is not None and workspace.active_model == model:
            workspace.mark_proposed(plane)
            self._session.state_changed.emit(plane.slide)
            self._refresh_mask(plane)

    def _forget_part(self) -> None:
        """No rest will come: the mask is again what it was before the part."""
        workspace = self._session.workspace
        if workspace is not None and workspace.part is not None:
            plane, workspace.part = workspace.part, None
            self._refresh_mask(plane)

    def _refresh_mask(self, plane: PlaneId) -> None:
        if self._session.plane is not None and self._session.plane.id == plane:
            self._session.refresh_mask()
