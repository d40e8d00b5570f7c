"""The project: what people did, in one SQLite file beside the slides; a stroke is whole in it or absent."""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.clean_up import Step, format_steps, parse_steps
from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError, ProjectPlaceError

PLACE_NAME = "unet-studio"
"""Name of the project folder beside the slides."""
_FILE = "project.sqlite"
_VERSION = 1
_NEWEST = 2**62  # above every id
_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS class (
    idx INTEGER PRIMARY KEY, name TEXT NOT NULL, red INTEGER, green INTEGER, blue INTEGER
);
CREATE TABLE IF NOT EXISTS plane (
    id INTEGER PRIMARY KEY, slide TEXT NOT NULL, plane INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', height INTEGER NOT NULL, width INTEGER NOT NULL, UNIQUE (slide, plane)
);
CREATE TABLE IF NOT EXISTS label_tile (
    plane_id INTEGER NOT NULL REFERENCES plane (id), tile_row INTEGER, tile_column INTEGER,
    labelled INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (plane_id, tile_row, tile_column)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
    id INTEGER PRIMARY KEY, plane_id INTEGER NOT NULL REFERENCES plane (id),
    y0 INTEGER, x0 INTEGER, y1 INTEGER, x1 INTEGER, before BLOB NOT NULL, after BLOB NOT NULL,
    sentence TEXT NOT NULL, state_before TEXT NOT NULL, state_after TEXT NOT NULL,
    time TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS hold_out (slide TEXT PRIMARY KEY);
"""


_P = ParamSpec("_P")
_R = TypeVar("_R")


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


@dataclass(frozen=True, slots=True)
class StoredEdit:
    """An edit and its place in the project's history."""

    id: int
    edit: Edit
    undone: bool


def _tells_damage(method: Callable[Concatenate["Project", _P], _R]) -> Callable[Concatenate["Project", _P], _R]:
    """Have a method that reads raise `ProjectError` where the file turns out to be damaged."""

    @wraps(method)
    def told(project: "Project", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(project, *args, **kwargs)
        except (sqlite3.OperationalError, sqlite3.ProgrammingError):
            raise  # a busy disk, or our own fault
        except (sqlite3.DatabaseError, zlib.error) as error:
            raise _damaged(project.place / _FILE, error) from error

    return told


class Project:
    """One connection to a project; every method that writes is one transaction. Use it from one thread only."""

    def __init__(self, folder: Path, place: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.place = place
        self._db = connection

    @classmethod
    def open(cls, folder: Path, *, place: Path | None = None) -> Self:
        """Open the project of a folder of slides, or make one.

        `place` is the project's folder where it isn't kept beside the slides. Raises `ProjectPlaceError` where no
        project can be made there, and `ProjectError` where the file is damaged or from a newer version.
        """
        folder = folder.resolve()
        place = (place or folder / PLACE_NAME).resolve()
        file = place / _FILE
        try:
            place.mkdir(parents=True, exist_ok=True)
            connection = _connect(file)
        except (OSError, sqlite3.OperationalError) as error:
            raise ProjectPlaceError(
                f"The project can't be kept in '{place}' ({_reason(error)}). "
                "Choose another place for it; the slides stay where they are."
            ) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(file, error) from error
        return cls(folder, place, connection)

    def close(self) -> None:
        """Let the file go; the last connection to do so also empties the write-ahead log."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def journal_mode(self) -> str:
        """'wal', or 'delete' where the file system can't do it (network drives)."""
        return str(self._db.execute("PRAGMA journal_mode").fetchone()[0])

    def checkpoint(self) -> None:
        """Have all that is committed on the disk itself, safe from a loss of power; others may write meanwhile."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside it, all that is read is of one moment, while others go on writing."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    # What the project is about

    @_tells_damage
    def classes(self) -> tuple[LabelClass, ...]:
        """The classes in order of index; background and 'foreground' until someone chooses."""
        rows = self._db.execute("SELECT idx, name, red, green, blue FROM class ORDER BY idx").fetchall()
        if not rows:
            return make_classes("foreground")
        return tuple(LabelClass(index, name, (red, green, blue)) for index, name, red, green, blue in rows)

    @property
    @_tells_damage
    def has_classes(self) -> bool:
        """Whether someone chose the classes, or a model brought them."""
        return self._db.execute("SELECT 1 FROM class").fetchone() is not None

    def set_classes(self, classes: Iterable[LabelClass]) -> None:
        with self._db:
            self._db.execute("DELETE FROM class")
            self._db.executemany(
                "INSERT INTO class VALUES (?, ?, ?, ?, ?)", [(c.index, c.name, *c.colour) for c in classes]
            )

    @_tells_damage
    def setting(self, name: str, default: str = "") -> str:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else default

    def set_setting(self, name: str, value: str) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def steps(self) -> tuple[Step, ...]:
        """The clean-up recipe."""
        return parse_steps(self.setting("clean_up"))

    def set_steps(self, steps: Iterable[Step]) -> None:
        self.set_setting("clean_up", format_steps(tuple(steps)))

    @property
    def threshold(self) -> float:
        return float(self.setting("threshold", "0.5"))

    @property
    def active_model(self) -> str:
        """Id of the model that proposes; empty until one is chosen."""
        return self.setting("active_model")

    @_tells_damage
    def hold_out(self) -> frozenset[str]:
        """Slides kept out of training."""
        return frozenset(row[0] for row in self._db.execute("SELECT slide FROM hold_out"))

    def add_hold_out(self, slides: Iterable[str]) -> None:
        """Keep these slides out of training for good; no slide is ever taken off the hold-out."""
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO hold_out VALUES (?)", [(slide,) for slide in slides])

    # Labels

    @_tells_damage
    def states(self) -> dict[PlaneId, PlaneState]:
        """The planes that a person corrected or reviewed."""
        rows = self._db.execute("SELECT slide, plane, state FROM plane WHERE state IN ('corrected', 'reviewed')")
        return {PlaneId(slide, plane): PlaneState(state) for slide, plane, state in rows}

    @_tells_damage
    def labels(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane of `shape` (h, w); raises `ProjectError` if they were made on another size."""
        row = self._find_plane(plane)
        if row is None:
            return LabelPlane(shape)
        plane_id, height, width = row
        if (height, width) != tuple(shape) and self._has_labels(plane_id):
            raise ProjectError(
                f"'{plane.slide}' was {width} × {height} pixels when it was labelled and is {shape[1]} × {shape[0]} "
                "now. Its labels are kept; put the original slide back to see them."
            )
        rows = self._db.execute(
            "SELECT tile_row, tile_column, data FROM label_tile WHERE plane_id = ?", (plane_id,)
        ).fetchall()
        return LabelPlane(shape, {(r, c): unpack(data, (TILE, TILE)) for r, c, data in rows})

    @_tells_damage
    def read_labels(self, plane: PlaneId, box: Box) -> NDArray[np.uint8]:
        """The labels inside `box` alone, (h, w) uint8, reading only the tiles that it touches."""
        row = self._find_plane(plane)
        tiles: dict[Cell, NDArray[np.uint8]] = {}
        if row is not None:
            for cell in cells_over(box):
                data = self._tile_data(row[0], cell)
                if data is not None:
                    tiles[cell] = unpack(data, (TILE, TILE))
        return LabelPlane(box.shape, tiles).read(box)

    @_tells_damage
    def labelled_planes(self) -> list[LabelledPlane]:
        """Every plane with at least one labelled pixel, in order of slide and plane."""
        rows = self._db.execute(
            "SELECT slide, plane, height, width, state, tile_row, tile_column, labelled FROM plane "
            "JOIN label_tile ON plane_id = plane.id WHERE labelled > 0 ORDER BY slide, plane"
        )
        found: dict[PlaneId, LabelledPlane] = {}
        for slide, plane, height, width, state, tile_row, tile_column, labelled in rows:
            key = PlaneId(slide, plane)
            entry = found.setdefault(key, LabelledPlane(key, (height, width), PlaneState(state), {}))
            entry.cells[tile_row, tile_column] = labelled
        return list(found.values())

    # Edits

    @_tells_damage
    def next_edit_id(self) -> int:
        return int(self._db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM edit").fetchone()[0])

    def record(self, edit_id: int, edit: Edit, shape: tuple[int, int]) -> None:
        """Store an edit of a plane of `shape` and its labels in one transaction; undone edits are forgotten.

        Recording the same id again changes nothing, so that a journal may repeat what it isn't sure of.
        """
        with self._db:
            if self._db.execute("SELECT 1 FROM edit WHERE id = ?", (edit_id,)).fetchone():
                return
            plane_id = self._make_plane(edit.plane, shape)
            self._db.execute("DELETE FROM edit WHERE undone = 1")
            box = edit.box
            self._db.execute(
                "INSERT INTO edit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    edit_id, plane_id, box.y0, box.x0, box.y1, box.x1, pack(edit.before), pack(edit.after),
                    edit.sentence, edit.state_before, edit.state_after, datetime.now(UTC).isoformat(),
                ),
            )  # fmt: skip
            self._apply(plane_id, box, edit.after, edit.state_after)

    def undo(self, edit_id: int) -> None:
        self._replay(edit_id, undone=True)

    def redo(self, edit_id: int) -> None:
        self._replay(edit_id, undone=False)

    @_tells_damage
    def history(self, *, before: int | None = None, max_bytes: int = 64 << 20) -> list[StoredEdit]:
        """The newest edits, oldest first, undone ones last, as many as fit in `max_bytes` (at least one).

        With `before`, only edits older than the one with this id.
        """
        sql = "SELECT id, y0, x0, y1, x1 FROM edit WHERE id < ? ORDER BY id DESC"
        rows = self._db.execute(sql, (_NEWEST if before is None else before,))
        newest: list[int] = []
        used = 0
        for edit_id, y0, x0, y1, x1 in rows:
            used += 2 * (y1 - y0) * (x1 - x0)
            if newest and used > max_bytes:
                break
            newest.append(edit_id)
        return [self._stored_edit(edit_id) for edit_id in reversed(newest)]

    def _stored_edit(self, edit_id: int) -> StoredEdit:
        slide, plane, y0, x0, y1, x1, before, after, sentence, state_before, state_after, undone = self._db.execute(
            "SELECT slide, plane, y0, x0, y1, x1, before, after, sentence, state_before, state_after, undone "
            "FROM edit JOIN plane ON plane.id = plane_id WHERE edit.id = ?",
            (edit_id,),
        ).fetchone()
        box = Box(y0, x0, y1, x1)
        edit = Edit(
            PlaneId(slide, plane), box, unpack(before, box.shape), unpack(after, box.shape), sentence,
            PlaneState(state_before), PlaneState(state_after),
        )  # fmt: skip
        return StoredEdit(edit_id, edit, bool(undone))

    def _replay(self, edit_id: int, *, undone: bool) -> None:
        with self._db:
            row = self._db.execute(
                "SELECT plane_id, y0, x0, y1, x1, before, after, state_before, state_after, undone "
                "FROM edit WHERE id = ?",
                (edit_id,),
            ).fetchone()
            if row is None or bool(row[9]) == undone:
                return
            plane_id, y0, x0, y1, x1, before, after, state_before, state_after, _ = row
            box = Box(y0, x0, y1, x1)
            labels = unpack(before if undone else after, box.shape)
            self._apply(plane_id, box, labels, state_before if undone else state_after)
            self._db.execute("UPDATE edit SET undone = ? WHERE id = ?", (int(undone), edit_id))

    def _apply(self, plane_id: int, box: Box, labels: NDArray[np.uint8], state: str) -> None:
        for cell in cells_over(box):
            covered = tile_box(cell)
            common = covered.intersect(box)
            data = self._tile_data(plane_id, cell)
            tile = np.full((TILE, TILE), UNLABELLED, np.uint8) if data is None else unpack(data, (TILE, TILE))
            tile[common.within(covered)] = labels[common.within(box)]
            self._write_tile(plane_id, cell, tile)
        self._db.execute("UPDATE plane SET state = ? WHERE id = ?", (str(state), plane_id))

    def _write_tile(self, plane_id: int, cell: Cell, tile: NDArray[np.uint8]) -> None:
        labelled = int(np.count_nonzero(tile != UNLABELLED))
        if labelled == 0:
            self._db.execute(
                "DELETE FROM label_tile WHERE plane_id = ? AND tile_row = ? AND tile_column = ?", (plane_id, *cell)
            )
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO label_tile VALUES (?, ?, ?, ?, ?)", (plane_id, *cell, labelled, pack(tile))
            )

    def _tile_data(self, plane_id: int, cell: Cell) -> bytes | None:
        row = self._db.execute(
            "SELECT data FROM label_tile WHERE plane_id = ? AND tile_row = ? AND tile_column = ?", (plane_id, *cell)
        ).fetchone()
        return row[0] if row else None

    def _find_plane(self, plane: PlaneId) -> tuple[int, int, int] | None:
        row: tuple[int, int, int] | None = self._db.execute(
            "SELECT id, height, width FROM plane WHERE slide = ? AND plane = ?", (plane.slide, plane.plane)
        ).fetchone()
        return row

    def _has_labels(self, plane_id: int) -> bool:
        return self._db.execute("SELECT 1 FROM label_tile WHERE plane_id = ?", (plane_id,)).fetchone() is not None

    def _make_plane(self, plane: PlaneId, shape: tuple[int, int]) -> int:
        self._db.execute(
            "INSERT INTO plane (slide, plane, height, width) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET height = excluded.height, width = excluded.width",
            (plane.slide, plane.plane, *shape),
        )
        row = self._find_plane(plane)
        assert row is not None
        return row[0]


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=10.0)
    try:
        _prepare(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise ProjectError(
            f"'{file}' was made by a newer U-Net Studio (format {version}, this one reads up to {_VERSION}). "
            "Update the program to open it."
        )
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    # WAL lets training read one snapshot while the user paints; where it can't work SQLite stays with 'delete'.
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
        # A commit is in the system's hands at once, which is what a crash of ours needs; waiting for the disk itself
        # would hold up the next stroke on a busy machine. `checkpoint` sees to the disk, in a thread of its own.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def _damaged(file: Path, error: Exception) -> ProjectError:
    return ProjectError(
        f"'{file}' isn't a project file, or is damaged ({error}). "
        "Put it aside and restore a copy from your backup, or open the folder with another place."
    )


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
