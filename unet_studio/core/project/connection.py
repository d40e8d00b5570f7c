"""Opening the store of a project: creating it, bringing an older one up to date, and telling a damaged one."""

import sqlite3
import zlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from unet_studio.core.project.migrations import migrate
from unet_studio.core.project.schema import EDIT_TABLES, TABLES, VERSION
from unet_studio.errors import ProjectError

FILE = "project.sqlite"
"""Name of the store in the project's folder."""
_BUSY_SECONDS = 10.0
"""How long a write waits for another one to finish."""

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


class _HasPlace(Protocol):
    place: Path


_Self = TypeVar("_Self", bound=_HasPlace)


def connect(file: Path) -> sqlite3.Connection:
    """A connection to the store `file`, which is created, or brought up to date, where that is needed.

    Raises `ProjectError` where it is of a newer version or can't be brought up to date, and what SQLite and zlib raise
    where it is damaged or no file can be there.
    """
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS)
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
    if version > VERSION:
        raise ProjectError(
            f"'{file}' was made by a newer U-Net Studio (format {version}, this one reads up to {VERSION}). "
            "Update the program to open it."
        )
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} {EDIT_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version < VERSION:
        migrate(connection, file)
    # WAL lets training read one snapshot while the user paints; where it can't work SQLite stays with 'delete'.
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
        # A commit reaches the operating system at once, so that it survives a crash of this program; waiting for the
        # disk itself would delay the next stroke on a busy machine. `Project.checkpoint` flushes to the disk, in
        # another thread.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def damaged(file: Path, error: Exception) -> ProjectError:
    """The error for a store that can't be read."""
    return ProjectError(
        f"'{file}' isn't a project file, or is damaged ({error}). "
        "Put it aside and restore a copy from your backup, or open the folder with another place."
    )


def reports_damage(
    method: Callable[Concatenate[_Self, _Params], _Result],
) -> Callable[Concatenate[_Self, _Params], _Result]:
    """Have a method that reads the store in `self.place` raise `ProjectError` where the file is damaged."""

    @wraps(method)
    def wrapper(self: _Self, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        try:
            return method(self, *args, **kwargs)
        except (sqlite3.OperationalError, sqlite3.ProgrammingError):
            raise  # a busy disk, or a bug in this program
        except (sqlite3.DatabaseError, zlib.error) as error:
            raise damaged(self.place / FILE, error) from error

    return wrapper
