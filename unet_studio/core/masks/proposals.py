"""Proposals: what a model said of a plane, per-class probabilities quantised to uint8, kept as a cache of tiles.

`proposal_writing.py` stores them; here they are found, read, and turned into class indices.
"""

import os
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.classes import MAX_CLASSES
from unet_studio.core.files import path_inside
from unet_studio.core.labels.plane import PlaneId, ProposalId
from unet_studio.core.tiles import TILE, Box, cells_over, tile_box, unpack
from unet_studio.errors import PathError, ProjectError

_BLOCKS, _BLOCK = 64, 16 << 10
"""How many blocks of a large slide, and how many bytes of each, its digest is made of."""
_FOLDER = "proposals"
_SUFFIX = ".tiles"
_PART_SUFFIX = ".view"
_FEW_TILES = 4096
"""A plane of 16384 × 16384 pixels."""
_LONGEST_SIDE = 1 << 24
"""Of a plane, in pixels; of one that is proposed in part not all tiles are there to say how large it can be."""
_VERSION = re.compile("[0-9a-f]{1,64}")
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
    orientations of the slide. `version` tells the proposals of one model for the plane apart: another one has other
    tiles.
    """

    file: Path
    shape: tuple[int, int]
    channels: int
    partial: bool = False
    flips: bool = False
    model: str = ""
    version: str = ""

    @property
    def id(self) -> ProposalId:
        return ProposalId(self.model, self.version)

    def read(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Probabilities (h, w, channels), 0…255 for 0…1, of a box on the plane.

        With `shrink`, a power of two up to 256, every shrink-th pixel is taken and `box` counts these.
        Raises `ProjectError` if the file was deleted or damaged.
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
            f"The stored proposal '{self.file.name}' of '{self.file.parent.name}' can't be read ({error}). "
            "Propose this slide again; where it is corrected, take the newer proposal then."
        )


def proposals_folder(place: Path, model: str) -> Path:
    """Where all proposals of `model` are kept in the project at `place`; raises `PathError`."""
    return path_inside(place, f"{_FOLDER}/{model}")


def proposal_file(place: Path, model: str, plane: PlaneId) -> Path:
    """Where the proposal of `model` (its id) for a plane is kept in the project at `place`; raises `PathError`."""
    return path_inside(place, f"{_FOLDER}/{model}/{plane.slide}/{plane.plane:05d}{_SUFFIX}")


def part_file(place: Path, model: str, plane: PlaneId) -> Path:
    """Where the partial proposal is kept until the whole one is stored; raises `PathError`."""
    return proposal_file(place, model, plane).with_suffix(_PART_SUFFIX)


def slide_stamp(slide: Path) -> str:
    """Identifies the version of a slide file by its content, and says when the file was changed.

    Two files of the same content are the same slide, however they were copied. The digest is of the size and of all
    bytes up to 1 MiB; of a larger file of 64 blocks of 16 KiB, evenly spaced from its first to its last bytes. It is
    worked out again only when size or time of change are others. Raises OSError where there is no such file.
    """
    status = slide.stat()
    changed = f"{status.st_size}-{status.st_mtime_ns}"
    return f"{file_digest(slide, changed)} {changed}"


@lru_cache(maxsize=4096)  # of some 200 bytes each
def file_digest(file: Path, _changed: str) -> str:
    """A digest of the content of a file that was `_changed` last, by the rule of `slide_stamp`."""
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        digest = blake2b(str(size).encode(), digest_size=16)
        if size <= _BLOCKS * _BLOCK:
            digest.update(opened.read())
        else:
            for number in range(_BLOCKS):
                opened.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                digest.update(opened.read(_BLOCK))
    return digest.hexdigest()


def _is_of(made_of: str, stamp: str) -> bool:
    """Whether a proposal was made of the slide that has a stamp now.

    Proposals of earlier versions of the program know their slides by size and time of change.
    """
    content, _, changed = stamp.partition(" ")
    return made_of.partition(" ")[0] == content or made_of == changed


def find_proposal(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """The proposal of `model` for a plane; None if there is none, or it is of another version of the slide."""
    try:
        return read_proposal(proposal_file(place, model, plane), model, stamp=stamp) if model else None
    except PathError:
        return None


def find_part(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """The partial proposal while the rest is computed; None as for `find_proposal`."""
    try:
        return read_proposal(part_file(place, model, plane), model, stamp=stamp, partial=True)
    except PathError:
        return None


def read_proposal(file: Path, model: str, *, stamp: str | None = None, partial: bool = False) -> Proposal | None:
    """The proposal of `model` in a file; None where there is none, or it is damaged, or of another slide."""
    if not file.is_file():
        return None
    try:
        with _reading(file) as connection:
            # Earlier versions of the program had no flips, and then no version: their rows have no such columns.
            height, width, channels, made_of, *others = connection.execute("SELECT * FROM proposal").fetchone()
            if not _makes_sense(connection, (height, width), channels, partial=partial):
                return None
        flips, version = others[0] if others else False, str(others[1]) if len(others) > 1 else ""
        if version and not _VERSION.fullmatch(version):  # it becomes part of a file's name
            return None
        if not version and not partial:
            status = file.stat()
            version = file_digest(file, f"{status.st_size}-{status.st_mtime_ns}")
    except (sqlite3.Error, TypeError, ValueError, OSError):
        return None  # a damaged file counts as none
    if stamp is not None and not _is_of(str(made_of), stamp):
        return None
    return Proposal(file, (height, width), channels, partial, bool(flips), model, version)


def _makes_sense(connection: sqlite3.Connection, shape: tuple[int, int], channels: int, *, partial: bool) -> bool:
    """Whether a proposal can be of a plane of `shape` (h, w): a large one isn't larger than what is stored of it.

    What is missing of others is told when it is read.
    """
    if not all(type(number) is int and number > 0 for number in (*shape, channels)) or channels >= MAX_CLASSES:
        return False
    tiles = -(-shape[0] // TILE) * -(-shape[1] // TILE)
    if tiles <= _FEW_TILES or partial:
        return max(shape) <= _LONGEST_SIDE
    stored: int = connection.execute("SELECT COUNT(*) FROM tile").fetchone()[0]
    return stored == tiles


def proposed_planes(place: Path, model: str) -> frozenset[PlaneId]:
    """The planes for which `model` has a stored proposal."""
    try:
        root = proposals_folder(place, model)
    except PathError:
        return frozenset()
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
