"""Proposing from the window: one warm worker, one activity at a time."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.worker_job import WorkerJob
from unet_studio.protocol.values import Event, PartProposed, PlaneProposed, ProposeJob, Result, SlideFailed, View


class Proposing(WorkerJob):
    """Asks the worker for proposals and tells of each that arrives, and of what comes first of a large one."""

    in_view = Signal(object, str)  # PlaneId, model: of its proposal there is more than before, but not all
    proposed = Signal(object, str)  # PlaneId, model
    slide_failed = Signal(str, str)  # slide, reason

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent=parent)
        self._failures: list[str] = []
        self._title = ""
        self._following: Callable[[], None] | None = None
        self._ahead: dict[int, bool] = {}  # the requests that nobody waits for, and whether each gives way
        self._may_go_ahead = True

    def propose(
        self,
        workspace: Workspace,
        model: str,
        planes: Sequence[PlaneId],
        *,
        overwrite: bool,
        view: tuple[PlaneId, Box] | None = None,
        flips: bool = False,
    ) -> None:
        """Have the worker propose these planes; plane -1 stands for all planes of a slide.

        `view` is what a person looks at, a box on a plane; where that pays it comes first. With `flips` the network
        sees everything in eight orientations.
        """
        if self.is_busy or not planes:
            return
        self._failures.clear()
        self._may_go_ahead = True
        self._give_way()
        job = ProposeJob(
            str(workspace.folder),
            str(workspace.place),
            model,
            tuple((plane.slide, plane.plane) for plane in planes),
            overwrite,
            _view_of(*view) if view is not None else None,
            flips,
        )
        count = self.tr("%n slide(s)", "", len(planes))
        self._title = self.tr("Proposing {0}").format(count)
        self._begin(job, self._title)

    def propose_ahead(self, workspace: Workspace, model: str, planes: Sequence[PlaneId], *, flips: bool) -> None:
        """Propose planes that nobody asked for yet; anything that someone asks for comes first.

        Nothing is shown of it, and where it fails nothing more is proposed ahead until someone asks for a proposal.
        """
        if self.is_busy or self._ahead or not planes or not self._may_go_ahead:
            return
        pairs = tuple((plane.slide, plane.plane) for plane in planes)
        job = ProposeJob(str(workspace.folder), str(workspace.place), model, pairs, flips=flips)
        self._ahead[self.worker.request(job)] = False

    def follow_with(self, propose: Callable[[], None]) -> None:
        """Propose something else: at once, or as soon as what is under way has been stopped."""
        if not self.is_busy:
            propose()
            return
        self._following = propose
        self.cancel()

    def stop(self) -> None:
        self._following = None
        self._ahead.clear()
        super().stop()

    def _give_way(self) -> None:
        """End what is proposed ahead; the worker turns to the next request as soon as it looks up."""
        for ahead in [request for request, gives_way in self._ahead.items() if not gives_way]:
            self._ahead[ahead] = True
            self.worker.cancel(ahead)

    def _on_event(self, request: int, event: Event) -> None:
        match event:
            case PartProposed(slide, plane, model):
                self._rename(self.tr("What is in view is proposed, the rest follows"))
                self.in_view.emit(PlaneId(slide, plane), model)
            case PlaneProposed(slide, plane, model):
                if request not in self._ahead:
                    self._rename(self._title)
                self.proposed.emit(PlaneId(slide, plane), model)
            case SlideFailed() if request in self._ahead:
                pass  # it is told when someone asks for it
            case SlideFailed(slide, reason):
                self._failures.append(reason)
                self._rename(self._title)
                self.slide_failed.emit(slide, reason)

    def _on_progress(self, request: int, done: float, text: str) -> None:
        if request not in self._ahead:
            super()._on_progress(request, done, text)

    def _on_finished(self, request: int, result: Result) -> None:
        if request in self._ahead:
            del self._ahead[request]
            return
        self._end()
        self._tell_failures()
        self._go_on()

    def _on_stopped(self, request: int, sentence: str) -> None:
        if request in self._ahead:
            del self._ahead[request]
            return
        if self._following is None:
            super()._on_stopped(request, sentence)
        else:  # nobody asked for the end of it
            self._end()
        self._tell_failures()
        self._go_on()

    def _on_failed(self, request: int, sentence: str) -> None:
        if request in self._ahead:
            del self._ahead[request]
            self._may_go_ahead = False
            return
        super()._on_failed(request, sentence)
        self._go_on()

    def _tell_failures(self) -> None:
        if self._failures:
            text = self.tr("%n slide(s) could not be proposed; the others are done.", "", len(self._failures))
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=tuple(self._failures)))

    def _go_on(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following()


def _view_of(plane: PlaneId, box: Box) -> View:
    return View(plane.slide, plane.plane, box.y0, box.x0, box.y1, box.x1)
