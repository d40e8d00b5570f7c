"""The review queue: which plane is opened after this one, and what is made ready for it meanwhile."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import QObject

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.scoring.next_plane import Order
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui import settings
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.session.session import Session
from unet_studio.gui.slide_list.slide_list import SlideListPanel

_AHEAD = 2


class ReviewQueue(QObject):
    """Goes from slide to slide: along the list, or by another order among what nobody labelled.

    What comes next is read and proposed ahead, so that it is there at once with its mask.
    """

    def __init__(self, session: Session, slides: SlideListPanel, tasks: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._slides = slides
        self._tasks = tasks
        self._order = settings.next_order()
        self._passed: set[PlaneId] = set()  # next led away from them
        self._trail: list[PlaneId] = []  # the way back
        self._upcoming: tuple[PlaneId, ...] = ()
        tasks.next_plane.found.connect(self._open_found)
        tasks.next_plane.ready.connect(self._make_ready)
        tasks.busy_changed.connect(self._propose_ahead)

    @property
    def order(self) -> Order:
        """What "next" follows."""
        return self._order

    def follow(self, order: Order) -> None:
        """Have "next" follow another order from now on, also when the program is started again."""
        self._order = order
        settings.remember_next_order(order)
        self.look_ahead()

    def begin(self, _: Workspace) -> None:
        """Another folder is open: nothing of the one before counts."""
        self._passed.clear()
        self._trail.clear()
        self._upcoming = ()

    def open_slide(self, slide: str) -> None:
        """Open the first plane of a slide."""
        self._session.open_plane(PlaneId(slide))

    def open_plane(self, plane: PlaneId) -> None:
        """Open a plane that was found for the person, and go to its slide in the list."""
        self._slides.select(plane.slide)
        self._session.open_plane(plane)

    def next(self) -> bool:
        """Open what comes next, as soon as that is known; False where the list ends here."""
        if self._order is not Order.FOLDER:
            self.find(self._order)
            return True
        following = self._slides.following(1)
        for slide in following:
            self.open_plane(PlaneId(slide))
        return bool(following)

    def previous(self) -> None:
        """Go back the way one came or, along the list, to the slide above; at its start nothing happens."""
        slide = self._slides.previous_slide()
        if self._trail and self._order is not Order.FOLDER:
            self.open_plane(self._trail.pop())
        elif slide is not None:
            self.open_plane(PlaneId(slide))

    def find(self, order: Order) -> None:
        """Open the plane that comes next in an order among those that nobody labelled, once it is found."""
        workspace = self._session.workspace
        if workspace is not None:
            self._tasks.next_plane.find(workspace, order, done=self._done(workspace), passed=self._passed)

    def look_ahead(self) -> None:
        """Have what is likely to be opened next made ready."""
        workspace = self._session.workspace
        if workspace is None or self._session.plane is None:
            return
        if self._order is Order.FOLDER:
            following, before = self._slides.following(_AHEAD), self._slides.previous_slide()
            self._upcoming = tuple(PlaneId(slide) for slide in following)
            self._session.read_ahead([*following[:1], *([before] if before is not None else [])])
            self._propose_ahead()
        else:
            self._tasks.next_plane.look_ahead(workspace, self._order, done=self._done(workspace), passed=self._passed)

    def _done(self, workspace: Workspace) -> Collection[PlaneId]:
        """What needn't come up: what is labelled, and what is open."""
        return {*workspace.states, *([self._session.plane.id] if self._session.plane is not None else ())}

    def _open_found(self, plane: PlaneId) -> None:
        if plane in self._passed:
            self._passed.clear()  # all came up: once more from the beginning
        if self._session.plane is not None:
            self._trail.append(self._session.plane.id)
            self._passed.add(self._session.plane.id)
        self.open_plane(plane)

    def _make_ready(self, planes: Sequence[PlaneId]) -> None:
        self._upcoming = tuple(planes)
        self._session.read_ahead([plane.slide for plane in planes[:1]])
        self._propose_ahead()

    def _propose_ahead(self) -> None:
        self._tasks.propose_ahead(self._upcoming)
