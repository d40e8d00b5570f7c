"""Labels in the store: the rows of planes and of label tiles, read and written inside the caller's transaction."""

import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import UNKNOWN_PROPOSAL, LabelPlane, PlaneId, PlaneState, ProposalId
from unet_studio.core.project.stored_values import (
    bytes_of,
    cell_of,
    damaged_entry,
    is_whole,
    plane_of,
    shape_of,
    state_of,
)
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError, StoredDataError

_UNKNOWN = "?"
"""The proposal of a plane, where a project of an earlier version doesn't say which one it was."""
_counted = ByteCache[bytes, dict[int, int]](32 << 20, lambda _: 256)
"""The classes of label tiles, by a digest of each: all are counted after every pause in painting, and most stay."""
_MOSTLY = 0.5
"""Of a plane that isn't reviewed so much must be labelled for its labels to stand for all of it."""


@dataclass(frozen=True, slots=True)
class LabelledPlane:
    """What a training needs to know of a plane before it reads it; `cells` counts labelled pixels by tile."""

    plane: PlaneId
    shape: tuple[int, int]
    state: PlaneState
    cells: dict[Cell, int]

    @property
    def labelled(self) -> int:
        return sum(self.cells.values())

    @property
    def is_whole(self) -> bool:
        """Whether a person labelled all of it: it is reviewed, or mostly labelled."""
        return _is_whole(self.state, self.labelled, self.shape[0] * self.shape[1])


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """How many of a plane's `pixels` are labelled as each class, by its index; a class without any isn't there."""

    pixels: int
    state: PlaneState
    of_class: dict[int, int]

    @property
    def labelled(self) -> int:
        return sum(self.of_class.values())

    @property
    def is_whole(self) -> bool:
        """As of `LabelledPlane`."""
        return _is_whole(self.state, self.labelled, self.pixels)


def _is_whole(state: PlaneState, labelled: int, pixels: int) -> bool:
    return state is PlaneState.REVIEWED or labelled >= _MOSTLY * pixels


def read_states(db: sqlite3.Connection) -> dict[PlaneId, PlaneState]:
    """The planes that a person corrected or reviewed."""
    rows = db.execute("SELECT slide, plane, state FROM plane WHERE COALESCE(state, '') NOT IN ('new', 'proposed')")
    return {plane: state_of(state) for slide, number, state in rows if (plane := plane_of(slide, number))}


def read_proposals(db: sqlite3.Connection) -> dict[PlaneId, ProposalId]:
    """The proposals that are kept under the labels of planes, `UNKNOWN_PROPOSAL` where it isn't known which one."""
    rows = db.execute("SELECT slide, plane, proposal FROM plane WHERE proposal != ''")
    found = ((plane_of(slide, number), parse_proposal(text)) for slide, number, text in rows)
    return {plane: proposal for plane, proposal in found if plane is not None and proposal is not None}


def read_proposal(db: sqlite3.Connection, plane: PlaneId) -> ProposalId | None:
    """The proposal that is kept under the labels of one plane."""
    row = db.execute("SELECT proposal FROM plane WHERE slide = ? AND plane = ?", (plane.slide, plane.plane)).fetchone()
    return parse_proposal(row[0]) if row and row[0] else None


def read_unsettled(db: sqlite3.Connection) -> list[PlaneId]:
    """The planes that are labelled in part and of which no proposal is kept that is known."""
    rows = db.execute(
        "SELECT slide, plane FROM plane WHERE state IN ('corrected', 'reviewed') AND proposal IN ('', ?) AND "
        "height * width > (SELECT COALESCE(SUM(labelled), 0) FROM label_tile WHERE plane_id = plane.id) "
        "ORDER BY slide, plane",
        (_UNKNOWN,),
    )
    return [plane for slide, number in rows if (plane := plane_of(slide, number))]


def settle_proposal(db: sqlite3.Connection, plane: PlaneId, proposal: ProposalId) -> None:
    """Name the proposal under the labels of a plane that has some, where none is known so far."""
    db.execute(
        "UPDATE plane SET proposal = ? WHERE slide = ? AND plane = ? AND proposal IN ('', ?) "
        "AND state IN ('corrected', 'reviewed')",
        (str(proposal), plane.slide, plane.plane, _UNKNOWN),
    )


def write_proposal(db: sqlite3.Connection, plane_id: int, proposal: str) -> None:
    """Name the proposal under the labels of a plane, as `format_proposal` writes it."""
    db.execute("UPDATE plane SET proposal = ? WHERE id = ?", (proposal, plane_id))


