"""Telling a damaged store from a disk that is full, busy or gone."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from unet_studio.errors import ProjectError

FILE = "project.sqlite"
"""Name of the store in the project's folder."""
BACKUPS = "backups"
"""Name of the folder of its backups."""

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


class _HasPlace(Protocol):
    place: Path


_Self = TypeVar("_Self", bound=_HasPlace)


READING_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What `sqlite3` raises; the second where a damaged name stands in SQLite's message."""


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is damaged, and not that the disk is full or busy, or this program wrong."""
    if isinstance(error, sqlite3.OperationalError):  # a table or a column is missing, or the disk is to blame
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) == sqlite3.SQLITE_ERROR
    if isinstance(error, sqlite3.DatabaseError):
        return not isinstance(error, sqlite3.ProgrammingError)
    return isinstance(error, UnicodeDecodeError)


def damaged(file: Path, error: Exception) -> ProjectError:
    """The error for a store that can't be read."""
    return ProjectError(
        f"'{file}' isn't a project file, or is damaged ({error}). Close it everywhere and open the folder again: it is "
        "then put together again from its newest backup. Where that fails, restore a copy from your own backup."
    )


def mark_suspect(place: Path) -> None:
    """Have the store at `place` read through when its folder is opened next, since it was found damaged."""
    with suppress(OSError):
        _suspect_file(place).parent.mkdir(exist_ok=True)
        _suspect_file(place).touch()


def is_suspect(place: Path) -> bool:
    return _suspect_file(place).exists()


def clear_suspicion(place: Path) -> None:
    with suppress(OSError):
        _suspect_file(place).unlink(missing_ok=True)


def _suspect_file(place: Path) -> Path:
    return place / BACKUPS / "check-the-project"


def reports_damage(
    method: Callable[Concatenate[_Self, _Params], _Result],
) -> Callable[Concatenate[_Self, _Params], _Result]:
    """Have a method that reads or writes the store in `self.place` raise `ProjectError` where the file is damaged."""

    @wraps(method)
    def wrapper(self: _Self, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        try:
            return method(self, *args, **kwargs)
        except READING_ERRORS as error:
            if not is_damage(error):
                raise
            mark_suspect(self.place)
            raise damaged(self.place / FILE, error) from error

    return wrapper
