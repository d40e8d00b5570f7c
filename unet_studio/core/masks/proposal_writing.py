"""Storing proposals: from strips of rows, or from pieces in any order that can be looked at meanwhile."""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box
from unet_studio.errors import ProjectError

_SCHEMA = """
CREATE TABLE proposal (
    height INTEGER, width INTEGER, channels INTEGER, slide_stamp TEXT, flips INTEGER, version TEXT
);
CREATE TABLE tile (tile_row INTEGER, tile_column INTEGER, data BLOB, PRIMARY KEY (tile_row, tile_column));
"""


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
    on_part: Callable[[], None] = lambda: None,
) -> None:
    """Store a proposal from pieces in any order; what there is can be looked at in the file `part` meanwhile.

    A piece is a box and its probabilities (h, w, channels); together they cover the plane, each pixel once. `first` is
    such a piece out to whole tiles, which is shown until others cover it. `part` is written anew, and `on_part` called,
    whenever there is twice as much: that costs no more than to copy the whole once. Memory is bounded by the edge of
    what is covered. Errors, and what a reader of `file` sees, are those of `write_proposal`; the caller removes
    `part`.
    """
    of_plane = sum(1 for _ in cells_over(Box.of_shape(shape)))
    with _writing(file, (*shape, first[1].shape[2], stamp, flips)) as connection:
        stored = shown = 0
        for cell, tile in _tiles_of_pieces([first], shape):
            _write_tile(connection, cell, tile)
            shown += 1
        _show(connection, file, part, on_part)
        for cell, tile in _tiles_of_pieces(pieces, shape):
            _write_tile(connection, cell, tile)
            stored += 1
            if 2 * shown <= stored < of_plane:
                shown = stored
                _show(connection, file, part, on_part)
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
            connection.execute("INSERT INTO proposal VALUES (?, ?, ?, ?, ?, '')", facts)
            yield connection
            connection.execute("UPDATE proposal SET version = ?", (_version(connection),))
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


def _version(connection: sqlite3.Connection) -> str:
    """A digest of all tiles, which tells one proposal from another."""
    digest = blake2b(digest_size=16)
    for tile in connection.execute("SELECT tile_row, tile_column, data FROM tile ORDER BY tile_row, tile_column"):
        digest.update(b"%d %d %d " % (tile[0], tile[1], len(tile[2])))
        digest.update(tile[2])
    return digest.hexdigest()


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".part")


def _show(connection: sqlite3.Connection, file: Path, part: Path, on_part: Callable[[], None]) -> None:
    """Copy what is written so far, so that no reader and no writer waits for the other."""
    connection.commit()
    copy = _beside(part)
    try:
        shutil.copyfile(_beside(file), copy)
        copy.replace(part)
    except OSError:
        return  # a reader has the last part open; the next one follows soon
    finally:
        with suppress(OSError):
            copy.unlink(missing_ok=True)
    on_part()


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
