"""Opening the store of a project: creating it, bringing an older one up to date, and checking its tables."""

import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path

from unet_studio.core.project.migrations import migrate
from unet_studio.core.project.schema import EDIT_TABLES, TABLES, VERSION
from unet_studio.errors import ProjectError

_BUSY_SECONDS = 10.0
"""How long a write waits for another one to finish."""
_RETRY_SECONDS = 0.01


def connect(file: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection to the store `file`, which is brought up to date where that is needed; it may `create` one.

    Raises `ProjectError` where it is of a newer version or can't be brought up to date, and `sqlite3.Error` where it is
    damaged or no file can be there.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        connection = sqlite3.connect(file, timeout=_BUSY_SECONDS)
        try:
            _prepare(connection, file, create=create)
        except sqlite3.OperationalError as error:
            connection.close()
            # SQLite doesn't wait for another connection that is just making the write-ahead log.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _prepare(connection: sqlite3.Connection, file: Path, *, create: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    version = read_version(connection, file)
    if version == 0 and not create:
        raise sqlite3.DatabaseError("it has no format of a project")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} {EDIT_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version < VERSION:
        migrate(connection, file)
    check_tables(connection)
    # WAL lets training read one snapshot while the user paints; where it can't work SQLite stays with 'delete'.
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
        # A commit reaches the operating system at once, so that it survives a crash of this program; waiting for the
        # disk itself would delay the next stroke on a busy machine. `Project.checkpoint` flushes to the disk, in
        # another thread.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def read_version(connection: sqlite3.Connection, file: Path) -> int:
    """The version of the store `file`, 0 for one without a format; raises `ProjectError` where it is a newer one.

    From then on texts that are damaged can be read, too.
    """
    connection.text_factory = _decode
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise ProjectError(
            f"'{file}' was made by a newer U-Net Studio (format {version}, this one reads up to {VERSION}). "
            "Update the program to open it."
        )
    return version


def _decode(text: bytes) -> str:
    """A text of the store; what isn't UTF-8 in a damaged one must not hide all other texts."""
    return text.decode(errors="replace")


def check_tables(connection: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` where a table or a column is missing, before anything is read or written."""
    missing = _tables() - _columns(connection)
    if missing:
        table, column = min(missing)
        has_table = any(found == table for found, _ in _tables() - missing)
        what = f"column '{column}' of its table '{table}'" if has_table else f"table '{table}'"
        raise sqlite3.DatabaseError(f"its {what} is missing")


@cache
def _tables() -> frozenset[tuple[str, str]]:
    """The tables of a store, with each of their columns."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES + EDIT_TABLES)
        return _columns(connection)


def _columns(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    sql = "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    return frozenset(connection.execute(sql).fetchall())
