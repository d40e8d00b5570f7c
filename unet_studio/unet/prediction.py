"""Tiled prediction: planes of any size, in batches of overlapping tiles that blend smoothly."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import Box
from unet_studio.errors import is_out_of_memory
from unet_studio.unet import tiling
from unet_studio.unet.device import avoid_xla
from unet_studio.unet.recipes import Architecture
from unet_studio.unet.tiling import Axis, Blocks, Grid, Read, Tile, distance, even_groups, read_mirrored

TILE = 512
"""Largest side of the network's output in pixels; four in a batch run near the machine's matrix-multiply rate."""
_BATCH = 4
_BLOCK = 4
"""Tiles along each side of a block, where a plane is proposed from the view outwards."""
_ALL_ORIENTATIONS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""Quarter turns, and whether mirrored before; the first leaves a tile as it is."""


class Predictor:
    """A network ready to propose; building it once keeps the compiled function for all slides.

    A network without padding, whose output is smaller than its input, sees what is around its tile on the plane.

    With `flips` (test-time augmentation) every tile is predicted in its eight orientations (quarter turns, and these
    mirrored) and the probabilities are averaged: a little better, for eight times the time. The logits are divided by
    `temperature`, see `unet/training/calibration.py`.
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
        self._batch_size = _BATCH

    def strips(
        self, read: Read, shape: tuple[int, int], *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Probabilities of a plane of `shape` (h, w), strip by strip from top to bottom.

        `read(box)` gives the network's input (h, w, channels) for a box on the plane; borders are mirrored. A thread
        calls it for the tiles that come next while the network is at work. Yields (y0, probabilities (rows, w,
        classes - 1)), uint8, 0…255, background left out. Tiles overlap by `tiling.OVERLAP` and are blended by a ramp,
        so that no seam shows: the overlap-tile strategy of Ronneberger et al. 2015 with squared-cosine weights. Memory
        is bounded by one row of tiles. `progress` gets the share that is done, 0…1.
        """
        grid = self._grid(shape)
        blocks = Blocks(grid, even_groups(len(grid.y.starts), 1), [range(len(grid.x.starts))])
        for box, values in self._pieces(read, blocks, blocks.all, progress):
            yield box.y0, values

    def outwards(
        self, read: Read, shape: tuple[int, int], middle: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[Box, NDArray[np.uint8]]]:
        """Probabilities of a plane of `shape` (h, w), piece by piece, what is nearest to the box `middle` first.

        They are those of `strips`, and so are the arguments. Yields (box, probabilities (h, w, classes - 1)), 0…255; no
        two boxes share a pixel. Memory is bounded by a block of tiles and the edge of what is finished, which overlaps
        tiles that are still to come.
        """
        grid = self._grid(shape)
        blocks = Blocks(grid, *(even_groups(len(axis.starts), _BLOCK) for axis in (grid.y, grid.x)))
        order = sorted(blocks.all, key=lambda block: distance(blocks.box(block), middle))
        return self._pieces(read, blocks, order, progress)

    def region(
        self, read: Read, shape: tuple[int, int], box: Box, *, progress: Callable[[float], None] = lambda _: None
    ) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1) of a `box` on a plane of `shape`, from as few tiles as can be.

        They are nearly those of `strips`: near its edge the network sees less of what is around the box.
        """
        around = box.grow(tiling.OVERLAP // 2).intersect(Box.of_shape(shape))

        def shifted(part: Box) -> NDArray[np.float32]:
            return read(Box(part.y0 + around.y0, part.x0 + around.x0, part.y1 + around.y0, part.x1 + around.x0))

        strips = [strip for _, strip in self.strips(shifted, around.shape, progress=progress)]
        return np.concatenate(strips)[box.within(around)]

    def probabilities(self, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1) of network input (h, w, channels) that is in memory."""
        shape = (pixels.shape[0], pixels.shape[1])
        return np.concatenate([strip for _, strip in self.strips(lambda box: pixels[box.slices], shape)])

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's logits (h, w, classes), float32, for input (h, w, channels) that is not cut into tiles."""
        height, width = shape = (pixels.shape[0], pixels.shape[1])
        box = Box(0, 0, self._output(height), self._output(width)).grow(self._architecture.margin)
        inputs = read_mirrored(lambda inside: pixels[inside.slices], box, shape)
        logits = np.asarray(self._network.predict_on_batch(inputs[None]), dtype=np.float32)
        return logits[0, :height, :width]

    def _grid(self, shape: tuple[int, int]) -> Grid:
        return Grid(shape, *(Axis.covering(length, self._side(length)) for length in shape))

    def _side(self, length: int) -> int:
        """The side of the network's output for a plane of this length."""
        return self._output(min(TILE, length))

    def _output(self, length: int) -> int:
        """The side of the network's smallest output with so many pixels."""
        return self._architecture.padded_side(length) - 2 * self._architecture.margin

    def _pieces(
        self, read: Read, blocks: Blocks, order: Sequence[Tile], progress: Callable[[float], None]
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
        self, read: Read, grid: Grid, batches: Sequence[Sequence[Tile]]
    ) -> Iterator[tuple[Sequence[Tile], NDArray[np.float32]]]:
        """Each batch with its probabilities (n, h, w, classes - 1), 0…1; a thread reads the one that follows."""
        margin = self._architecture.margin

        def inputs(batch: Sequence[Tile]) -> NDArray[np.float32]:
            return np.stack([read_mirrored(read, grid.box(tile).grow(margin), grid.shape) for tile in batch])

        with ThreadPoolExecutor(1, "tiles") as reading:
            following = reading.submit(inputs, batches[0])
            for number, batch in enumerate(batches):
                pixels = following.result()
                if number + 1 < len(batches):
                    following = reading.submit(inputs, batches[number + 1])
                yield batch, self._predict(pixels)

    def _predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of tiles; where memory is too small the batch size is halved, from now on."""
        starts = range(0, len(inputs), self._batch_size)
        try:
            outputs = [self._averaged(inputs[start : start + self._batch_size]) for start in starts]
            return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
        except Exception as error:  # each backend has its own for this
            if self._batch_size == 1 or not is_out_of_memory(error):
                raise
        self._batch_size //= 2
        return self._predict(inputs)

    def _averaged(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        outputs = [self._predict_oriented(inputs, turns, mirrored) for turns, mirrored in self._orientations]
        return outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0, dtype=np.float32)

    def _predict_oriented(self, inputs: NDArray[np.float32], turns: int, mirrored: bool) -> NDArray[np.float32]:
        seen = np.rot90(inputs[:, :, ::-1] if mirrored else inputs, turns, axes=(1, 2))
        output = np.asarray(self._model.predict_on_batch(np.ascontiguousarray(seen)), dtype=np.float32)
        back = np.rot90(output, -turns, axes=(1, 2))
        return back[:, :, ::-1] if mirrored else back


def _batches(tiles: Sequence[Tile]) -> list[Sequence[Tile]]:
    """Batches of at most `_BATCH` tiles, as even as can be: the network is slow on a single tile."""
    count = -(-len(tiles) // _BATCH)
    ends = [len(tiles) * number // count for number in range(count + 1)]
    return [tiles[start:end] for start, end in pairwise(ends)]


def _quantised(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(probabilities * 255).astype(np.uint8)
