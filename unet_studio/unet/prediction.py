"""Tiled prediction: planes of any size, in batches of overlapping tiles that blend smoothly."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import Box

Read = Callable[[Box], NDArray[np.float32]]
TILE = 512
"""Largest side of a network tile in pixels; four of them in a batch run near the machine's matrix-multiply rate."""
OVERLAP = 96
_BATCH = 4
_ALL_ORIENTATIONS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""Quarter turns, and whether mirrored before; the first leaves a tile as it is."""


class Predictor:
    """A network ready to propose; building it once keeps the compiled function for all slides.

    With `flips` every tile is seen in its eight orientations (quarter turns, and these mirrored) and the probabilities
    are averaged: a little better, for eight times the time.
    """

    def __init__(self, network: keras.Model, *, multiple: int, flips: bool = False) -> None:
        self.classes = int(network.output_shape[-1])
        self._multiple = multiple
        self._orientations = _ALL_ORIENTATIONS if flips else _ALL_ORIENTATIONS[:1]
        self._model = keras.Model(network.input, keras.layers.Softmax()(network.output))

    def strips(
        self, read: Read, shape: tuple[int, int], *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Probabilities of a plane of `shape` (h, w), strip by strip from top to bottom.

        `read(box)` gives the network's input (h, w, channels) for a box on the plane; borders are mirrored. Yields
        (y0, probabilities (rows, w, classes - 1)), 0…255, background left out. Tiles overlap by `OVERLAP` and are
        weighted by a ramp, after Ronneberger et al. 2015 (overlap-tile), so that no seam shows. Memory is bounded
        by one row of tiles. `progress` is told the share that is done, 0…1.
        """
        height, width = shape
        side_y, side_x = self._side(height), self._side(width)
        tops, lefts = _starts(height, side_y), _starts(width, side_x)
        weight = _ramp(side_y)[:, None] * _ramp(side_x)[None, :]
        total = np.zeros((side_y, width, self.classes - 1), dtype=np.float32)
        weights = np.zeros((side_y, width, 1), dtype=np.float32)
        for index, (top, following) in enumerate(pairwise([*tops, height])):
            for first in range(0, len(lefts), _BATCH):
                boxes = [Box(top, left, top + side_y, left + side_x) for left in lefts[first : first + _BATCH]]
                for box, values in zip(boxes, self._predict(read, boxes, shape), strict=True):
                    _blend(total, weights, box, values, weight)
                progress((index + min(1.0, (first + _BATCH) / len(lefts))) / len(tops))
            rows = following - top
            yield top, np.rint(total[:rows] / weights[:rows] * 255).astype(np.uint8)
            total, weights = _move_up(total, rows), _move_up(weights, rows)

    def probabilities(self, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1) of network input (h, w, channels) that is in memory."""
        shape = (pixels.shape[0], pixels.shape[1])
        return np.concatenate([strip for _, strip in self.strips(lambda box: pixels[box.slices], shape)])

    def _predict(self, read: Read, boxes: list[Box], shape: tuple[int, int]) -> NDArray[np.float32]:
        inputs = np.stack([read_mirrored(read, box, shape) for box in boxes])
        total = np.zeros((*inputs.shape[:3], self.classes - 1), dtype=np.float32)
        for turns, mirrored in self._orientations:
            seen = np.rot90(inputs[:, :, ::-1] if mirrored else inputs, turns, axes=(1, 2))
            output = np.asarray(self._model.predict_on_batch(np.ascontiguousarray(seen)), dtype=np.float32)[..., 1:]
            back = np.rot90(output, -turns, axes=(1, 2))
            total += back[:, :, ::-1] if mirrored else back
        total /= len(self._orientations)
        return total

    def _side(self, length: int) -> int:
        return min(TILE, -(-length // self._multiple) * self._multiple)


def read_mirrored(read: Read, box: Box, shape: tuple[int, int]) -> NDArray[np.float32]:
    """What `read` gives for a box that may leave the plane, mirrored at the plane's borders."""
    inside = box.intersect(Box.of_shape(shape))
    values = read(inside)
    before_y, after_y = inside.y0 - box.y0, box.y1 - inside.y1
    before_x, after_x = inside.x0 - box.x0, box.x1 - inside.x1
    if before_y == after_y == before_x == after_x == 0:
        return values
    return np.pad(values, ((before_y, after_y), (before_x, after_x), (0, 0)), mode="symmetric")


def _starts(length: int, side: int) -> list[int]:
    """First pixels of tiles of `side` that cover `length`, evenly spread, overlapping by `OVERLAP` or more."""
    if length <= side:
        return [0]
    count = -(-(length - OVERLAP) // (side - OVERLAP))
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _ramp(side: int) -> NDArray[np.float32]:
    edge = min(OVERLAP, side // 2)
    distance = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    # Squared cosine: neighbours' weights meet without a kink. Never 0, so that the plane's own border has a weight.
    ramp: NDArray[np.float64] = np.sin(np.minimum(distance / edge, 1.0) * np.pi / 2) ** 2
    return np.maximum(ramp, 1e-3).astype(np.float32)


def _blend(
    total: NDArray[np.float32],
    weights: NDArray[np.float32],
    box: Box,
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> None:
    right = min(box.x1, total.shape[1])
    part = weight[:, : right - box.x0, None]
    total[:, box.x0 : right] += values[:, : right - box.x0] * part
    weights[:, box.x0 : right] += part


def _move_up(values: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    moved = np.zeros_like(values)
    if rows < len(values):
        moved[: len(values) - rows] = values[rows:]
    return moved
