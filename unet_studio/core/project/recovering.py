"""A damaged store is put together again: its newest good backup, and what can still be read of the damaged one."""

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from unet_studio.core.project.backups import Backup, find_backups, find_problem, open_to_read
from unet_studio.core.project.connection import check_tables
from unet_studio.core.project.damage import BACKUPS, FILE, READING_ERRORS, clear_suspicion, is_damage, is_suspect
from unet_studio.core.project.lock import writing
from unet_studio.core.project.read_only import connect_to_look
from unet_studio.core.project.salvaging import salvage
from unet_studio.core.project.schema import VERSION
from unet_studio.errors import ProjectError, ProjectInUseError, ProjectReadOnlyError

_QUICKLY_CHECKED = 8 << 20
"""A store of so many bytes at most is read through whenever its folder is opened, which takes some 30 ms; a larger one
where it was found damaged before."""


def recover(place: Path) -> str:
    """Put the store at `place` together again if it is damaged; says what was done, or is empty where it is whole.

    The damaged file stays beside it under another name. Raises `ProjectError` where there is no good backup, another
    window has the project open, or nothing can be written there.
    """
    file = place / FILE
    reason = _find_damage(place)
    if not reason:
        clear_suspicion(place)
        return ""
    try:
        with writing(place):
            backup = next((backup for backup in find_backups(place) if not _check(backup.file)), None)
            if backup is None:
                raise ProjectError(
                    f"'{file}' is damaged ({reason}), and there is no good backup of it in '{place / BACKUPS}'. Keep "
                    "it under another name and restore a copy from your own backup."
                )
            return _put_together(file, backup, reason)
    except ProjectInUseError as error:
        raise ProjectError(
            f"'{file}' is damaged ({reason}), and can't be put together again while it is open elsewhere. "
            "Close the other window or command, then open the folder again."
        ) from error
    except (ProjectReadOnlyError, OSError, sqlite3.Error) as error:
        raise ProjectError(
            f"'{file}' is damaged ({reason}), and can't be put together again ({error}). Copy the slides and the "
            f"folder '{place}' to a disk that can be written and has room, and open them there."
        ) from error


def _find_damage(place: Path) -> str:
    """What is wrong with the store, if anything is and it was looked for."""
    file = place / FILE
    if not file.exists() or not file.stat().st_size:
        return ""  # who opens it says so
    return _check(file, thoroughly=is_suspect(place) or file.stat().st_size <= _QUICKLY_CHECKED)


def _check(file: Path, *, thoroughly: bool = True) -> str:
    try:
        with closing(_open(file)) as store:
            version = store.execute("PRAGMA user_version").fetchone()[0]
            if version < 1:
                return "it has no format of a project"
            if version == VERSION:
                check_tables(store)
            return find_problem(store) if thoroughly else ""
    except READING_ERRORS as error:
        return str(error) if is_damage(error) else ""


def _open(file: Path) -> sqlite3.Connection:
    store = open_to_read(file)
    try:
        store.execute("PRAGMA user_version")
    except sqlite3.OperationalError as error:
        store.close()
        if is_damage(error):
            raise
        return connect_to_look(file)  # where nothing can be written, SQLite can't share its log
    return store


def _put_together(file: Path, backup: Backup, reason: str) -> str:
    part = file.with_name(f".{FILE}.part")
    aside = file.with_name(f"project-damaged-{datetime.now():%Y%m%d-%H%M%S}.sqlite")
    log, log_aside = (path.with_name(f"{path.name}-wal") for path in (file, aside))
    try:
        shutil.copyfile(file, aside)
        with suppress(FileNotFoundError):
            shutil.copyfile(log, log_aside)
        shutil.copyfile(backup.file, part)
        salvaged = salvage(aside, part)
    except BaseException:
        for made in (part, aside, log_aside):
            made.unlink(missing_ok=True)
        raise
    log.unlink(missing_ok=True)  # first: SQLite would take it for the log of the file that comes in place of this one
    part.replace(file)
    clear_suspicion(file.parent)
    return (
        f"The project was damaged ({reason}) and has been put together again from its backup of {backup.when}"
        f"{salvaged}. The damaged file is kept as '{aside.name}'."
    )
