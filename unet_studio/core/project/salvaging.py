"""What can still be read of a damaged store is brought into a copy of its newest backup."""

import sqlite3
from contextlib import closing
from pathlib import Path

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.backups import open_to_read
from unet_studio.core.project.connection import connect
from unet_studio.core.project.damage import READING_ERRORS
from unet_studio.core.project.schema import VERSION
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_edits import next_edit_id, read_edit, record, replay
from unet_studio.core.project.stored_values import shape_of
from unet_studio.core.wording import counted
from unet_studio.errors import ProjectError

_CHOICES = ("setting", "class", "hold_out")


def salvage(damaged: Path, backup: Path) -> str:
    """Bring the edits made since, and the choices, from a damaged store into a copy of its backup; says what was lost.

    The answer goes on a sentence: ' with 3 edits made since; nothing is lost'.
    """
    with closing(sqlite3.connect(backup)) as copy:
        if copy.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            return "; what was done since is lost"
    with closing(open_to_read(damaged)) as source, closing(connect(backup)) as copy:
        stored, is_whole = _read_ids(source)
        with copy:
            if is_whole:
                _step_back(copy, stored)
            brought, lost = _bring_edits(source, copy, stored)
            has_choices = _bring_choices(source, copy, damaged.parent)
        copy.execute("PRAGMA journal_mode = DELETE")
    return _describe(brought, lost, is_whole=is_whole, has_choices=has_choices)


def _read_ids(source: sqlite3.Connection) -> tuple[dict[int, bool], bool]:
    """The stored edits, as far as they can be read, and whether each is taken back; and whether these are all."""
    found: dict[int, bool] = {}
    try:
        for edit_id, undone in source.execute("SELECT id, undone FROM edit ORDER BY id"):
            found[edit_id] = bool(undone)
    except READING_ERRORS:
        return found, False
    return found, True


def _step_back(copy: sqlite3.Connection, stored: dict[int, bool]) -> None:
    """Take back what was taken back since the backup, whether it can be made again or other edits came instead."""
    for (edit_id,) in copy.execute("SELECT id FROM edit WHERE undone = 0 ORDER BY id DESC").fetchall():
        if stored.get(edit_id, True):
            replay(copy, edit_id, undone=True)
    for (edit_id,) in copy.execute("SELECT id FROM edit WHERE undone = 1 ORDER BY id").fetchall():
        if edit_id not in stored:
            copy.execute("DELETE FROM edit WHERE id = ?", (edit_id,))
        elif not stored[edit_id]:
            replay(copy, edit_id, undone=False)


def _bring_edits(source: sqlite3.Connection, copy: sqlite3.Connection, stored: dict[int, bool]) -> tuple[int, int]:
    """Make the edits that are newer than the backup; how many that were, and how many of them can't be read."""
    newest = next_edit_id(copy)
    brought = []
    lost = 0
    for edit_id in sorted(edit_id for edit_id in stored if edit_id >= newest):
        try:
            edit = read_edit(source, edit_id).edit
            (time,) = source.execute("SELECT time FROM edit WHERE id = ?", (edit_id,)).fetchone()
            shapes = tuple(_shape(source, change.plane.slide, change.plane.plane) for change in edit.planes)
            copy.execute("SAVEPOINT edit")
            try:
                record(copy, edit_id, edit, shapes)
            except BaseException:
                copy.execute("ROLLBACK TO edit")
                raise
        except (*READING_ERRORS, ProjectError):
            lost += 1
        else:
            copy.execute("UPDATE edit SET time = ? WHERE id = ?", (time, edit_id))
            brought.append(edit_id)
    for edit_id in reversed(brought):
        if stored[edit_id]:
            replay(copy, edit_id, undone=True)
    return len(brought), lost


def _shape(source: sqlite3.Connection, slide: str, number: int) -> tuple[int, int]:
    row = source.execute("SELECT height, width FROM plane WHERE slide = ? AND plane = ?", (slide, number)).fetchone()
    return shape_of(PlaneId(slide, number), *row)


def _bring_choices(source: sqlite3.Connection, copy: sqlite3.Connection, place: Path) -> bool:
    """Take over settings, classes and hold-out where all of them can be read and make sense; whether that is so."""
    project = Project(place, place, source)
    try:
        for read in (
            project.classes,
            project.steps,
            project.hold_out,
            project.declined,
            project.learned,
            project.audit,
        ):
            read()
        rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in _CHOICES}
        assert project.threshold >= 0
    except (*READING_ERRORS, ProjectError):
        return False
    for table, found in rows.items():
        copy.execute(f"DELETE FROM {table}")
        if found:
            copy.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})", found)
    return True


def _describe(brought: int, lost: int, *, is_whole: bool, has_choices: bool) -> str:
    words = f" with {counted(brought, 'edit')} made since" if brought else ""
    if lost or not is_whole:
        words += f"; {counted(lost, 'edit')} since could not be read" if lost else ""
        words += "" if is_whole else "; what else was done since is lost"
    else:
        words += "; no edit is lost"
    return words + ("" if has_choices else "; classes, hold-out and settings are those of the backup")
