"""From one doubtful place to the next: those that nobody looked at, on this slide and then on the others."""

from collections.abc import Sequence

from PySide6.QtCore import QObject

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.scoring.uncertainty import PLACE
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.looking import Looking
from unet_studio.gui.controllers.review_queue import ReviewQueue
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session


class Doubts(QObject):
    """Knows which places a person looked at since the folder was opened, and goes to places of any plane."""

    def __init__(self, session: Session, tasks: Jobs, queue: ReviewQueue, canvas: Canvas, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._tasks = tasks
        self._queue = queue
        self._canvas = canvas
        self._seen: dict[PlaneId, frozenset[Cell]] = {}
        self._target: tuple[PlaneId, Box] | None = None  # where to go as soon as the plane is there
        Looking(canvas).looked_at.connect(self._remember)
        tasks.doubtful_places.found.connect(self._go_to_place)

    def begin(self, _: Workspace) -> None:
        """Another folder is open, of which nobody looked at anything yet."""
        self._seen.clear()
        self._target = None

    def go_on(self) -> None:
        """Go to the most doubtful place that is neither labelled nor looked at."""
        workspace = self._session.workspace
        if workspace is not None:
            self._tasks.doubtful_places.find(workspace, self._planes(workspace), dict(self._seen))

    def show(self, plane: PlaneId, box: Box) -> None:
        """Go to a box of a plane, which is opened first where it isn't."""
        if self._session.plane is not None and self._session.plane.id == plane:
            self._canvas.show_place(box)
        else:
            self._target = plane, box
            self._queue.open_plane(plane)

    def arrive(self, plane: OpenPlane) -> None:
        """A plane was opened, perhaps the one that was waited for."""
        target, self._target = self._target, None
        if target is not None and target[0] == plane.id:
            self._canvas.show_place(target[1])

    def _planes(self, workspace: Workspace) -> Sequence[PlaneId]:
        """All proposed planes, the open one first, then those after it in the folder and at last those before it."""
        order = {slide: number for number, slide in enumerate(workspace.slides)}
        planes = sorted((p for p in workspace.proposed if p.slide in order), key=lambda p: (order[p.slide], p.plane))
        current = self._session.plane.id if self._session.plane is not None else PlaneId(workspace.slides[0])
        here = (order.get(current.slide, 0), current.plane)
        return sorted(planes, key=lambda p: (order[p.slide], p.plane) < here)

    def _go_to_place(self, plane: PlaneId, place: Cell) -> None:
        self._seen[plane] = self._seen.get(plane, frozenset()) | {place}
        self.show(plane, tile_box(place, PLACE))

    def _remember(self, box: Box) -> None:
        """What is in view is looked at; of a place that is so in part, if its middle is."""
        plane = self._session.plane
        if plane is None:
            return
        whole = Box.of_shape(plane.shape)
        seen = set()
        for place in cells_over(box, PLACE):
            part = tile_box(place, PLACE).intersect(whole)
            middle = (part.y0 + part.y1) // 2, (part.x0 + part.x1) // 2
            if box.y0 <= middle[0] < box.y1 and box.x0 <= middle[1] < box.x1:
                seen.add(place)
        self._seen[plane.id] = self._seen.get(plane.id, frozenset()) | seen
