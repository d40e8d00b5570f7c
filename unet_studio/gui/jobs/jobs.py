"""Jobs: what the machine does for the person (propose, retrain, tune, export), and what follows when one ends."""

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from unet_studio.core.exchange.exporting import ExportRequest
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.scoring.lesson import check_can_learn
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui import settings
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.advising import Advising
from unet_studio.gui.jobs.comparing import Comparing
from unet_studio.gui.jobs.doubtful_places import DoubtfulPlaces
from unet_studio.gui.jobs.error_finding import ErrorFinding
from unet_studio.gui.jobs.exporting import Exporting
from unet_studio.gui.jobs.figures import Figures
from unet_studio.gui.jobs.incoming_proposals import IncomingProposals
from unet_studio.gui.jobs.next_plane import NextPlane
from unet_studio.gui.jobs.proposing import Proposing
from unet_studio.gui.jobs.reporting import Reporting
from unet_studio.gui.jobs.retraining import Retraining
from unet_studio.gui.jobs.tuning import Tuning
from unet_studio.gui.session.session import Session
from unet_studio.protocol.values import Retrained

_LARGEST_AHEAD = 4096 * 4096
"""Pixels of a plane: larger ones take so long that they are proposed when someone asks for it."""
_NOT_WRITTEN = "The last strokes are not written yet; retrain again when they are saved."


