"""The project: what people did, in one SQLite file beside the slides; a stroke is whole in it or absent."""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.cleaning.clean_up import Step, format_steps, parse_steps
from unet_studio.core.labels.edits import Edit, MaskRecipe, Patch, PlaneChange, RecipeChange, make_patches
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.project.lock import writing
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError, ProjectInUseError, ProjectPlaceError

PLACE_NAME = "unet-studio"
"""Name of the project folder beside the slides."""
_FILE = "project.sqlite"
_VERSION = 2
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
CREATE TABLE IF NOT EXISTS hold_out (slide TEXT PRIMARY KEY);
"""
_EDIT_SCHEMA = """
CREATE TABLE IF NOT EXISTS edit (
    id INTEGER PRIMARY KEY, sentence TEXT NOT NULL, time TEXT NOT NULL, weight INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS undone_edit ON edit (id) WHERE undone = 1;
CREATE TABLE IF NOT EXISTS edit_plane (
    edit_id INTEGER NOT NULL REFERENCES edit (id) ON DELETE CASCADE, position INTEGER NOT NULL,
    plane_id INTEGER NOT NULL REFERENCES plane (id), state_before TEXT NOT NULL, state_after TEXT NOT NULL,
    PRIMARY KEY (edit_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit_patch (
    id INTEGER PRIMARY KEY, edit_id INTEGER NOT NULL, position INTEGER NOT NULL,
    y0 INTEGER, x0 INTEGER, y1 INTEGER, x1 INTEGER, before BLOB NOT NULL, after BLOB NOT NULL,
    FOREIGN KEY (edit_id, position) REFERENCES edit_plane ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS patch_of_edit ON edit_patch (edit_id, position);
CREATE TABLE IF NOT EXISTS edit_recipe (
    edit_id INTEGER PRIMARY KEY REFERENCES edit (id) ON DELETE CASCADE,
    steps_before TEXT NOT NULL, threshold_before REAL NOT NULL, steps_after TEXT NOT NULL, threshold_after REAL NOT NULL
);
"""
"""Edits as they are since version 2; in version 1 an edit was one box of one plane, a row of a single table."""


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
        except (sqlite3.DatabaseError, zlib.error) as error:
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
        rows = self._db.execute("SELECT tile_row, tile_column, data FROM label_tile WHERE plane_id = ?", (plane_id,))
        return LabelPlane(shape, (((r, c), _unpack_tile(data)) for r, c, data in rows))

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
        return LabelPlane(box.shape, tiles.items()).read(box)

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

    def record(self, edit_id: int, edit: Edit, *shapes: tuple[int, int]) -> None:
        """Store an edit and what it changes in one transaction; undone edits are forgotten.

        `shapes` are the (h, w) of the planes that it changes, in their order. Recording the same id again changes
        nothing, so that a journal may repeat what it isn't sure of.
        """
        with self._db:
            if self._db.execute("SELECT 1 FROM edit WHERE id = ?", (edit_id,)).fetchone():
                return
            self._db.execute("DELETE FROM edit WHERE undone = 1")
            self._db.execute(
                "INSERT INTO edit (id, sentence, time, weight) VALUES (?, ?, ?, ?)",
                (edit_id, edit.sentence, datetime.now(UTC).isoformat(), edit.nbytes),
            )
            for position, (change, shape) in enumerate(zip(edit.planes, shapes, strict=True)):
                plane_id = self._make_plane(change.plane, shape)
                _insert_change(self._db, edit_id, position, plane_id, change)
                self._apply(plane_id, ((patch.box, patch.after) for patch in change.patches), change.state_after)
            if edit.recipe is not None:
                before, after = edit.recipe.before, edit.recipe.after
                self._db.execute(
                    "INSERT INTO edit_recipe VALUES (?, ?, ?, ?, ?)",
                    (edit_id, format_steps(before.steps), before.threshold, format_steps(after.steps), after.threshold),
                )
                self._set_recipe(format_steps(after.steps), after.threshold)

    def undo(self, edit_id: int) -> None:
        self._replay(edit_id, undone=True)

    def redo(self, edit_id: int) -> None:
        self._replay(edit_id, undone=False)

    @_tells_damage
    def history(self, *, before: int | None = None, max_bytes: int = 64 << 20) -> list[StoredEdit]:
        """The newest edits, oldest first, undone ones last, as many as fit in `max_bytes` of memory (at least one).

        With `before`, only edits older than the one with this id.
        """
        sql = "SELECT id, weight FROM edit WHERE id < ? ORDER BY id DESC"
        newest: list[int] = []
        used = 0
        for edit_id, weight in self._db.execute(sql, (_NEWEST if before is None else before,)):
            used += weight
            if newest and used > max_bytes:
                break
            newest.append(edit_id)
        return [self._stored_edit(edit_id) for edit_id in reversed(newest)]

    def _stored_edit(self, edit_id: int) -> StoredEdit:
        sentence, undone = self._db.execute("SELECT sentence, undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
        rows = self._db.execute(
            "SELECT position, slide, plane, state_before, state_after FROM edit_plane "
            "JOIN plane ON plane.id = plane_id WHERE edit_id = ? ORDER BY position",
            (edit_id,),
        ).fetchall()
        planes = tuple(
            PlaneChange(PlaneId(slide, plane), self._patches(edit_id, position), PlaneState(before), PlaneState(after))
            for position, slide, plane, before, after in rows
        )
        return StoredEdit(edit_id, Edit(sentence, planes, self._recipe_change(edit_id)), bool(undone))

    def _patches(self, edit_id: int, position: int) -> tuple[Patch, ...]:
        rows = self._db.execute(
            "SELECT y0, x0, y1, x1, before, after FROM edit_patch WHERE edit_id = ? AND position = ? ORDER BY id",
            (edit_id, position),
        )
        return tuple(Patch(Box(*corners), before, after) for *corners, before, after in rows)

    def _recipe_change(self, edit_id: int) -> RecipeChange | None:
        row = self._db.execute(
            "SELECT steps_before, threshold_before, steps_after, threshold_after FROM edit_recipe WHERE edit_id = ?",
            (edit_id,),
        ).fetchone()
        if row is None:
            return None
        return RecipeChange(MaskRecipe(parse_steps(row[0]), row[1]), MaskRecipe(parse_steps(row[2]), row[3]))

    def _replay(self, edit_id: int, *, undone: bool) -> None:
        side = "before" if undone else "after"
        with self._db:
            row = self._db.execute("SELECT undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
            if row is None or bool(row[0]) == undone:
                return
            planes = self._db.execute(
                f"SELECT position, plane_id, state_{side} FROM edit_plane WHERE edit_id = ?", (edit_id,)
            ).fetchall()
            for position, plane_id, state in planes:
                patches = self._db.execute(
                    f"SELECT y0, x0, y1, x1, {side} FROM edit_patch WHERE edit_id = ? AND position = ?",
                    (edit_id, position),
                )
                self._apply(plane_id, ((Box(*corners), data) for *corners, data in patches), state)
            recipe = self._db.execute(
                f"SELECT steps_{side}, threshold_{side} FROM edit_recipe WHERE edit_id = ?", (edit_id,)
            ).fetchone()
            if recipe is not None:
                self._set_recipe(*recipe)
            self._db.execute("UPDATE edit SET undone = ? WHERE id = ?", (int(undone), edit_id))

    def _set_recipe(self, steps: str, threshold: float) -> None:
        rows = [("clean_up", steps), ("threshold", str(threshold))]
        self._db.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", rows)

    def _apply(self, plane_id: int, patches: Iterable[tuple[Box, bytes]], state: str) -> None:
        """Give a plane the labels of patches, which lie within one tile each, and a state."""
        for box, data in patches:
            cell = box.y0 // TILE, box.x0 // TILE
            covered, labels = tile_box(cell), unpack(data, box.shape)
            if box == covered:
                self._write_tile(plane_id, cell, labels, data)
                continue
            stored = self._tile_data(plane_id, cell)
            tile = np.full((TILE, TILE), UNLABELLED, np.uint8) if stored is None else unpack(stored, (TILE, TILE))
            tile[box.within(covered)] = labels
            self._write_tile(plane_id, cell, tile, pack(tile))
        self._db.execute("UPDATE plane SET state = ? WHERE id = ?", (str(state), plane_id))

    def _write_tile(self, plane_id: int, cell: Cell, tile: NDArray[np.uint8], packed: bytes) -> None:
        labelled = int(np.count_nonzero(tile != UNLABELLED))
        if labelled == 0:
            self._db.execute(
                "DELETE FROM label_tile WHERE plane_id = ? AND tile_row = ? AND tile_column = ?", (plane_id, *cell)
            )
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO label_tile VALUES (?, ?, ?, ?, ?)", (plane_id, *cell, labelled, packed)
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


@lru_cache(maxsize=64)
def _unpack_tile(data: bytes) -> NDArray[np.uint8]:
    """A tile, read-only; on a plane that was reviewed as a whole many are alike."""
    tile = unpack(data, (TILE, TILE))
    tile.setflags(write=False)
    return tile


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
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_EDIT_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    elif version == 1:
        _migrate(connection, file)
    # WAL lets training read one snapshot while the user paints; where it can't work SQLite stays with 'delete'.
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
        # A commit is in the system's hands at once, which is what a crash of ours needs; waiting for the disk itself
        # would hold up the next stroke on a busy machine. `checkpoint` sees to the disk, in a thread of its own.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    """Bring a project of version 1 up to date; one that this fails for stays as it was."""
    try:
        with writing(file.parent):  # an older U-Net Studio that has it open could not go on writing
            _migrate_edits(connection)
    except (ProjectInUseError, sqlite3.OperationalError) as error:
        reason = "another window or command has it open" if isinstance(error, ProjectInUseError) else error
        raise ProjectError(
            f"'{file}' is of an older U-Net Studio and can't be brought up to date ({reason}). It is unchanged: close "
            "other windows and see that the disk has room, then open the folder again."
        ) from error


def _migrate_edits(connection: sqlite3.Connection) -> None:
    """Cut the edits, each a box of one plane in version 1, into patches; in one transaction."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != 1:
            return
        connection.execute("ALTER TABLE edit RENAME TO edit_v1")
        for statement in _EDIT_SCHEMA.split(";"):
            connection.execute(statement)
        for (edit_id,) in connection.execute("SELECT id FROM edit_v1 ORDER BY id").fetchall():
            _migrate_edit(connection, edit_id)
        connection.execute("DROP TABLE edit_v1")
        connection.execute("PRAGMA user_version = 2")


def _migrate_edit(connection: sqlite3.Connection, edit_id: int) -> None:
    row = connection.execute(
        "SELECT y0, x0, y1, x1, before, after, plane_id, slide, plane, state_before, state_after, sentence, time, "
        "undone FROM edit_v1 JOIN plane ON plane.id = plane_id WHERE edit_v1.id = ?",
        (edit_id,),
    ).fetchone()
    *corners, before, after, plane_id, slide, number, state_before, state_after, sentence, time, undone = row
    box = Box(*corners)
    patches = tuple(make_patches(box, unpack(before, box.shape), unpack(after, box.shape)))
    change = PlaneChange(PlaneId(slide, number), patches, PlaneState(state_before), PlaneState(state_after))
    connection.execute(
        "INSERT INTO edit VALUES (?, ?, ?, ?, ?)", (edit_id, sentence, time, Edit(sentence, (change,)).nbytes, undone)
    )
    _insert_change(connection, edit_id, 0, plane_id, change)


def _insert_change(
    connection: sqlite3.Connection, edit_id: int, position: int, plane_id: int, change: PlaneChange
) -> None:
    connection.execute(
        "INSERT INTO edit_plane VALUES (?, ?, ?, ?, ?)",
        (edit_id, position, plane_id, str(change.state_before), str(change.state_after)),
    )
    connection.executemany(
        "INSERT INTO edit_patch (edit_id, position, y0, x0, y1, x1, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((edit_id, position, p.box.y0, p.box.x0, p.box.y1, p.box.x1, p.before, p.after) for p in change.patches),
    )


def _damaged(file: Path, error: Exception) -> ProjectError:
    return ProjectError(
        f"'{file}' isn't a project file, or is damaged ({error}). "
        "Put it aside and restore a copy from your backup, or open the folder with another place."
    )


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
