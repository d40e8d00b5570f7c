"""Simulated painting: strokes planned from the true mask, each with the time that a person takes for it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import lay_over
from unet_studio.core.tiles import Box
from unet_studio.simulation.strokes import PlannedStroke, adds, first_strokes, plan_stroke, through_background

_SMALLEST = 1
_MOST_STROKES = 5000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a person works, as in the published simulation of corrective annotation with RootPainter."""

    speed: float = 400.0  # px of a stroke a second
    stroke: float = 1.0  # s to begin each
    slide: float = 3.0  # s to look at each plane
    most: float = 60.0  # s on one plane

    def seconds(self, stroke: PlannedStroke) -> float:
        """What a stroke takes."""
        return self.stroke + sum(math.dist(a, b) for a, b in pairwise(stroke.path)) / self.speed


@dataclass(frozen=True, slots=True)
class TimedEdit:
    """A stroke that was painted, and how many seconds a person needs for it."""

    edit: Edit
    seconds: float


Planner = Callable[[NDArray[np.uint8]], PlannedStroke | None]
"""Plans the next stroke for labels (h, w) as they are now; None where all is done."""


def correct(
    labels: LabelPlane,
    plane: PlaneId,
    cleaned: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    *,
    smallest: int = _SMALLEST,
    most: int = _MOST_STROKES,
) -> Iterator[Edit]:
    """Paint strokes until the mask is right but for regions of less than `smallest` pixels, at most `most` strokes.

    `cleaned` is the cleaned-up proposal and `truth` the true classes, both (h, w), 255 where unknown. Each stroke
    covers the largest region that is wrong now, and never a pixel whose true class is another. It is in `labels` when
    its edit is yielded.
    """
    planner = plan_corrections(cleaned, truth, smallest=smallest)
    for timed in islice(paint(labels, plane, planner, state=PlaneState.PROPOSED), most):
        yield timed.edit


def paint(
    labels: LabelPlane,
    plane: PlaneId,
    planner: Planner,
    *,
    state: PlaneState,
    pace: Pace | None = None,
    seconds: float = math.inf,
) -> Iterator[TimedEdit]:
    """Paint what the planner asks for on a plane in `state`, until all is done or the `seconds` would not suffice.

    Each stroke is in `labels` when it is yielded. `pace` is a person's ordinary one where none is given.
    """
    pace = pace or Pace()
    box = Box.of_shape(labels.shape)
    while (planned := planner(labels.read(box))) is not None:
        seconds -= pace.seconds(planned)
        if seconds < 0:
            return
        stroke = Stroke(labels, plane, value=planned.value, radius=planned.radius)
        for point in planned.path:
            stroke.extend(point)
        edit = stroke.finish(f"brush on {plane.slide}", state=state)
        assert edit is not None  # it covers a wrong pixel at least
        state = edit.change.state_after
        yield TimedEdit(edit, pace.seconds(planned))


def plan_corrections(
    cleaned: NDArray[np.uint8], truth: NDArray[np.uint8], *, smallest: int = _SMALLEST, thinnest: int = 1
) -> Planner:
    """Plans strokes for the largest regions in which the mask, labels over `cleaned`, is wrong.

    Regions of less than `smallest` pixels are left, and those that are nowhere `thinnest` pixels thick: borders,
    about which people disagree.
    """

    def plan(painted: NDArray[np.uint8]) -> PlannedStroke | None:
        return plan_stroke(lay_over(painted, cleaned), truth, smallest=smallest, thinnest=thinnest)

    return plan


def plan_first_strokes(truth: NDArray[np.uint8]) -> Planner:
    """Plans the first strokes on a plane without a proposal: some of every class.

    It goes through the regions of all classes but background, the largest first. Each gets a stroke through its middle
    and one around it, close to its border, where a model is wrong first; after every second region one goes through the
    open background. Labels of one class alone would teach nothing, and a model trained on little background finds its
    class everywhere.
    """
    strokes = first_strokes(truth)

    def plan(painted: NDArray[np.uint8]) -> PlannedStroke | None:
        for planned in strokes:
            stroke = planned or through_background(painted, truth)
            if stroke is not None and adds(stroke, painted):
                return stroke
        return through_background(painted, truth)

    return plan
