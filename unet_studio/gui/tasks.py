"""Tasks: what the machine does for the person (propose, retrain, export), and what follows when one ends."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from unet_studio.core.exporting import ExportRequest
from unet_studio.core.labels import PlaneId
from unet_studio.gui.activity import Activity
from unet_studio.gui.exporting import Exporting
from unet_studio.gui.message_bar import Notice, NoticeKind
from unet_studio.gui.proposing import Proposing
from unet_studio.gui.retraining import Outcome, Retraining
from unet_studio.gui.session import Session


class Tasks(QObject):
    """One proposing, one retraining and one export can run side by side while one paints."""

    began = Signal(object)  # Activity
    busy_changed = Signal()
    notice = Signal(object)  # Notice
    retrained = Signal(object)  # Outcome

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.proposing = Proposing(self)
        self.retraining = Retraining(self)
        self.exporting = Exporting(self)
        self._session = session
        self._activities: list[Activity] = []
        for task in (self.proposing, self.retraining, self.exporting):
            task.began.connect(self._on_began)
            task.notice.connect(self.notice)
        self.proposing.proposed.connect(session.take_proposal)
        self.retraining.finished.connect(self._on_retrained)

    @property
    def is_busy(self) -> bool:
        return bool(self._activities)

    def propose_open_slide(self) -> None:
        """Propose all planes of the slide on the canvas, also where there is a proposal."""
        if self._session.plane is not None:
            self._propose([PlaneId(self._session.plane.id.slide, -1)], overwrite=True)

    def propose_all(self) -> None:
        """Propose every slide that the active model has no proposal for; the open slide comes first."""
        workspace = self._session.workspace
        if workspace is None:
            return
        done = {plane.slide for plane in workspace.proposed}
        open_slide = self._session.plane.id.slide if self._session.plane else ""
        # A stack may be proposed in part, so slides that have some are looked at again; the worker skips what is there.
        slides = sorted(workspace.slides, key=lambda slide: (slide != open_slide, slide in done))
        self._propose((PlaneId(slide, -1) for slide in slides), overwrite=False)

    def retrain(self) -> None:
        """Retrain the active model on all labels."""
        if self.retraining.is_busy:
            return
        workspace = self._session.workspace
        if workspace is None:
            return
        card = self._session.model()
        fits = card is not None and [c.name for c in card.classes] == [c.name for c in workspace.classes]
        if card is not None and not fits:
            text = self.tr("The model '{0}' has other classes than this project, so a new network starts from scratch.")
            self.notice.emit(Notice(text.format(card.title), NoticeKind.INFO))
        model = card.id if card is not None and fits else ""
        self._session.prepare_retraining(lambda: self.retraining.retrain(workspace, model))

    def export(self, request: ExportRequest) -> None:
        if self._session.workspace is not None:
            self._session.about_to_change.emit()
            self.exporting.export(self._session.workspace, request)

    def cancel(self) -> None:
        """Ask everything that runs to end."""
        for activity in list(self._activities):
            activity.cancel()

    def stop(self) -> None:
        """End everything now, because the window or the folder closes."""
        self.proposing.stop()
        self.retraining.stop()
        self.exporting.stop()

    def _propose(self, planes: Iterable[PlaneId], *, overwrite: bool) -> None:
        workspace = self._session.workspace
        card = self._session.model()
        if workspace is None or card is None:
            text = self.tr("There is no model to propose with. Choose one under Propose, or retrain from scratch.")
            self.notice.emit(Notice(text, NoticeKind.WARNING))
            return
        self.proposing.propose(workspace, card.id, list(planes), overwrite=overwrite)

    def _on_began(self, activity: Activity) -> None:
        self._activities.append(activity)
        activity.ended.connect(lambda: self._on_ended(activity))
        self.began.emit(activity)
        self.busy_changed.emit()

    def _on_ended(self, activity: Activity) -> None:
        self._activities.remove(activity)
        activity.deleteLater()
        self.busy_changed.emit()

    def _on_retrained(self, outcome: Outcome) -> None:
        if outcome.better:
            self._session.use_model(outcome.model)
            self.propose_open_slide()
        self.retrained.emit(outcome)
