"""A store where nothing can be written: it can be looked at all the same."""

import atexit
import sqlite3
from functools import cache
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp

from unet_studio.core.project.connection import check_tables, connect, read_version
from unet_studio.core.project.schema import VERSION


def connect_to_look(file: Path) -> sqlite3.Connection:
    """A connection to the store `file` through which nothing can be written.

    What lies in its write-ahead log only, and a store of an earlier version, is read from a copy. Raises what `connect`
    does, and OSError where there is no room for a copy.
    """
    log = file.with_name(f"{file.name}-wal")
    log_bytes = log.stat().st_size if log.exists() else 0
    # Were it not 'immutable', SQLite would make files beside it, to share the log that isn't there.
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        if read_version(connection, file) < VERSION or log_bytes:
            connection.close()
            connection = connect(_copy(file, file.stat().st_mtime_ns, log_bytes))
        check_tables(connection)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def _copy(file: Path, _changed: int, _log_bytes: int) -> Path:
    """A copy of a store and its log as they are now, until this process ends."""
    place = Path(mkdtemp(dir=_copies()))
    for one in (file, file.with_name(f"{file.name}-wal")):
        if one.exists():
            copy(one, place / one.name)
    (place / file.name).chmod(0o600)
    return place / file.name


@cache
def _copies() -> Path:
    folder = Path(mkdtemp(prefix="unet-studio-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder
