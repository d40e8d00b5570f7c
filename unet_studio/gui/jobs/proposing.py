"""Proposing from the window: one warm worker, one activity at a time."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.worker_task import WorkerTask
from unet_studio.worker.protocol import ProposeJob


class Proposing(WorkerTask):
    """Asks the worker for proposals and tells of each that arrives, and of what comes first of a large one."""

    in_view = Signal(object, str)  # PlaneId, model: of its proposal there is more than before, but not all
    proposed = Signal(object, str)  # PlaneId, model
    slide_failed = Signal(str, str)  # slide, reason

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent=parent)
        self._failures: list[str] = []
        self._title = ""

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
        job = ProposeJob(
            str(workspace.folder),
            str(workspace.place),
            model,
            [[p.slide, p.plane] for p in planes],
            overwrite,
            _in_words(*view) if view is not None else [],
            flips,
        )
        count = self.tr("%n slide(s)", "", len(planes))
        self._title = self.tr("Proposing {0}").format(count)
        self._begin(job, self._title)

    def _on_event(self, request: int, name: str, details: dict[str, Any]) -> None:
        if name == "in-view":
            self._rename(self.tr("What is in view is proposed, the rest follows"))
            self.in_view.emit(PlaneId(details["slide"], details["plane"]), details["model"])
        elif name == "proposed":
            self._rename(self._title)
            self.proposed.emit(PlaneId(details["slide"], details.get("plane", 0)), details["model"])
        elif name == "failed":
            self._failures.append(details["reason"])
            self._rename(self._title)
            self.slide_failed.emit(details["slide"], details["reason"])

    def _on_finished(self, request: int, result: dict[str, Any]) -> None:
        self._end()
        if result.get("cancelled"):
            self.notice.emit(Notice(result["message"], NoticeKind.INFO))
        if self._failures:
            text = self.tr("%n slide(s) could not be proposed; the others are done.", "", len(self._failures))
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=tuple(self._failures)))

    def _rename(self, title: str) -> None:
        activity = self._activity
        if activity is not None and activity.title != title:
            activity.title = title
            activity.advance(activity.done, activity.detail)


def _in_words(plane: PlaneId, box: Box) -> list[str | int]:
    return [plane.slide, plane.plane, box.y0, box.x0, box.y1, box.x1]
