"""Incoming proposals are shown as they come, of a large slide a part while the rest is on its way."""

from PySide6.QtCore import QObject

from unet_studio.core.labels.plane import PlaneId
from unet_studio.gui.jobs.proposing import Proposing
from unet_studio.gui.session.session import Session


class IncomingProposals(QObject):
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
        self._session.take_proposal(plane, model, partial=True)

    def _take_proposal(self, plane: PlaneId, model: str) -> None:
        self._session.take_proposal(plane, model)

    def _forget_part(self) -> None:
        self._session.forget_part()