class Jobs(QObject):
    """One of each kind can run beside the others, while one paints.

    Proposing, retraining, comparing models, tuning, advising, exporting; measuring what slides are sorted by; the
    search for the plane to label next, for doubtful places and for the model's errors.

    `seen` says which part of the open plane is on the screen just now; it is proposed first.
    """

    began = Signal(object)  # Activity
    busy_changed = Signal()
    notice = Signal(object)  # Notice
    retrained = Signal(object)  # Judgement

    def __init__(
        self, session: Session, background: Background, seen: Callable[[], Box], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.proposing = Proposing(self)
        self.retraining = Retraining(self)
        self.comparing = Comparing(self)
        self.tuning = Tuning(self)
        self.advising = Advising(self)
        self.exporting = Exporting(self)
        self.reporting = Reporting(self)
        self.next_plane = NextPlane(self)
        self.figures = Figures(session, self)
        self.doubtful_places = DoubtfulPlaces(self)
        self.error_finding = ErrorFinding(self)
        self._session = session
        self._background = background
        self._seen = seen
        self._activities: list[Activity] = []
        self._all = (
            self.proposing, self.retraining, self.comparing, self.tuning, self.advising, self.exporting,
            self.reporting, self.next_plane, self.figures, self.doubtful_places, self.error_finding,
        )  # fmt: skip
        for job in self._all:
            job.began.connect(self._on_began)
            job.notice.connect(self.notice)
        self._incoming = IncomingProposals(session, self.proposing, self)
        self._is_proposing_all = False
        self.last_trained = ""
        """Id of the model that was trained last, in use or not; empty where none was since the folder was opened."""
        self.retraining.finished.connect(self._on_retrained)

    @property
    def is_busy(self) -> bool:
        return bool(self._activities)

    def propose_open_slide(self) -> None:
        """Propose all planes of the slide on the canvas, also where there is a proposal."""
        if self._session.plane is not None and not self.proposing.is_busy:
            self._is_proposing_all = False
            self._propose([PlaneId(self._session.plane.id.slide, -1)], overwrite=True)

    def propose_all(self) -> None:
        """Propose every slide that the active model has no proposal for; the open slide comes first."""
        workspace = self._session.workspace
        if workspace is None or self.proposing.is_busy:
            return
        self._is_proposing_all = True
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

    def train_longer(self) -> None:
        """Go on from the model that was trained last, in use or not, on the labels that there are now.

        The new one is compared with the active model all the same: it would take the place of that.
        """
        workspace = self._session.workspace
        if workspace is None or workspace.read_only or self.retraining.is_busy or not self.last_trained:
            return
        self._session.finish_tool()
        self._retrain_when_saved(workspace, self.last_trained)

    def resume(self) -> None:
        """Go on with the training that was interrupted last, on the labels that there are now."""
        workspace = self._session.workspace
        if workspace is None or workspace.read_only or self.retraining.is_busy:
            return
        self._session.finish_tool()
        self._when_saved(workspace, _NOT_WRITTEN, lambda: self.retraining.resume(workspace))

    def use_after_all(self, model: str) -> None:
        """Use a model that the gate didn't let in, and propose the open slide by it."""
        workspace = self._session.workspace
        self._session.models.use(model)
        if workspace is not None and workspace.active_model == model:
            self.proposing.follow_with(self.propose_open_slide)

    def compare_models(self, before: str, after: str) -> None:
        """Compare two models on the labels as they are now."""
        workspace = self._session.workspace
        if workspace is None or self.comparing.is_busy:
            return
        self._session.finish_tool()
        unsaved = self.tr("The last strokes are not written yet; compare again when they are saved.")
        self._when_saved(workspace, unsaved, lambda: self.comparing.compare(workspace, before, after))

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

    def advise(self) -> None:
        """Look for the clean-up that would have saved most of the corrections."""
        if self._session.workspace is not None:
            self._session.finish_tool()
            self.advising.advise(self._session.workspace)

    def export(self, request: ExportRequest) -> None:
        if self._session.workspace is not None:
            self._session.finish_tool()
            self.exporting.export(self._session.workspace, request)

    def report(self, path: Path) -> None:
        """Write the report of the folder to a file."""
        if self._session.workspace is not None:
            self._session.finish_tool()
            self.reporting.report(self._session.workspace, path)

    def propose_ahead(self, planes: Iterable[PlaneId]) -> None:
        """Have the model propose what will be looked at next, if it is in use: the open slide has a proposal of it."""
        workspace, plane, card = self._session.workspace, self._session.plane, self._session.models.active()
        if workspace is None or workspace.read_only or plane is None or card is None:
            return
        if plane.id not in workspace.proposed or plane.shape[0] * plane.shape[1] > _LARGEST_AHEAD:
            return
        missing = [one for one in planes if one not in workspace.proposed]
        self.proposing.propose_ahead(workspace, card.id, missing, flips=settings.proposes_with_flips())

    def cancel(self) -> None:
        """Ask everything that runs to end."""
        for activity in list(self._activities):
            activity.cancel()

    def stop(self) -> None:
        """End everything now, because the window or the folder closes."""
        self.last_trained = ""
        for job in self._all:
            job.stop()

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

    def _when_saved(self, workspace: Workspace, unsaved: str, then: Callable[[], None]) -> None:
        """Do something once every stroke is on the disk, if the folder is still open; say `unsaved` if that fails."""

        def work() -> None:
            with workspace.saved_project(unsaved):
                pass

        def saved(_: None) -> None:
            if self._session.workspace is workspace:
                then()

        self._background.run("saving what a worker reads", work, saved, failed=self._session.tell)

    def _retrain_when_saved(self, workspace: Workspace, model: str) -> None:
        """Retrain once every stroke is on the disk, if something can be learned; the hold-out is drawn before."""

        def work() -> tuple[frozenset[str], frozenset[str]]:
            with workspace.saved_project(_NOT_WRITTEN) as project:
                check_can_learn(project, has_start=bool(model))
            workspace.judging.draw_hold_out()
            with workspace.saved_project(_NOT_WRITTEN) as project:
                return project.hold_out(), project.learned() or frozenset()

        def saved(drawn: tuple[frozenset[str], frozenset[str]]) -> None:
            if self._session.workspace is workspace:
                self._session.take_hold_out(*drawn)
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

    def _on_retrained(self, retrained: Retrained) -> None:
        self.last_trained = retrained.model
        judgement = self._adopt(retrained)
        if judgement.is_adopted:
            # What is under way is of the model before, and would not be shown.
            propose = self.propose_all if self._is_proposing_all and self.proposing.is_busy else self.propose_open_slide
            self.proposing.follow_with(propose)
        self.retrained.emit(judgement)

    def _adopt(self, retrained: Retrained) -> Judgement:
        """Use a new model where the gate lets it; says whether it is in use, and why."""
        workspace, rival = self._session.workspace, self.start_model()
        unusable = Judgement(Verdict.NOT_USABLE, False, retrained.model)
        if workspace is None:
            return unusable
        classes = [label.name for label in workspace.classes]
        judgement = judge_model(
            retrained, classes=classes, rival=rival.id if rival else "", rule=workspace.judging.too_close
        )
        if judgement.is_adopted:
            self._session.models.use(retrained.model)
            if workspace.active_model != retrained.model:
                return unusable
        return judgement
