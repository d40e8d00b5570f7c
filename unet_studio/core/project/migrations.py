"""Bringing the store of an older version up to date; one for which that fails stays as it was."""

import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path

from unet_studio.core.files import path_inside
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.backups import back_up_before
from unet_studio.core.project.damage import is_damage
from unet_studio.core.project.lock import writing
from unet_studio.core.project.schema import EDIT_TABLES, VERSION
from unet_studio.core.project.stored_edits import insert_change
from unet_studio.core.tiles import Box, unpack
from unet_studio.errors import PathError, ProjectError, ProjectInUseError


def migrate(connection: sqlite3.Connection, file: Path) -> None:
    """Bring the store `file`, of version 1 or 2, to version 3; it is kept as it was among the backups.

    Raises `ProjectError` where it is in use or can't be written, and `sqlite3.DatabaseError` where it is damaged.
    """
    try:
        with writing(file.parent), connection:  # an older U-Net Studio that has it open could not go on writing
            back_up_before(VERSION, connection, file.parent)
            connection.execute("BEGIN IMMEDIATE")
            _to_version_3(connection, file.parent)
    except (ProjectInUseError, sqlite3.OperationalError) as error:
        if is_damage(error):
            raise
        reason = "another window or command has it open" if isinstance(error, ProjectInUseError) else error
        raise ProjectError(
            f"'{file}' is of an older U-Net Studio and can't be brought up to date ({reason}). It is unchanged: close "
            "other windows and see that the disk has room, then open the folder again."
        ) from error


def _to_version_3(connection: sqlite3.Connection, place: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (1, 2):
        return  # another window was faster
    connection.execute("ALTER TABLE plane ADD COLUMN proposal TEXT NOT NULL DEFAULT ''")
    if version == 1:
        _cut_edits(connection)
    else:
        connection.execute("ALTER TABLE edit_plane ADD COLUMN proposal_before TEXT")
        connection.execute("ALTER TABLE edit_plane ADD COLUMN proposal_after TEXT")
    _mark_unknown_proposals(connection, place)
    connection.execute("PRAGMA user_version = 3")


def _mark_unknown_proposals(connection: sqlite3.Connection, place: Path) -> None:
    """Find the planes whose labels lie over a proposal: which one it was is unknown until it is found again."""
    planes = connection.execute(
        "SELECT id, slide, plane, EXISTS (SELECT 1 FROM edit_plane WHERE plane_id = plane.id AND "
        "state_before = 'proposed') FROM plane WHERE state IN ('corrected', 'reviewed')"
    ).fetchall()
    for plane_id, slide, number, was_proposed in planes:
        if was_proposed or _is_proposed(place, slide, number):
            connection.execute("UPDATE plane SET proposal = '?' WHERE id = ?", (plane_id,))


def _is_proposed(place: Path, slide: str, number: int) -> bool:
    """Whether any model proposed a plane."""
    models = [folder for folder in (place / "proposals").glob("*") if folder.is_dir()]
    with suppress(PathError):
        return any(path_inside(model, f"{slide}/{number:05d}.tiles").is_file() for model in models)
    return False


def _cut_edits(connection: sqlite3.Connection) -> None:
    """Cut the edits, each a box of one plane in version 1, into patches."""
    connection.execute("ALTER TABLE edit RENAME TO edit_v1")
    for statement in EDIT_TABLES.split(";"):
        connection.execute(statement)
    for (edit_id,) in connection.execute("SELECT id FROM edit_v1 ORDER BY id").fetchall():
        try:
            _cut_edit(connection, edit_id)
        except (zlib.error, ValueError, TypeError, OverflowError) as error:
            raise sqlite3.DatabaseError(f"edit {edit_id} makes no sense: {error}") from error
    connection.execute("DROP TABLE edit_v1")


def _cut_edit(connection: sqlite3.Connection, edit_id: int) -> None:
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
    insert_change(connection, edit_id, 0, plane_id, change)
