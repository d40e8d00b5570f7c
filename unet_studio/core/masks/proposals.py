"""Proposals: what a model said of a plane, per-class probabilities quantised to uint8, kept as a cache of tiles."""

import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError

_SUFFIX = ".tiles"
_PART_SUFFIX = ".view"
_SCHEMA = """
CREATE TABLE proposal (height INTEGER, width INTEGER, channels INTEGER, slide_stamp TEXT, flips INTEGER);
CREATE TABLE tile (tile_row INTEGER, tile_column INTEGER, data BLOB, PRIMARY KEY (tile_row, tile_column));
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stored proposal of one plane of `shape` (h, w), with one channel for each class but background.

    A `partial` one is to be looked at while the rest is on its way, never to be accepted, exported or skipped for:
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
        Raises `ProjectError` if the cache was deleted or damaged; proposing again mends that.
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
                    tile = _unpack_again(row[0], (*whole.shape, self.channels))[::shrink, ::shrink]
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
    """Where what there is of that proposal is kept until it is whole."""
    return proposal_file(place, model, plane).with_suffix(_PART_SUFFIX)


def slide_stamp(slide: Path) -> str:
    """What tells a slide file from a later version of it: its size and its time of change."""
    status = slide.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def find_proposal(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """The proposal of `model` for a plane; None if there is none, or it is of another version of the slide."""
    return _find(proposal_file(place, model, plane), stamp, partial=False) if model else None


def find_part(place: Path, model: str, plane: PlaneId, *, stamp: str | None = None) -> Proposal | None:
    """What there is of a proposal while the rest of it is on its way; None as for `find_proposal`."""
    return _find(part_file(place, model, plane), stamp, partial=True)


def _find(file: Path, stamp: str | None, *, partial: bool) -> Proposal | None:
    if not file.is_file():
        return None
    try:
        with _reading(file) as connection:
            # Those of earlier versions of the program, which had no flips, end before them.
            height, width, channels, made_of, *flips = connection.execute("SELECT * FROM proposal").fetchone()
    except (sqlite3.Error, TypeError):
        return None  # a damaged cache is as good as none
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


def write_proposal(
    file: Path,
    shape: tuple[int, int],
    channels: int,
    strips: Iterable[tuple[int, NDArray[np.uint8]]],
    *,
    stamp: str,
    flips: bool = False,
) -> None:
    """Store a proposal from strips of rows that come from top to bottom.

    Each strip is (y0, probabilities (rows, w, channels)); together they cover the plane. Memory is bounded by the
    strips. The file is written beside and renamed, so that a reader sees the old one or the new one.
    Raises `ProjectError` where that fails.
    """
    with _writing(file, (*shape, channels, stamp, flips)) as connection:
        for cell, tile in _tiles_of_strips(strips, shape[0]):
            _write_tile(connection, cell, tile)


def write_growing(
    file: Path,
    part: Path,
    shape: tuple[int, int],
    first: tuple[Box, NDArray[np.uint8]],
    pieces: Iterable[tuple[Box, NDArray[np.uint8]]],
    *,
    stamp: str,
    flips: bool = False,
    grown: Callable[[], None] = lambda: None,
) -> None:
    """Store a proposal from pieces in any order; what there is can be looked at in the file `part` meanwhile.

    A piece is a box and its probabilities (h, w, channels); together they cover the plane, each pixel once. `first` is
    such a piece out to whole tiles, which is shown until others cover it. `part` is written anew, and `grown` called,
    whenever there is twice as much: that costs no more than to copy the whole once. Memory is bounded by the edge of
    what is covered. Errors, and what a reader of `file` sees, are those of `write_proposal`; `part` is the caller's to
    take away.
    """
    of_plane = sum(1 for _ in cells_over(Box.of_shape(shape)))
    with _writing(file, (*shape, first[1].shape[2], stamp, flips)) as connection:
        stored = shown = 0
        for cell, tile in _tiles_of_pieces([first], shape):
            _write_tile(connection, cell, tile)
            shown += 1
        _show(connection, file, part, grown)
        for cell, tile in _tiles_of_pieces(pieces, shape):
            _write_tile(connection, cell, tile)
            stored += 1
            if 2 * shown <= stored < of_plane:
                shown = stored
                _show(connection, file, part, grown)
        if stored != of_plane:
            raise ValueError(f"the pieces cover {stored} of {of_plane} tiles of the plane")


@contextmanager
def _writing(file: Path, facts: tuple[int, int, int, str, bool]) -> Iterator[sqlite3.Connection]:
    """A file beside, which takes the place of `file` if all goes well."""
    beside = _beside(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        connection = sqlite3.connect(beside)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO proposal VALUES (?, ?, ?, ?, ?)", facts)
            yield connection
            connection.commit()
        finally:
            connection.close()
        beside.replace(file)
    except (OSError, sqlite3.Error) as error:
        raise ProjectError(
            f"The proposal could not be written to '{file.parent}' ({error}). "
            "Free some space or ask for permission to write there, then propose again."
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".part")


def _show(connection: sqlite3.Connection, file: Path, part: Path, grown: Callable[[], None]) -> None:
    """Copy what is written so far, so that no reader and no writer waits for the other."""
    connection.commit()
    copy = _beside(part)
    try:
        shutil.copyfile(_beside(file), copy)
        copy.replace(part)
    except OSError:
        return  # somebody looks at the last part just now; there will be a next one
    finally:
        with suppress(OSError):
            copy.unlink(missing_ok=True)
    grown()


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


def _tiles_of_strips(
    strips: Iterable[tuple[int, NDArray[np.uint8]]], height: int
) -> Iterator[tuple[Cell, NDArray[np.uint8]]]:
    for row, band in _tile_rows(strips, height):
        for column in range(-(-band.shape[1] // TILE)):
            yield (row, column), band[:, column * TILE : (column + 1) * TILE]


def _tiles_of_pieces(
    pieces: Iterable[tuple[Box, NDArray[np.uint8]]], shape: tuple[int, int]
) -> Iterator[tuple[Cell, NDArray[np.uint8]]]:
    """Put tiles together from pieces that share no pixel; a tile comes as soon as it is whole."""
    waiting: dict[Cell, tuple[NDArray[np.uint8], int]] = {}
    for box, values in pieces:
        for cell in cells_over(box):
            whole = tile_box(cell).intersect(Box.of_shape(shape))
            common = whole.intersect(box)
            new = np.empty((*whole.shape, values.shape[2]), np.uint8)
            tile, missing = waiting.pop(cell, (new, whole.height * whole.width))
            tile[common.within(whole)] = values[common.within(box)]
            missing -= common.height * common.width
            if missing:
                waiting[cell] = tile, missing
            else:
                yield cell, tile


def _tile_rows(strips: Iterable[tuple[int, NDArray[np.uint8]]], height: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Cut strips of any height into rows of tiles: (row, probabilities (≤256, w, channels))."""
    parts: list[NDArray[np.uint8]] = []
    start = 0
    for y0, strip in strips:
        if y0 != start + sum(len(part) for part in parts):
            raise ValueError(f"strips must follow each other; expected row {start}, received {y0}")
        parts.append(strip)
        waiting = np.concatenate(parts) if len(parts) > 1 else parts[0]
        while len(waiting) >= TILE or (len(waiting) and start + len(waiting) == height):
            yield start // TILE, waiting[:TILE]
            start += min(TILE, len(waiting))
            waiting = waiting[TILE:]
        parts = [waiting] if len(waiting) else []
    if start != height:
        raise ValueError(f"the strips cover {start} of {height} rows")


def _write_tile(connection: sqlite3.Connection, cell: Cell, tile: NDArray[np.uint8]) -> None:
    connection.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", (*cell, pack(tile)))


@lru_cache(maxsize=512)
def _unpack_again(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Unpack a tile that is likely asked for again: a slider of threshold or clean-up is dragged over the same view."""
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
