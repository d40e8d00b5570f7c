"""Bringing the store of an older version up to date; one for which that fails stays as it was."""

import sqlite3
from pathlib import Path

from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.lock import writing
from unet_studio.core.project.schema import EDIT_TABLES
from unet_studio.core.project.stored_edits import insert_change
from unet_studio.core.tiles import Box, unpack
from unet_studio.errors import ProjectError, ProjectInUseError


def migrate(connection: sqlite3.Connection, file: Path) -> None:
    """Bring the store `file`, of version 1, to version 2; raises `ProjectError` where it is in use or can't be written.

    A damaged one raises what SQLite and zlib raise.
    """
    try:
        with writing(file.parent):  # an older U-Net Studio that has it open could not go on writing
            _to_version_2(connection)
    except (ProjectInUseError, sqlite3.OperationalError) as error:
        reason = "another window or command has it open" if isinstance(error, ProjectInUseError) else error
        raise ProjectError(
            f"'{file}' is of an older U-Net Studio and can't be brought up to date ({reason}). It is unchanged: close "
            "other windows and see that the disk has room, then open the folder again."
        ) from error


def _to_version_2(connection: sqlite3.Connection) -> None:
    """Cut the edits, each a box of one plane in version 1, into patches; in one transaction."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != 1:
            return  # another window was faster
        connection.execute("ALTER TABLE edit RENAME TO edit_v1")
        for statement in EDIT_TABLES.split(";"):
            connection.execute(statement)
        for (edit_id,) in connection.execute("SELECT id FROM edit_v1 ORDER BY id").fetchall():
            _cut_edit(connection, edit_id)
        connection.execute("DROP TABLE edit_v1")
        connection.execute("PRAGMA user_version = 2")


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
