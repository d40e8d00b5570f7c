"""Plans strokes: along the skeleton of a wrong region, around a region, or through the background."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.editing.strokes import Point

_PIXEL_RADIUS = 0.5
"""Radius of a brush of one pixel."""
_MARGIN = 0.75
"""A brush this many pixels narrower than the free space also stays inside it between two neighbouring points."""
_BORDER_RADIUS = 3.0
"""Radius in pixels of the brush that goes around a region."""
_REGIONS_PER_BACKGROUND = 2
"""After this many regions comes a stroke through the background."""
_SMALLEST_SHARE = 0.01
"""At first a part of the background is painted if it is this share of the plane."""

Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlannedStroke:
    """A stroke to paint: a class, the brush's radius in pixels, and the points that it goes through."""

    value: int
    radius: float
    path: tuple[Point, ...]


def plan_stroke(
    mask: NDArray[np.uint8], truth: NDArray[np.uint8], *, smallest: int, thinnest: int = 1
) -> PlannedStroke | None:
    """The stroke for the largest connected region in which `mask` is wrong in one way; None if all are small."""
    region = _largest_wrong_region(mask, truth, smallest, thinnest)
    return None if region is None else _along_middle(region, truth)


def worst_regions(
    mask: NDArray[np.uint8], truth: NDArray[np.uint8], most: int, *, smallest: int, thinnest: int = 1
) -> NDArray[np.bool_]:
    """Where the largest regions lie in which `mask` is wrong in one way, at `most` so many, bool (h, w)."""
    found = np.zeros(truth.shape, np.bool_)
    for _ in range(most):
        left = np.where(found, np.uint8(UNLABELLED), truth)
        region = _largest_wrong_region(mask, left, smallest, thinnest)
        if region is None:
            break
        found |= region
    return found


def first_strokes(truth: NDArray[np.uint8]) -> Iterator[PlannedStroke | None]:
    """Strokes through and around each region, and None where one through the open background should come."""
    for number, region in enumerate(_regions(truth)):
        yield _along_middle(region, truth)
        around = _around(region, truth)
        if around is not None:
            yield around
        if (number + 1) % _REGIONS_PER_BACKGROUND == 0:
            yield None


def through_background(painted: NDArray[np.uint8], truth: NDArray[np.uint8]) -> PlannedStroke | None:
    """The stroke through the largest part of the background that is still unlabelled; None if all are small."""
    ground = np.where(truth == BACKGROUND, painted, BACKGROUND)  # elsewhere nothing is to be done
    smallest = round(_SMALLEST_SHARE * truth.size)
    return plan_stroke(ground, np.where(truth == BACKGROUND, truth, UNLABELLED), smallest=smallest)


def adds(planned: PlannedStroke, painted: NDArray[np.uint8]) -> bool:
    """Whether the stroke would change a label at one of its points."""
    ys, xs = np.array(planned.path, dtype=int).T
    return bool((painted[ys, xs] != planned.value).any())


def longest_path(skeleton: NDArray[np.bool_]) -> list[Pixel]:
    """The longest shortest path through the 8-connected pixels (y, x) of one skeleton, found by two
    breadth-first searches (the diameter of a tree).
    """
    pixels = {(y, x) for y, x in np.argwhere(skeleton).tolist()}
    end = _nearest_first(pixels, min(pixels))[-1][0]
    reached = _nearest_first(pixels, end)
    before = dict(reached)
    path = [reached[-1][0]]
    while (pixel := before[path[-1]]) is not None:
        path.append(pixel)
    return path


def _along_middle(region: NDArray[np.bool_], truth: NDArray[np.uint8]) -> PlannedStroke:
    """The stroke along the skeleton (Zhang & Suen 1984) of a connected region of one true class."""
    value = int(truth[region][0])
    skeleton = skeletonize(region)
    path = np.array(longest_path(skeleton if skeleton.any() else region))
    ys, xs = path.T
    space = _depths(truth == value)[ys, xs] - _MARGIN
    needed = _depths(np.pad(region, 1))[ys + 1, xs + 1].max()
    radius = max(_PIXEL_RADIUS, float(min(np.median(space), needed)))
    kept = path if radius == _PIXEL_RADIUS else path[_longest_run(space >= radius)]
    return PlannedStroke(value, radius, tuple((y + 0.5, x + 0.5) for y, x in kept.tolist()))


def _around(region: NDArray[np.bool_], truth: NDArray[np.uint8]) -> PlannedStroke | None:
    """The longest stroke of one class along the outside of a region; None where there is no space for one."""
    near = (_depths(~region) <= _BORDER_RADIUS + 2 * _MARGIN).astype(np.uint8)
    contours, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    xs, ys = max(contours, key=len)[:, 0].T
    beside = truth[ys, xs]
    value = int(np.argmax(np.bincount(beside[beside != UNLABELLED], minlength=1)))
    fits = _depths(truth == value)[ys, xs] - _MARGIN >= _BORDER_RADIUS
    if not fits.any():
        return None
    run = _longest_run(fits)
    path = zip((ys[run] + 0.5).tolist(), (xs[run] + 0.5).tolist(), strict=True)
    return PlannedStroke(value, _BORDER_RADIUS, tuple(path))


def _largest_wrong_region(
    mask: NDArray[np.uint8], truth: NDArray[np.uint8], smallest: int, thinnest: int
) -> NDArray[np.bool_] | None:
    """The largest 8-connected region of wrong pixels of one true class, bool (h, w); None if all are too small.

    It has `smallest` pixels or more, and is somewhere `thinnest` pixels thick.
    """
    wrong = (mask != truth) & (truth != UNLABELLED)
    best, found = smallest - 1, None
    for value in np.unique(truth[wrong]):
        of_class = wrong & (truth == value)
        numbers, sizes = _components(of_class)
        thickness = np.zeros(len(sizes), np.float32)
        np.maximum.at(thickness, numbers[of_class], 2 * _depths(of_class)[of_class] - 1)
        sizes[thickness < thinnest] = 0
        number = int(np.argmax(sizes))
        if sizes[number] > best:
            best, found = int(sizes[number]), numbers == number
    return found


def _regions(truth: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    """The connected regions of all classes but background, bool (h, w), the largest first."""
    found: list[tuple[int, NDArray[np.bool_]]] = []
    for value in np.unique(truth[(truth != BACKGROUND) & (truth != UNLABELLED)]):
        numbers, sizes = _components(truth == value)
        found += [(int(sizes[number]), numbers == number) for number in range(1, len(sizes))]
    return [region for _, region in sorted(found, key=lambda sized: -sized[0])]


def _components(region: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """8-connected parts: their numbers from 1 on, (h, w), and the size of each, 0 for what is outside."""
    _, numbers = cv2.connectedComponents(region.astype(np.uint8), connectivity=8)
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    return np.asarray(numbers, np.int32), sizes


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
