"""Lasso, polygon and edge-following lasso: an outline is drawn, and what it encloses becomes an edit."""

import math

import numpy as np

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.live_wire import LiveWire
from unet_studio.core.editing.polygons import polygon_region
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.strokes import Point
from unet_studio.core.tiles import Box
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.tools.tool import NOTHING, CanvasTool, Pointer, Preview

_NEAR = 8.0
"""A click this near the first anchor, in window pixels, closes the outline."""
_APART = 1.0
"""Points of a lasso are at least this far apart, in window pixels."""


class Outline(CanvasTool):
    """An outline under way: its plane, its points, and where it began."""

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._plane: OpenPlane | None = None
        self._began: Pointer | None = None
        self._points: list[Point] = []

    @property
    def is_under_way(self) -> bool:
        return self._began is not None

    def finish(self) -> None:
        plane, began, points = self._plane, self._began, self._points
        self.cancel()
        if began is not None and plane is not None and len(points) > 2:
            self.enclose(plane, polygon_region(points, plane.shape), began)

    def cancel(self) -> None:
        self._plane, self._began, self._points = None, None, []
        self.previewed.emit(NOTHING)

    def enclose(self, plane: OpenPlane, region: Region, began: Pointer) -> None:
        """What is done with an enclosed region; `began` is the pointer at its first point."""
        self._painting.paint(plane, region, self.painted(alt=began.alt), self.tr("outline"))

    def _begin(self, at: Pointer) -> bool:
        self._plane = self._painting.plane()
        if self._plane is None:
            return False
        self._began, self._points = at, [at.point]
        return True


class Lasso(Outline):
    """Encloses what the pointer is dragged around."""

    def press(self, at: Pointer) -> None:
        self.cancel()
        self._begin(at)

    def drag(self, at: Pointer) -> None:
        if self._began is not None and _distance(self._points[-1], at.point) * at.zoom >= _APART:
            self._points.append(at.point)
            self.previewed.emit(Preview(tuple(self._points), closed=True))

    def release(self, at: Pointer) -> None:
        self.finish()


class Accept(Lasso):
    """Makes labels of what the proposal says inside."""

    def __init__(self, painting: Painting, accepting: Accepting) -> None:
        super().__init__(painting)
        self._accepting = accepting

    def painted(self, *, alt: bool) -> int:
        return UNLABELLED  # no class of its own

    def enclose(self, plane: OpenPlane, region: Region, began: Pointer) -> None:
        session = self._painting.session
        if session.plane is not None and session.plane.id == plane.id:
            self._accepting.accept_region(region)


class Polygon(Outline):
    """Encloses what is between its corners: each press sets one; the first one again, or a double click, closes."""

    is_held = False

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._anchors: list[int] = []  # index of each corner in the points

    def press(self, at: Pointer) -> None:
        if self._began is None:
            if self._begin(at):
                self._anchors = [0]
                self.begin_leg(at)
        elif len(self._anchors) > 1 and _distance(self._points[0], at.point) * at.zoom <= _NEAR:
            self._points += self.leg(at.point)[1:]
            self.finish()
            return
        elif at.point != self._points[-1]:
            self._points += self.leg(at.point)[1:]
            self._anchors.append(len(self._points) - 1)
            self.begin_leg(at)
        self.hover(at)

    def drag(self, at: Pointer) -> None:
        self.hover(at)

    def hover(self, at: Pointer) -> None:
        if self._began is not None:
            anchors = tuple(self._points[i] for i in self._anchors)
            self.previewed.emit(Preview((*self._points, *self.leg(at.point)[1:]), closed=True, anchors=anchors))

    def double_click(self, at: Pointer) -> None:
        self.finish()

    def step_back(self) -> None:
        if len(self._anchors) < 2:
            self.cancel()
            return
        self._anchors.pop()
        del self._points[self._anchors[-1] + 1 :]
        last = self._points[-1]
        assert self._began is not None
        self.begin_leg(Pointer(*last, zoom=self._began.zoom))
        self.hover(Pointer(*last, zoom=self._began.zoom))

    def leg(self, end: Point) -> list[Point]:
        """The points from the last corner to `end`, both included."""
        return [self._points[-1], end]

    def begin_leg(self, at: Pointer) -> None:
        """A corner was set: the next leg starts there."""


class EdgeLasso(Polygon):
    """A polygon whose legs follow the edges of the slide (intelligent scissors)."""

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._wire: LiveWire | None = None

    def begin_leg(self, at: Pointer) -> None:
        plane = self._plane
        assert plane is not None
        half = LiveWire.SIDE // 2
        corner = (int(np.clip(at.y - half, 0, plane.shape[0])), int(np.clip(at.x - half, 0, plane.shape[1])))
        box = Box(*corner, corner[0] + 2 * half, corner[1] + 2 * half).intersect(Box.of_shape(plane.shape))
        self._wire = None
        if not box.is_empty:
            self._wire = LiveWire(plane.reader.read(plane.id.plane, box), box)
            self._wire.anchor(at.point)

    def leg(self, end: Point) -> list[Point]:
        return self._wire.path_to(end) if self._wire is not None else super().leg(end)


def _distance(first: Point, second: Point) -> float:
    return math.hypot(first[0] - second[0], first[1] - second[1])
