"""Tiled prediction: planes of any size, in batches of overlapping tiles that blend smoothly."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise, product

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import Box
from unet_studio.errors import is_out_of_memory
from unet_studio.unet.device import avoid_xla
from unet_studio.unet.recipes import Architecture

Read = Callable[[Box], NDArray[np.float32]]
TILE = 512
"""Largest side of the network's output in pixels; four in a batch run near the machine's matrix-multiply rate."""
OVERLAP = 96
_BATCH = 4
_BLOCK = 4
"""Tiles along each side of what is worked on at once where a plane is proposed from some place outwards."""
_ALL_ORIENTATIONS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""Quarter turns, and whether mirrored before; the first leaves a tile as it is."""

_Tile = tuple[int, int]
"""(row, column) of a tile among those that cover a plane, or of a block of them."""

_Span = tuple[int, int]
"""First pixel and end along one axis of a plane."""


class Predictor:
    """A network ready to propose; building it once keeps the compiled function for all slides.

    A network without padding, whose output is smaller than its input, sees what is around its tile on the plane.

    With `flips` every tile is seen in its eight orientations (quarter turns, and these mirrored) and the probabilities
    are averaged: a little better, for eight times the time. The logits are divided by `temperature`, see
    `unet/calibration.py`.
    """

    def __init__(
        self, network: keras.Model, architecture: Architecture, *, flips: bool = False, temperature: float = 1.0
    ) -> None:
        self.classes = int(network.output_shape[-1])
        self._architecture = architecture
        self._orientations = _ALL_ORIENTATIONS if flips else _ALL_ORIENTATIONS[:1]
        self._network = network
        probabilities = keras.layers.Softmax()(keras.layers.Rescaling(1 / temperature)(network.output))
        self._model = keras.Model(network.input, probabilities[..., 1:])
        avoid_xla(self._model)
        avoid_xla(network)
        self._at_once = _BATCH

    def strips(
        self, read: Read, shape: tuple[int, int], *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Probabilities of a plane of `shape` (h, w), strip by strip from top to bottom.

        `read(box)` gives the network's input (h, w, channels) for a box on the plane; borders are mirrored. A thread
        calls it for the tiles that come next while the network is at work. Yields (y0, probabilities (rows, w,
        classes - 1)), 0…255, background left out. Tiles overlap by `OVERLAP` and are weighted by a ramp, after
        Ronneberger et al. 2015 (overlap-tile), so that no seam shows. Memory is bounded by one row of tiles.
        `progress` is told the share that is done, 0…1.
        """
        grid = self._grid(shape)
        blocks = _Blocks(grid, _groups(len(grid.y.starts), 1), [range(len(grid.x.starts))])
        for box, values in self._pieces(read, blocks, blocks.all, progress):
            yield box.y0, values

    def outwards(
        self, read: Read, shape: tuple[int, int], middle: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[Box, NDArray[np.uint8]]]:
        """Probabilities of a plane of `shape` (h, w), piece by piece, what is nearest to the box `middle` first.

        They are those of `strips`, and so are the arguments. Yields (box, probabilities (h, w, classes - 1)), 0…255; no
        two boxes share a pixel. Memory is bounded by a block of tiles and the edge of what is finished: of it only that
        is kept which tiles to come overlap.
        """
        grid = self._grid(shape)
        blocks = _Blocks(grid, *(_groups(len(axis.starts), _BLOCK) for axis in (grid.y, grid.x)))
        order = sorted(blocks.all, key=lambda block: _distance(blocks.box(block), middle))
        return self._pieces(read, blocks, order, progress)

    def region(
        self, read: Read, shape: tuple[int, int], box: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1) of a `box` on a plane of `shape`, from as few tiles as can be.

        They are nearly those of `strips`: near its edge the network sees less of what is around the box.
        """
        around = box.grow(OVERLAP // 2).intersect(Box.of_shape(shape))

        def shifted(part: Box) -> NDArray[np.float32]:
            return read(Box(part.y0 + around.y0, part.x0 + around.x0, part.y1 + around.y0, part.x1 + around.x0))

        strips = [strip for _, strip in self.strips(shifted, around.shape, progress=progress)]
        return np.concatenate(strips)[box.within(around)]

    def probabilities(self, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1) of network input (h, w, channels) that is in memory."""
        shape = (pixels.shape[0], pixels.shape[1])
        return np.concatenate([strip for _, strip in self.strips(lambda box: pixels[box.slices], shape)])

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network itself says, (h, w, classes), of input (h, w, channels) that it sees all at once."""
        height, width = shape = (pixels.shape[0], pixels.shape[1])
        box = Box(0, 0, self._output(height), self._output(width)).grow(self._architecture.margin)
        inputs = read_mirrored(lambda inside: pixels[inside.slices], box, shape)
        logits = np.asarray(self._network.predict_on_batch(inputs[None]), dtype=np.float32)
        return logits[0, :height, :width]

    def _grid(self, shape: tuple[int, int]) -> "_Grid":
        return _Grid(shape, *(_Axis.covering(length, self._side(length)) for length in shape))

    def _side(self, length: int) -> int:
        """The side of the network's output for a plane of this length."""
        return self._output(min(TILE, length))

    def _output(self, length: int) -> int:
        """The side of the network's smallest output with so many pixels."""
        return self._architecture.padded_side(length) - 2 * self._architecture.margin

    def _pieces(
        self, read: Read, blocks: "_Blocks", order: Sequence[_Tile], progress: Callable[[float], None]
    ) -> Iterator[tuple[Box, NDArray[np.uint8]]]:
        """The plane in pieces, each as soon as all blocks that it is part of were worked on, in this order."""
        batches = [_batches(blocks.tiles(block)) for block in order]
        count, done = sum(len(of_block) for of_block in batches), 0
        outputs = self._outputs(read, blocks.grid, [batch for of_block in batches for batch in of_block])
        waiting: dict[Box, tuple[NDArray[np.float32], int]] = {}
        for block, of_block in zip(order, batches, strict=True):
            covered = blocks.box(block)
            total = np.zeros((*covered.shape, self.classes - 1), dtype=np.float32)
            for batch, values in islice(outputs, len(of_block)):
                for tile, of_tile in zip(batch, values, strict=True):
                    blocks.grid.add(total, covered, tile, of_tile)
                done += 1
                progress(done / count)
            for box, shared in blocks.pieces(block):
                before, missing = waiting.pop(box, (None, shared))
                piece = total[box.within(covered)] if before is None else before + total[box.within(covered)]
                if missing == 1:
                    yield box, _quantised(piece)
                else:
                    waiting[box] = piece.copy(), missing - 1

    def _outputs(
        self, read: Read, grid: "_Grid", batches: Sequence[Sequence[_Tile]]
    ) -> Iterator[tuple[Sequence[_Tile], NDArray[np.float32]]]:
        """Each batch with its probabilities (n, h, w, classes - 1), 0…1; a thread reads the one that follows."""
        margin = self._architecture.margin

        def inputs(batch: Sequence[_Tile]) -> NDArray[np.float32]:
            return np.stack([read_mirrored(read, grid.box(tile).grow(margin), grid.shape) for tile in batch])

        with ThreadPoolExecutor(1, "tiles") as reading:
            following = reading.submit(inputs, batches[0])
            for number, batch in enumerate(batches):
                pixels = following.result()
                if number + 1 < len(batches):
                    following = reading.submit(inputs, batches[number + 1])
                yield batch, self._predict(pixels)

    def _predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of tiles, from now on of half as many at once where memory is too small for all of them."""
        starts = range(0, len(inputs), self._at_once)
        try:
            outputs = [self._averaged(inputs[start : start + self._at_once]) for start in starts]
            return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
        except Exception as error:  # each backend has its own for this
            if self._at_once == 1 or not is_out_of_memory(error):
                raise
        self._at_once //= 2
        return self._predict(inputs)

    def _averaged(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        outputs = [self._seen(inputs, turns, mirrored) for turns, mirrored in self._orientations]
        return outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0, dtype=np.float32)

    def _seen(self, inputs: NDArray[np.float32], turns: int, mirrored: bool) -> NDArray[np.float32]:
        seen = np.rot90(inputs[:, :, ::-1] if mirrored else inputs, turns, axes=(1, 2))
        output = np.asarray(self._model.predict_on_batch(np.ascontiguousarray(seen)), dtype=np.float32)
        back = np.rot90(output, -turns, axes=(1, 2))
        return back[:, :, ::-1] if mirrored else back


@dataclass(frozen=True, slots=True)
class _Axis:
    """How tiles cover a plane in one direction: the first pixel of each, and how much each of its pixels counts.

    `weights` are (n, side) float32; those of all tiles that cover a pixel sum to 1.
    """

    side: int
    starts: Sequence[int]
    weights: NDArray[np.float32]

    @classmethod
    def covering(cls, length: int, side: int) -> "_Axis":
        starts = _starts(length, side)
        places = np.array(starts)[:, None] + np.arange(side)
        ramps = np.tile(_ramp(side), (len(starts), 1))
        total = np.bincount(places.ravel(), ramps.ravel())
        return cls(side, starts, (ramps / total[places]).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Grid:
    """The tiles of a plane of `shape` (h, w)."""

    shape: tuple[int, int]
    y: _Axis
    x: _Axis

    def box(self, tile: _Tile) -> Box:
        """The pixels of a tile; beyond the plane where that is smaller."""
        y0, x0 = self.y.starts[tile[0]], self.x.starts[tile[1]]
        return Box(y0, x0, y0 + self.y.side, x0 + self.x.side)

    def add(self, total: NDArray[np.float32], covered: Box, tile: _Tile, values: NDArray[np.float32]) -> None:
        """Add what a tile says (side, side, n) to `total`, an array over the box `covered`, by the pixels' weights."""
        box = self.box(tile)
        common = box.intersect(covered)
        rows, columns = common.within(box)
        weights = self.y.weights[tile[0], rows, None] * self.x.weights[tile[1], columns]
        total[common.within(covered)] += values[rows, columns] * weights[..., None]


class _Blocks:
    """The tiles of a plane in blocks, each (row, column) of these `rows` and `columns` of tiles.

    Blocks overlap as their tiles do: the plane falls into pieces that are part of the same blocks.
    """

    def __init__(self, grid: _Grid, rows: Sequence[range], columns: Sequence[range]) -> None:
        self.grid = grid
        self.all = list(product(range(len(rows)), range(len(columns))))
        self._rows, self._columns = rows, columns
        self._spans = (_spans(grid.y, grid.shape[0], rows), _spans(grid.x, grid.shape[1], columns))
        self._parts = tuple(_parts(spans) for spans in self._spans)

    def tiles(self, block: _Tile) -> list[_Tile]:
        return list(product(self._rows[block[0]], self._columns[block[1]]))

    def box(self, block: _Tile) -> Box:
        """The pixels of a block on the plane."""
        (y0, y1), (x0, x1) = (spans[number] for spans, number in zip(self._spans, block, strict=True))
        return Box(y0, x0, y1, x1)

    def pieces(self, block: _Tile) -> Iterator[tuple[Box, int]]:
        """The pieces of a block, from top to bottom, and of how many blocks each is part."""
        rows, columns = (
            [(start, end, len(among)) for (start, end), among in parts if number in among]
            for parts, number in zip(self._parts, block, strict=True)
        )
        for (y0, y1, blocks_y), (x0, x1, blocks_x) in product(rows, columns):
            yield Box(y0, x0, y1, x1), blocks_y * blocks_x


def _groups(tiles: int, size: int) -> list[range]:
    """Neighbouring tiles in groups of at most `size`, as even as can be."""
    count = -(-tiles // size)
    return [range(first, end) for first, end in pairwise(tiles * number // count for number in range(count + 1))]


def _spans(axis: _Axis, length: int, groups: Sequence[range]) -> list[_Span]:
    """What each group of tiles covers of a plane of this length."""
    return [(axis.starts[group[0]], min(axis.starts[group[-1]] + axis.side, length)) for group in groups]


def _parts(spans: Sequence[_Span]) -> list[tuple[_Span, list[int]]]:
    """The parts into which the ends of `spans` cut what they cover, and the numbers of the spans that cover each."""
    cuts = sorted({cut for span in spans for cut in span})
    return [
        ((start, end), [number for number, span in enumerate(spans) if span[0] <= start and end <= span[1]])
        for start, end in pairwise(cuts)
    ]


def _distance(box: Box, other: Box) -> int:
    """How far the middles of two boxes are apart, squared, in half pixels."""
    down, right = box.y0 + box.y1 - other.y0 - other.y1, box.x0 + box.x1 - other.x0 - other.x1
    return down * down + right * right


def _batches(tiles: Sequence[_Tile]) -> list[Sequence[_Tile]]:
    """Batches of at most `_BATCH` tiles, as even as can be: a lone tile keeps the network from its full speed."""
    count = -(-len(tiles) // _BATCH)
    ends = [len(tiles) * number // count for number in range(count + 1)]
    return [tiles[start:end] for start, end in pairwise(ends)]


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


def _quantised(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(probabilities * 255).astype(np.uint8)
