"""The figures that slides are sorted by, worked out in the background and kept up to date."""

from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer, Signal

from unet_studio.core.scoring.plane_figures import PlaneFigures, figures_by_slide
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.session import Session
from unet_studio.protocol.values import Progress
from unet_studio.usecases.reviewing.plane_figures import measure_planes

_PAUSE_MS = 2000
"""A person who paints or leafs through slides isn't slowed down; nobody reads figures meanwhile."""

_PATIENCE_MS = 300
"""What takes longer is shown as an activity."""


class Figures(ThreadJob):
    """Measures all proposals once they are there, and again those of slides that change.

    Only the first time, and after another model or threshold, does it take long enough to be shown as an activity.
    """

    measured = Signal(object, bool)  # PlaneFigures by slide, whether of all slides

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._stale: set[str] | None = set()  # slides; None for all
        self._made_for: tuple[str, float] | None = None  # model and threshold
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._measure)
        session.workspace_opened.connect(self._begin_anew)
        session.workspace_closed.connect(self.stop)
        session.changed.connect(self._follow)

    def stop(self) -> None:
        self._pause.stop()
        self._stale = set()
        super().stop()

    def _begin_anew(self, _: Workspace) -> None:
        self._made_for, self._stale = None, None
        self._pause.start()

    def _follow(self, changes: Changes) -> None:
        workspace = self._session.workspace
        if workspace is None:
            return
        if self._made_for is not None and self._made_for != (workspace.active_model, workspace.threshold):
            self._stale = None
        elif self._stale is not None:
            self._stale |= changes.slides
        if self._stale is None or self._stale:
            self._pause.start()

    def _measure(self) -> None:
        workspace = self._session.workspace
        if workspace is None:
            return
        if self.is_busy:
            self._pause.start()
            return
        stale, self._stale = self._stale, set()
        self._made_for = workspace.active_model, workspace.threshold
        unsaved = self.tr("The last strokes are not written yet, so the slides can't be sorted by what they say.")

        def work(progress: Progress) -> Mapping[str, PlaneFigures]:
            with workspace.saved_project(unsaved) as project:
                found = figures_by_slide(measure_planes(project, slides=stale, progress=progress))
            gone = {} if stale is None else {slide: PlaneFigures() for slide in stale}
            return {**gone, **found}

        def take(found: Mapping[str, PlaneFigures]) -> None:
            self.measured.emit(found, stale is None)

        self._run(
            self.tr("Comparing the proposals"), work, take, shown_after_ms=_PATIENCE_MS if stale is None else None
        )
