"""Proposals: what a model said of a plane, per-class probabilities quantised to uint8, kept as a cache of tiles.

`proposal_writing.py` stores them; here they are found, read, and turned into class indices.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import TILE, Box, cells_over, tile_box, unpack
from unet_studio.errors import ProjectError

_SUFFIX = ".tiles"
_PART_SUFFIX = ".view"
_unpacked_tiles: ByteCache[tuple[bytes, tuple[int, ...]], NDArray[np.uint8]] = ByteCache(
    64 << 20, lambda tile: tile.nbytes
)
"""Tiles by their compressed content, whatever file it came from: the same ones are asked for again and again while a
slider of threshold or clean-up is dragged over a view."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stored proposal of one plane of `shape` (h, w), with one channel for each class but background.

    A `partial` one is to be shown while the rest is computed, never to be accepted, exported or skipped for:
    where nothing is stored yet it reads as background. `flips` says whether it is the average over all
    orientations of the slide.
    """

    file: Path
    shape: tuple[int, int]
    channels: int
    partial: bool = False
    flips: bool = False

    def read(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Probabilities (h, w, channels), 0…255 for 0…1, of a box on the plane.

        With `shrink`, a power of two up to 256, every shrink-th pixel is taken and `box` counts these.
        Raises `ProjectError` if the cache was deleted or damaged; proposing again replaces it.
        """
        values = np.zeros((*box.shape, self.channels), dtype=np.uint8)
        try:
            with _reading(self.file) as connection:
                for cell in cells_over(box, TILE // shrink):
                    row = connection.execute(
                        "SELECT data FROM tile WHERE tile_row = ? AND tile_column = ?", cell
                    ).fetchone()
                    if row is None and self.partial:
                        continue
                    whole = tile_box(cell).intersect(Box.of_shape(self.shape))
                    tile = _unpacked(row[0], (*whole.shape, self.channels))[::shrink, ::shrink]
                    corner = tile_box(cell, TILE // shrink)
                    covered = Box(corner.y0, corner.x0, corner.y0 + tile.shape[0], corner.x0 + tile.shape[1])
                    common = covered.intersect(box)
                    values[common.within(box)] = tile[common.within(covered)]
        except (sqlite3.Error, zlib.error, TypeError, ValueError) as error:
            raise self._unreadable(error) from error
        return values

    def covers(self, box: Box) -> bool:
        """Whether all of a box on the plane is proposed already; of a whole proposal everything is.

        Raises `ProjectError` as `read` does.
        """
        if not self.partial:
            return True
        try:
            with _reading(self.file) as connection:
                return all(
                    connection.execute("SELECT 1 FROM tile WHERE tile_row = ? AND tile_column = ?", cell).fetchone()
                    for cell in cells_over(box)
                )
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> ProjectError:
        return ProjectError(
            f"The stored proposal '{self.file.name}' can't be read ({error}). Propose this slide again."
        )


def proposal_file(place: Path, model: str, plane: PlaneId) -> Path:
    """Where the proposal of `model` (its id) for a plane is kept in the project at `place`."""
    return place / "proposals" / model / plane.slide / f"{plane.plane:05d}{_SUFFIX}"


def part_file(place: Path, model: str, plane: PlaneId) -> Path:
    """Where the partial proposal is kept until the whole one is stored."""
    return proposal_file(place, model, plane).with_suffix(_PART_SUFFIX)


def slide_stamp(slide: Path) -> str:
    """Identifies the version of a slide file: its size and its time of modification."""
    status = slide.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def find_proposal(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """The proposal of `model` for a plane; None if there is none, or it is of another version of the slide."""
    return _find(proposal_file(place, model, plane), stamp, partial=False) if model else None


def find_part(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """The partial proposal while the rest is computed; None as for `find_proposal`."""
    return _find(part_file(place, model, plane), stamp, partial=True)


def _find(file: Path, stamp: str | None, *, partial: bool) -> Proposal | None:
    if not file.is_file():
        return None
    try:
        with _reading(file) as connection:
            # Earlier versions of the program had no flips: their rows have no such column.
            height, width, channels, made_of, *flips = connection.execute("SELECT * FROM proposal").fetchone()
    except (sqlite3.Error, TypeError):
        return None  # a damaged cache counts as none
    if stamp is not None and stamp != made_of:
        return None
    return Proposal(file, (height, width), channels, partial, any(flips))


def proposed_planes(place: Path, model: str) -> frozenset[PlaneId]:
    """The planes for which `model` has a stored proposal."""
    root = place / "proposals" / model
    if not model or not root.is_dir():
        return frozenset()
    return frozenset(
        PlaneId(file.parent.relative_to(root).as_posix(), int(file.stem))
        for file in root.rglob(f"*{_SUFFIX}")
        if file.stem.isdigit()
    )


def to_mask(probabilities: NDArray[np.uint8], threshold: float = 0.5) -> NDArray[np.uint8]:
    """Class indices (h, w), uint8, from probabilities (h, w, channels), 0…255, of all classes but background.

    A pixel takes its likeliest class k if the odds p(k) : p(background) exceed threshold : 1 - threshold. For two
    classes that is p > threshold; at 0.5 it is the argmax over all classes.
    """
    limit = round(threshold * 1000)
    if probabilities.shape[2] == 1:
        return (probabilities[..., 0] > limit * 255 // 1000).astype(np.uint8)
    values = probabilities.astype(np.uint32)
    background = 255 - np.minimum(values.sum(axis=2, dtype=np.uint32), 255)
    best = values.max(axis=2)
    chosen = probabilities.argmax(axis=2).astype(np.uint8) + np.uint8(1)
    return np.where(best * (1000 - limit) > background * limit, chosen, np.uint8(0))


def _unpacked(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A tile, read-only: the one that is kept if it was unpacked lately."""
    return _unpacked_tiles.get((data, shape), lambda: _unpack_tile(data, shape))


def _unpack_tile(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    values = unpack(data, shape)
    values.setflags(write=False)
    return values


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        yield connection
    finally:
        connection.close()
