"""The store as the journal holds it: it is noticed where another program removes, empties or replaces the file.

SQLite goes on writing to a file that was removed, which nobody will ever find again.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path

from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import Project
from unet_studio.errors import ProjectError, StoreMissingError

_log = logging.getLogger(__name__)
_Identity = tuple[int, int]


class StoreFile:
    """Tells whether the file that a project has open is still the one of that name, without opening it again.

    Where a file system numbers its files anew now and then, as some network drives do, the answer may be a wrong no,
    never a wrong yes: as long as a file is open no other one gets its number.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._log = file.with_name(f"{file.name}-wal")
        self._identity, self._size = _look(file)
        self._log_identity: _Identity | None = None

    def is_same(self) -> bool:
        """Whether the file was neither removed, emptied, cut nor replaced, and its log neither."""
        try:
            identity, size = _look(self._file)
            log = _look(self._log)[0] if self._log_identity or self._log.exists() else None
        except OSError:
            return False
        is_same = identity == self._identity and size >= self._size and log == (self._log_identity or log)
        self._size, self._log_identity = max(size, self._size), log
        return is_same


def _look(file: Path) -> tuple[_Identity, int]:
    status = file.stat()
    return (status.st_dev, status.st_ino), status.st_size


class HeldStore:
    """Opens the project when it is first needed, and does work in it that counts only once the file is seen to have it.

    Use it from one thread only.
    """

    def __init__(self, open_project: Callable[[], Project]) -> None:
        self._open_project = open_project
        self._project: Project | None = None
        self._file: StoreFile | None = None
        self._session = ""  # what this holder wrote into the store, to know it again
        self._newest = 0  # an id that the store had an edit of

    def run(self, work: Callable[[Project], object]) -> None:
        """Have `work` done, and again where the file turns out to be another one than that which was open.

        Raises `StoreMissingError` where the file was removed, emptied or replaced and can't be written anew, and what
        `work` and opening raise.
        """
        project = self._held()
        if not self._session:
            session = secrets.token_hex(8)
            project.set_setting("session", session)
            self._session = session
        try:
            work(project)
        except (sqlite3.Error, ProjectError):
            if self._is_same():
                raise
        if not self._is_same():
            project = self._open_again()
            work(project)
        self._newest = project.next_edit_id() - 1

    def check(self) -> None:
        """Look whether the file is still there, and write it anew where it was removed; raises as `run` does."""
        self._held()
        if not self._is_same():
            self._open_again()

    def close(self) -> None:
        if self._project is not None:
            self._project.close()
        self._project = self._file = None

    def _held(self) -> Project:
        if self._project is None:
            self._open()
        assert self._project is not None
        return self._project

    def _open(self) -> None:
        project = self._open_project()
        if self._session and (project.session != self._session or project.next_edit_id() - 1 < self._newest):
            project.close()
            raise StoreMissingError(
                f"'{project.place / FILE}' was replaced by another file, or an older one, while it was open here. "
                "Put the other one back, or close this folder and open it again to go on with what is there now."
            )
        self._project, self._file = project, StoreFile(project.place / FILE)

    def _is_same(self) -> bool:
        return self._file is not None and self._file.is_same()

    def _open_again(self) -> Project:
        """Open the file that has the name now; what is still held of one that was removed is written there first."""
        if self._project is not None:
            put_back(self._project)
            self.close()
        return self._held()


def put_back(project: Project) -> None:
    """Write the store of an open project anew where its file was removed, from what SQLite still holds of it.

    Nothing happens where there is another file, the folder is gone, or not all of it is held.
    """
    file = project.place / FILE
    try:
        if not project.place.is_dir() or (file.exists() and file.stat().st_size):
            return
        for ending in ("-wal", "-shm"):  # of the file that was removed: SQLite would take them for those of any
            file.with_name(file.name + ending).unlink(missing_ok=True)
        project.copy_to(file)
    except (OSError, sqlite3.Error) as error:
        _log.warning("'%s' was removed and can't be written anew: %s", file, error)
    else:
        _log.warning("'%s' was removed by another program and has been written anew", file)
