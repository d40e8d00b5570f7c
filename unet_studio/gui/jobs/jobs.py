"""Tasks: what the machine does for the person (propose, retrain, tune, export), and what follows when one ends."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from unet_studio.core.exchange.exporting import ExportRequest
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.hold_out import extend_hold_out
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui import settings
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.exporting import Exporting
from unet_studio.gui.jobs.incoming_proposals import Arrivals
from unet_studio.gui.jobs.proposing import Proposing
from unet_studio.gui.jobs.retraining import Outcome, Retraining
from unet_studio.gui.jobs.tuning import Tuning
from unet_studio.gui.session.session import Session


class Tasks(QObject):
    """One proposing, one retraining, one tuning and one export can run side by side while one paints.

    `seen` says which part of the open plane is on the screen just now; it is proposed first.
    """

    began = Signal(object)  # Activity
    busy_changed = Signal()
    notice = Signal(object)  # Notice
    retrained = Signal(object)  # Outcome

    def __init__(
        self, session: Session, background: Background, seen: Callable[[], Box], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.proposing = Proposing(self)
        self.retraining = Retraining(self)
        self.tuning = Tuning(background, self)
        self.exporting = Exporting(self)
        self._session = session
        self._background = background
        self._seen = seen
        self._activities: list[Activity] = []
        for task in (self.proposing, self.retraining, self.tuning, self.exporting):
            task.began.connect(self._on_began)
            task.notice.connect(self.notice)
        self._arrivals = Arrivals(session, self.proposing, self)
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

    def start_model(self) -> ModelCard | None:
        """What a retraining starts from: the active model, if it tells the project's classes apart."""
        card, workspace = self._session.models.active(), self._session.workspace
        if card is None or workspace is None or [c.name for c in card.classes] != [c.name for c in workspace.classes]:
            return None
        return card

    def retrain(self) -> None:
        """Retrain the active model on all labels, or train a first one from scratch."""
        if self.retraining.is_busy:
            return
        workspace = self._session.workspace
        if workspace is None:
            return
        card, start = self._session.models.active(), self.start_model()
        if card is not None and start is None:
            text = self.tr("The model '{0}' has other classes than this project, so a new network starts from scratch.")
            self.notice.emit(Notice(text.format(card.title), NoticeKind.INFO))
        model = start.id if start else ""
        self._session.finish_tool()
        if not workspace.read_only:
            self._retrain_when_saved(workspace, model)

    def tune(self, operation: str, class_index: int | None) -> None:
        """Find the numbers of the watershed `operation` for a class (None: every class) on what is reviewed."""
        workspace = self._session.workspace
        if workspace is None:
            return
        if workspace.read_only:
            self.notice.emit(Notice(workspace.read_only, NoticeKind.WARNING))
            return
        self._session.finish_tool()
        self.tuning.tune(workspace, operation, class_index)

    def export(self, request: ExportRequest) -> None:
        if self._session.workspace is not None:
            self._session.finish_tool()
            self.exporting.export(self._session.workspace, request)

    def cancel(self) -> None:
        """Ask everything that runs to end."""
        for activity in list(self._activities):
            activity.cancel()

    def stop(self) -> None:
        """End everything now, because the window or the folder closes."""
        self.proposing.stop()
        self.retraining.stop()
        self.tuning.stop()
        self.exporting.stop()

    def _propose(self, planes: Iterable[PlaneId], *, overwrite: bool) -> None:
        workspace = self._session.workspace
        card = self._session.models.active()
        if workspace is None or card is None:
            text = self.tr("There is no model to propose with. Choose one under Propose, or retrain from scratch.")
            self.notice.emit(Notice(text, NoticeKind.WARNING))
            return
        plane = self._session.plane
        view = (plane.id, self._seen()) if plane is not None else None
        flips = settings.proposes_with_flips()
        self.proposing.propose(workspace, card.id, list(planes), overwrite=overwrite, view=view, flips=flips)

    def _retrain_when_saved(self, workspace: Workspace, model: str) -> None:
        """Retrain once every stroke is on the disk and the hold-out is chosen."""

        def work() -> None:
            unsaved = "The last strokes are not written yet; retrain again when they are saved."
            with workspace.saved_project(unsaved) as project:
                project.add_hold_out(extend_hold_out(project.labelled_planes(), project.hold_out()))

        def saved(_: None) -> None:
            if self._session.workspace is workspace:
                self.retraining.retrain(workspace, model)

        self._background.run("preparing a retraining", work, saved, failed=self._session.tell)

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
        if outcome.preferred:
            self._session.models.use(outcome.model)
            self.propose_open_slide()
        self.retrained.emit(outcome)
