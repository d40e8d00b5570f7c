"""The live wire: a line that follows the edges of a slide from an anchor to the pointer."""

import math
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.strokes import Point
from unet_studio.core.tiles import Box

_SMOOTHING = 1.0
"""Standard deviation, in pixels, of the Gaussian that keeps paths from following noise."""
_NEIGHBOURHOOD = 31
"""An edge counts by how it stands out within this many pixels, so that faint borders hold beside strong ones."""
_FAINT = 0.1
"""Edges below this share of the window's strongest are not raised to full strength."""
_LEAST_COST = 0.02
"""Cost of a pixel on the best edge, where 1 is one without any: short lines win among equally good ones."""
_EQUAL = 1 + 1e-9
"""Costs within this factor are the same but for rounding."""
_FIRST_HALF = 64
"""Half the side of the first square that is searched, in pixels; it doubles."""


class LiveWire:
    """Paths along the edges of one window of a plane (intelligent scissors).

    A path is the cheapest one in the sense of Mortensen & Barrett, "Intelligent scissors for image composition" (1995),
    with the gradient's magnitude as the one feature. It is looked for in a square around the anchor that grows where
    the pointer leaves it, so that moves near the anchor, the most frequent ones, are answered at once.
    """

    SIDE: Final = 384
    """A good side for the window, in pixels: the costliest of all moves takes some hundredths of a second."""

    def __init__(self, pixels: NDArray[np.generic], box: Box) -> None:
        """Take the raw pixels of `box`, (h, w, channels) of any number type; NaN and infinite ones have no edge."""
        self._box = box
        self._cost = edge_cost(pixels)
        self._search: Any = None
        self._totals = np.zeros((0, 0))
        self.anchor((box.y0, box.x0))

    def anchor(self, point: Point) -> None:
        """Let paths begin at `point`, (y, x) on the plane, from now on; at first it is the window's corner."""
        self._anchor: Point = point
        self._square = Box(0, 0, 0, 0)

    def path_to(self, point: Point) -> list[Point]:
        """The path from the anchor to `point`, both included, through the centres of pixels.

        It is straight where either lies outside the window, and where no way along an edge costs less.
        """
        straight = [self._anchor, point]
        start, end = _pixel(self._anchor), _pixel(point)
        if start.intersect(self._box).is_empty or end.intersect(self._box).is_empty:
            return straight
        self._search_to(start, end)
        local = end.y0 - self._square.y0, end.x0 - self._square.x0
        if self._cost_of_line(start, end) <= self._totals[local] * _EQUAL:
            return straight
        between = self._search.traceback(local)[1:-1]
        return [
            self._anchor,
            *((self._square.y0 + row + 0.5, self._square.x0 + column + 0.5) for row, column in between),
            point,
        ]

    def _search_to(self, start: Box, end: Box) -> None:
        """Work out the costs of all paths from `start` within a square that contains `end`, unless they are known."""
        if not end.intersect(self._square).is_empty:
            return
        half = _FIRST_HALF
        while end.intersect(start.grow(half)).is_empty:
            half *= 2
        from skimage.graph import MCP_Geometric  # scikit-image takes long to load; the window opens without it

        self._square = start.grow(half).intersect(self._box)
        self._search = MCP_Geometric(self._cost[self._square.within(self._box)])
        self._totals, _ = self._search.find_costs([(start.y0 - self._square.y0, start.x0 - self._square.x0)])

    def _cost_of_line(self, start: Box, end: Box) -> float:
        """What the straight line between two pixels costs."""
        steps = max(abs(end.y0 - start.y0), abs(end.x0 - start.x0))
        rows = np.rint(np.linspace(start.y0, end.y0, steps + 1)).astype(int) - self._box.y0
        columns = np.rint(np.linspace(start.x0, end.x0, steps + 1)).astype(int) - self._box.x0
        length = math.hypot(end.y0 - start.y0, end.x0 - start.x0)
        return float(np.trapezoid(self._cost[rows, columns])) * length / max(steps, 1)


def edge_cost(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """What a path pays for each pixel of (h, w, channels): (h, w), 0.02 on the best edge and 1 far from any.

    The gradient-magnitude feature of Mortensen & Barrett (1995), relative to the strongest gradient nearby.
    """
    finite = np.isfinite(pixels).all(axis=2)
    grey = np.where(finite[..., None], pixels, 0).astype(np.float64).mean(axis=2)
    if not finite.any() or np.ptp(grey[finite]) == 0:
        return np.ones(finite.shape)
    grey = np.where(finite, (grey - grey[finite].min()) / np.ptp(grey[finite]), 0).astype(np.float32)
    # Pixels that aren't finite take no part in the smoothing.
    weight = cv2.GaussianBlur(finite.astype(np.float32), (0, 0), _SMOOTHING)
    smooth = cv2.GaussianBlur(grey, (0, 0), _SMOOTHING) / np.maximum(weight, 1e-6)
    gradient = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) * finite
    strongest = cv2.dilate(gradient, np.ones((_NEIGHBOURHOOD, _NEIGHBOURHOOD), np.uint8))
    strength = gradient / np.maximum(strongest, max(_FAINT * strongest.max(), 1e-12))
    return np.asarray(1 - (1 - _LEAST_COST) * strength, dtype=np.float64)


def _pixel(point: Point) -> Box:
    y, x = math.floor(point[0]), math.floor(point[1])
    return Box(y, x, y + 1, x + 1)
