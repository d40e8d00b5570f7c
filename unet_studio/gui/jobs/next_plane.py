"""Finding the plane to open next, from the window: ahead of time, while one goes on painting."""

from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import Order
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress
from unet_studio.usecases.reviewing.next_plane import Descriptors, next_plane_in_order

_AHEAD = 2


class NextPlane(ThreadJob):
    """Finds the planes that come next in an order, the same that the simulated annotator would take up.

    What is `done` doesn't come up; what was `passed` over comes up again once nothing else is left.
    """

    found = Signal(object)  # PlaneId that was asked for
    ready = Signal(object)  # tuple of PlaneId that are likely to be asked for

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._descriptors: Descriptors = {}
        self._searched: object = None  # what the planes below were found by, or are being looked for
        self._upcoming: tuple[PlaneId, ...] = ()
        self.is_wanted = False
        """Whether a person waits for it."""

    def find(
        self, workspace: Workspace, order: Order, *, done: Collection[PlaneId], passed: Collection[PlaneId] = ()
    ) -> None:
        """Find the next plane: at once where it was looked for ahead."""
        if self.is_wanted:
            return
        is_same = self._searched == (workspace.folder, order, workspace.active_model)
        if is_same and self.is_busy:
            self.is_wanted = True
            self._tell_begun()
            return
        ahead = [plane for plane in self._upcoming if plane not in done] if is_same else []
        if ahead:
            self.found.emit(ahead[0])
        else:
            self._search(workspace, order, done, passed, is_wanted=True)

    def look_ahead(
        self, workspace: Workspace, order: Order, *, done: Collection[PlaneId], passed: Collection[PlaneId] = ()
    ) -> None:
        """Find the next planes quietly, before anyone asks for them."""
        if not self.is_wanted:
            self._search(workspace, order, done, passed, is_wanted=False)

    def stop(self) -> None:
        self.is_wanted = False
        self._searched, self._upcoming = None, ()
        super().stop()

    def _search(
        self,
        workspace: Workspace,
        order: Order,
        done: Collection[PlaneId],
        passed: Collection[PlaneId],
        *,
        is_wanted: bool,
    ) -> None:
        self.stop()
        if workspace.folder != self._folder:
            self._folder, self._descriptors = workspace.folder, {}
        self._searched, self.is_wanted = (workspace.folder, order, workspace.active_model), is_wanted
        slides, labelled, descriptors = workspace.slides, frozenset(done), self._descriptors
        avoided = labelled | frozenset(passed)

        def work(progress: Progress) -> tuple[PlaneId, ...]:
            found: list[PlaneId] = []
            with Project.open(workspace.folder, place=workspace.place) as project:
                while len(found) < (1 if is_wanted else _AHEAD):
                    for without in (avoided, labelled):
                        plane = next_plane_in_order(
                            project, slides, order=order, done=without.union(found), descriptors=descriptors,
                            progress=progress,
                        )  # fmt: skip
                        if plane is not None:
                            break
                    else:
                        break
                    found.append(plane)
            return tuple(found)

        titles = {
            Order.TEACHES_MOST: self.tr("Looking for the slide that teaches most"),
            Order.CHANGED: self.tr("Looking for the slide that changed most"),
        }
        title = titles.get(order, self.tr("Looking for the next slide"))
        self._run(title, work, self._on_found, shown_after_ms=0 if is_wanted else None)

    def _on_found(self, planes: tuple[PlaneId, ...]) -> None:
        self._upcoming = planes
        if not self.is_wanted:
            self.ready.emit(planes)
            return
        self.is_wanted = False
        if planes:
            self.found.emit(planes[0])
        else:
            self.notice.emit(Notice(self.tr("Every slide is labelled already.")))

    def _on_failed(self, error: BaseException) -> None:
        self.is_wanted = False
        self._searched = None
