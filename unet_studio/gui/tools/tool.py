"""What every tool of the canvas offers: it takes the pointer, shows what it is about to do, and ends in an edit."""

from dataclasses import dataclass, field
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.strokes import Point
from unet_studio.gui.session.painting import Painting


class Tool(StrEnum):
    """What the left button does; the names are those of the actions that choose them."""

    MOVE = "move"
    BRUSH = "brush"
    SMART_BRUSH = "smart_brush"
    ERASER = "eraser"
    FILL = "fill"
    WAND = "wand"
    LASSO = "lasso"
    POLYGON = "polygon"
    EDGE_LASSO = "edge_lasso"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Mouse, pen or keyboard over the canvas, at (y, x) in pixels of the plane; it may be beside the plane.

    `pressure` is a pen's, 0…1; everything else presses fully. `zoom` is window pixels for each pixel of the plane.
    """

    y: float
    x: float
    shift: bool = False
    alt: bool = False
    pressure: float = 1.0
    zoom: float = 1.0

    @property
    def point(self) -> Point:
        return self.y, self.x


@dataclass(frozen=True, slots=True)
class Preview:
    """What a tool is about to do, drawn over the slide: a path with its anchors, a region, and a word beside them."""

    path: tuple[Point, ...] = ()
    closed: bool = False
    anchors: tuple[Point, ...] = ()
    region: Region | None = None
    text: str = field(default="", kw_only=True)


NOTHING = Preview()


class CanvasTool(QObject):
    """A tool; it need answer only to what concerns it. Only one is in use at a time.

    Between `press` and `release` comes any number of `drag`; `hover` comes while nothing is pressed. What is under way
    can always be ended by `finish`, which makes an edit of it, or given up by `cancel`, which changes nothing. The edit
    is one of the plane that was pressed, also where another one has come up since.
    """

    previewed = Signal(object)  # Preview
    shows_ring = False
    """Whether the brush's size is shown around the pointer."""
    is_held = True
    """Whether something happens between `press` and `release`; else a press is all there is to it."""

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._painting = painting

    def painted(self, *, alt: bool) -> int:
        """The class that a press would paint now, with Alt or without, or `UNLABELLED`."""
        return BACKGROUND if alt else self._painting.active_class

    def press(self, at: Pointer) -> None:
        """The left button or the pen went down."""

    def drag(self, at: Pointer) -> None:
        """The pointer moved while pressed."""

    def hover(self, at: Pointer) -> None:
        """The pointer moved, not pressed."""

    def release(self, at: Pointer) -> None:
        """The button or the pen went up."""

    def double_click(self, at: Pointer) -> None:
        """The left button was pressed twice; the first press has been told already."""

    @property
    def is_under_way(self) -> bool:
        """Whether there is something that `finish` would make an edit of."""
        return False

    def finish(self) -> None:
        """End what is under way as an edit."""

    def cancel(self) -> None:
        """Give up what is under way."""

    def step_back(self) -> None:
        """Take back the last part of what is under way."""