def format_proposal(proposal: ProposalId | None) -> str:
    if proposal is None:
        return ""
    return _UNKNOWN if proposal == UNKNOWN_PROPOSAL else str(proposal)


def parse_proposal(text: object) -> ProposalId | None:
    """The proposal that a text names; an unknown one where it is no text."""
    if text == "":
        return None
    return ProposalId.parse(text) if isinstance(text, str) and text != _UNKNOWN else UNKNOWN_PROPOSAL


def read_plane(db: sqlite3.Connection, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
    """The labels of a plane of `shape` (h, w); raises `ProjectError` if they are damaged, or of another size."""
    row = _find_plane(db, plane)
    if row is None:
        return LabelPlane(shape)
    plane_id, (height, width) = row
    if (height, width) != tuple(shape) and _has_labels(db, plane_id):
        raise ProjectError(
            f"'{plane.slide}' was {width} × {height} pixels when it was labelled and is {shape[1]} × {shape[0]} "
            "now. Its labels are kept; put the original slide back to see them."
        )
    unpacked: dict[bytes, NDArray[np.uint8]] = {}  # on a plane that was reviewed as a whole many tiles are alike
    tiles = []
    for *place, data in db.execute(
        "SELECT tile_row, tile_column, data FROM label_tile WHERE plane_id = ?", (plane_id,)
    ):
        cell = cell_of(plane, shape, *place)
        if data not in unpacked:
            unpacked[data] = _unpack_tile(plane, data)
        tiles.append((cell, unpacked[data]))
    return LabelPlane(shape, tiles)


def read_box(db: sqlite3.Connection, plane: PlaneId, box: Box) -> NDArray[np.uint8]:
    """The labels inside `box` alone, (h, w) uint8, reading only the tiles that it touches."""
    row = _find_plane(db, plane)
    tiles: dict[Cell, NDArray[np.uint8]] = {}
    if row is not None:
        for cell in cells_over(box):
            data = _tile_data(db, row[0], cell)
            if data is not None:
                tiles[cell] = _unpack_tile(plane, data)
    return LabelPlane(box.shape, tiles.items()).read(box)


def read_labelled_planes(db: sqlite3.Connection) -> list[LabelledPlane]:
    """Every plane with at least one labelled pixel, in order of slide and plane, but for damaged ones."""
    rows = db.execute(
        "SELECT slide, plane, height, width, state, tile_row, tile_column, labelled FROM plane "
        "JOIN label_tile ON plane_id = plane.id WHERE labelled > 0 ORDER BY slide, plane"
    )
    found: dict[PlaneId, LabelledPlane] = {}
    damaged: set[PlaneId] = set()
    for slide, number, height, width, state, tile_row, tile_column, labelled in rows:
        plane = plane_of(slide, number)
        if plane is None:
            continue
        try:
            shape = shape_of(plane, height, width)
            entry = found.setdefault(plane, LabelledPlane(plane, shape, state_of(state), {}))
            entry.cells[cell_of(plane, shape, tile_row, tile_column)] = _labelled_of(plane, labelled)
        except StoredDataError:
            damaged.add(plane)
    return [entry for plane, entry in found.items() if plane not in damaged]


def read_class_counts(db: sqlite3.Connection) -> dict[PlaneId, ClassCounts]:
    """How many pixels of each class are labelled, on every plane with any, but for damaged ones."""
    rows = db.execute(
        "SELECT slide, plane, height, width, state, data FROM plane "
        "JOIN label_tile ON plane_id = plane.id WHERE labelled > 0 ORDER BY slide, plane"
    )
    found: dict[PlaneId, ClassCounts] = {}
    damaged: set[PlaneId] = set()
    for slide, number, height, width, state, data in rows:
        plane = plane_of(slide, number)
        if plane is None:
            continue
        try:
            shape = shape_of(plane, height, width)
            entry = found.setdefault(plane, ClassCounts(shape[0] * shape[1], state_of(state), {}))
            for index, pixels in _count(plane, data).items():
                entry.of_class[index] = entry.of_class.get(index, 0) + pixels
        except StoredDataError:
            damaged.add(plane)
    return {plane: counts for plane, counts in found.items() if plane not in damaged}


def _count(plane: PlaneId, data: object) -> dict[int, int]:
    packed = bytes_of(f"'{plane.slide}'", data)
    return _counted.get(blake2b(packed, digest_size=16).digest(), partial(_count_tile, plane, packed))


def _count_tile(plane: PlaneId, data: bytes) -> dict[int, int]:
    pixels = np.bincount(_unpack_tile(plane, data).ravel())
    return {int(c): int(pixels[c]) for c in np.flatnonzero(pixels) if c != UNLABELLED}


def _labelled_of(plane: PlaneId, value: object) -> int:
    if is_whole(value, 1, TILE * TILE):
        return value
    raise damaged_entry(f"'{plane.slide}'")


def _unpack_tile(plane: PlaneId, data: object) -> NDArray[np.uint8]:
    try:
        return unpack(bytes_of(f"'{plane.slide}'", data), (TILE, TILE))
    except (zlib.error, ValueError) as error:
        raise damaged_entry(f"'{plane.slide}'") from error


def make_plane(db: sqlite3.Connection, plane: PlaneId, shape: tuple[int, int]) -> int:
    """The id of the plane's row, which is made, or given its new (h, w), where that is needed."""
    db.execute(
        "INSERT INTO plane (slide, plane, height, width) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET height = excluded.height, width = excluded.width",
        (plane.slide, plane.plane, *shape),
    )
    return find_plane_id(db, plane)


def find_plane_id(db: sqlite3.Connection, plane: PlaneId) -> int:
    """The id of the row of a plane that has one; raises `StoredDataError` where a damaged index doesn't lead there."""
    row = db.execute("SELECT id FROM plane WHERE slide = ? AND plane = ?", (plane.slide, plane.plane)).fetchone()
    if row is None:
        raise damaged_entry(f"'{plane.slide}'")
    return int(row[0])


def write_labels(
    db: sqlite3.Connection, plane: PlaneId, plane_id: int, patches: Iterable[tuple[Box, bytes]], state: str
) -> None:
    """Give a plane the labels of patches, compressed, which lie within one tile each, and a state.

    Raises `StoredDataError` where a tile that is written in part, or a patch, is damaged.
    """
    for box, data in patches:
        cell = box.y0 // TILE, box.x0 // TILE
        covered, labels = tile_box(cell), _unpack_patch(plane, data, box)
        if box == covered:
            _write_tile(db, plane_id, cell, labels, data)
            continue
        stored = _tile_data(db, plane_id, cell)
        tile = np.full((TILE, TILE), UNLABELLED, np.uint8) if stored is None else _unpack_tile(plane, stored)
        tile[box.within(covered)] = labels
        _write_tile(db, plane_id, cell, tile, pack(tile))
    db.execute("UPDATE plane SET state = ? WHERE id = ?", (str(state), plane_id))
    if state in (PlaneState.NEW, PlaneState.PROPOSED):
        write_proposal(db, plane_id, "")  # it follows the active model again


def _write_tile(db: sqlite3.Connection, plane_id: int, cell: Cell, tile: NDArray[np.uint8], packed: bytes) -> None:
    labelled = int(np.count_nonzero(tile != UNLABELLED))
    if labelled == 0:
        db.execute("DELETE FROM label_tile WHERE plane_id = ? AND tile_row = ? AND tile_column = ?", (plane_id, *cell))
    else:
        db.execute("INSERT OR REPLACE INTO label_tile VALUES (?, ?, ?, ?, ?)", (plane_id, *cell, labelled, packed))


def _unpack_patch(plane: PlaneId, data: bytes, box: Box) -> NDArray[np.uint8]:
    try:
        return unpack(data, box.shape)
    except (zlib.error, ValueError) as error:
        raise damaged_entry(f"an edit of '{plane.slide}'") from error


def _tile_data(db: sqlite3.Connection, plane_id: int, cell: Cell) -> object:
    """The packed labels of a tile, or None where there are none."""
    row = db.execute(
        "SELECT data FROM label_tile WHERE plane_id = ? AND tile_row = ? AND tile_column = ?", (plane_id, *cell)
    ).fetchone()
    return row[0] if row else None


def _find_plane(db: sqlite3.Connection, plane: PlaneId) -> tuple[int, tuple[int, int]] | None:
    """Id and (h, w) of the plane's row."""
    row = db.execute(
        "SELECT id, height, width FROM plane WHERE slide = ? AND plane = ?", (plane.slide, plane.plane)
    ).fetchone()
    return (int(row[0]), shape_of(plane, *row[1:])) if row else None


def _has_labels(db: sqlite3.Connection, plane_id: int) -> bool:
    return db.execute("SELECT 1 FROM label_tile WHERE plane_id = ?", (plane_id,)).fetchone() is not None
