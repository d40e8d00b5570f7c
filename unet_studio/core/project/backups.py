"""Backups of the store: whole copies, made and checked by SQLite, of which the project keeps the newest few."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from unet_studio.core.project.damage import BACKUPS, FILE, READING_ERRORS, damaged, is_damage, mark_suspect

_KEPT = 3
_STAMP = "%Y%m%d-%H%M%S"
_BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the store as it was when it was made, in local time."""

    file: Path
    made: datetime

    @property
    def when(self) -> str:
        return f"{self.made:%Y-%m-%d %H:%M}"


def find_backups(place: Path) -> list[Backup]:
    """The backups of the project at `place`, the newest first."""
    found = []
    for file in (place / BACKUPS).glob("project-*.sqlite"):
        with suppress(ValueError):
            found.append(Backup(file, datetime.strptime(file.stem, f"project-{_STAMP}")))
    return sorted(found, key=lambda backup: backup.made, reverse=True)


def back_up(place: Path) -> Path | None:
    """Make a backup of the store at `place`, unless it is as it was at the last one; older ones are removed.

    Any thread or process may do so, while others write. Raises `sqlite3.DatabaseError` where the store is damaged,
    which leaves the backups as they are, and OSError or `sqlite3.OperationalError` where no file can be written.
    """
    changed = _changed(place / FILE)
    newest = next(iter(find_backups(place)), None)
    if newest is not None and newest.file.stat().st_mtime_ns == changed:
        return None
    target = place / BACKUPS / f"project-{datetime.now():{_STAMP}}.sqlite"
    with closing(open_to_read(place / FILE)) as source:
        copy_store(source, target)
    os.utime(target, ns=(changed, changed))
    for old in find_backups(place)[_KEPT:]:
        with suppress(OSError):
            old.file.unlink()
    return target


def back_up_or_say(place: Path) -> str:
    """Make a backup as `back_up` does; a sentence where none could be made, empty where all is well.

    Raises `ProjectError` where the store is damaged: it is put together again when its folder is opened next.
    """
    try:
        back_up(place)
    except (OSError, *READING_ERRORS) as error:
        if is_damage(error):
            mark_suspect(place)
            raise damaged(place / FILE, error) from error
        return f"No backup of the project could be made ({error}). See that the disk has room and can be written."
    return ""


def back_up_before(version: int, source: sqlite3.Connection, place: Path) -> None:
    """Keep the store at `place` as it is before it becomes one of a newer `version`, for good; raises as `back_up`."""
    target = place / BACKUPS / f"before-version-{version}.sqlite"
    if not target.exists():
        copy_store(source, target)


def open_to_read(file: Path) -> sqlite3.Connection:
    """A connection to a store that neither makes nor changes it."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)


def copy_store(source: sqlite3.Connection, target: Path) -> None:
    """Make `target` a whole copy of a store, one file that needs no log beside it; or it stays as it was."""
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, timeout=_BUSY_SECONDS)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            problem = find_problem(copy)
        if problem:
            raise sqlite3.DatabaseError(problem)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def find_problem(store: sqlite3.Connection) -> str:
    """What SQLite finds wrong with the pages of a store, reading all of them; empty where nothing is."""
    (answer,) = store.execute("PRAGMA quick_check(1)").fetchone()
    return "" if answer == "ok" else str(answer).splitlines()[-1]


def _changed(file: Path) -> int:
    """When a store was written last, in ns: its file or its log."""
    log = file.with_name(f"{file.name}-wal")
    with suppress(FileNotFoundError):
        if (status := log.stat()).st_size:
            return max(status.st_mtime_ns, file.stat().st_mtime_ns)
    return file.stat().st_mtime_ns
