"""The simulated annotator: corrects a mask with a brush the way a person who knows the truth would."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks import lay_over
from unet_studio.core.painting import Point, Stroke
from unet_studio.core.tiles import Box

_SMALLEST = 1
_MOST_STROKES = 5000
_FINEST = 0.5
"""Radius of a brush of one pixel."""
_SLACK = 0.75
"""A brush this many pixels narrower than the free space also stays inside it between two neighbouring points."""

Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlannedStroke:
    """A stroke to paint: a class, the brush's radius in pixels, and the points that it goes through."""

    value: int
    radius: float
    path: tuple[Point, ...]


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
    box = Box.of_shape(truth.shape)
    state = PlaneState.PROPOSED
    for _ in range(most):
        planned = plan_stroke(lay_over(labels.read(box), cleaned), truth, smallest=smallest)
        if planned is None:
            return
        stroke = Stroke(labels, plane, value=planned.value, radius=planned.radius)
        for point in planned.path:
            stroke.extend(point)
        edit = stroke.finish(f"brush on {plane.slide}", state=state)
        assert edit is not None  # it covers a wrong pixel at least
        state = PlaneState.CORRECTED
        yield edit


def plan_stroke(mask: NDArray[np.uint8], truth: NDArray[np.uint8], *, smallest: int) -> PlannedStroke | None:
    """The stroke for the largest connected region in which `mask` is wrong in one way; None if all are small."""
    region = _largest_wrong_region(mask, truth, smallest)
    if region is None:
        return None
    value = int(truth[region][0])
    skeleton = skeletonize(region)
    path = np.array(longest_path(skeleton if skeleton.any() else region))
    ys, xs = path.T
    room = _depths(truth == value)[ys, xs] - _SLACK
    needed = _depths(np.pad(region, 1))[ys + 1, xs + 1].max()
    radius = max(_FINEST, float(min(np.median(room), needed)))
    kept = path if radius == _FINEST else path[_longest_run(room >= radius)]
    return PlannedStroke(value, radius, tuple((y + 0.5, x + 0.5) for y, x in kept.tolist()))


def longest_path(skeleton: NDArray[np.bool_]) -> list[Pixel]:
    """The longest shortest path through the 8-connected pixels (y, x) of one skeleton, found from its two ends."""
    pixels = {(y, x) for y, x in np.argwhere(skeleton).tolist()}
    end = _nearest_first(pixels, min(pixels))[-1][0]
    reached = _nearest_first(pixels, end)
    before = dict(reached)
    path = [reached[-1][0]]
    while (pixel := before[path[-1]]) is not None:
        path.append(pixel)
    return path


def _largest_wrong_region(mask: NDArray[np.uint8], truth: NDArray[np.uint8], smallest: int) -> NDArray[np.bool_] | None:
    """The largest 8-connected region of wrong pixels of one true class, bool (h, w), of `smallest` pixels or more."""
    wrong = (mask != truth) & (truth != UNLABELLED)
    best, found = smallest - 1, None
    for value in np.unique(truth[wrong]):
        of_class = (wrong & (truth == value)).astype(np.uint8)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(of_class, connectivity=8)
        number = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        if stats[number, cv2.CC_STAT_AREA] > best:
            best, found = int(stats[number, cv2.CC_STAT_AREA]), numbers == number
    return found


def _nearest_first(pixels: set[Pixel], start: Pixel) -> list[tuple[Pixel, Pixel | None]]:
    """The pixels that 8-connected steps reach from `start`, nearest first, each with the one it is reached from."""
    reached: dict[Pixel, Pixel | None] = {start: None}
    waiting = deque([start])
    while waiting:
        y, x = waiting.popleft()
        for neighbour in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
            if neighbour in pixels and neighbour not in reached:
                reached[neighbour] = (y, x)
                waiting.append(neighbour)
    return list(reached.items())


def _depths(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel of a region to the nearest pixel outside it."""
    return np.asarray(cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _longest_run(fits: NDArray[np.bool_]) -> slice:
    """Where the longest run of True lies."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fits, [False])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return slice(int(starts[longest]), int(ends[longest]))
