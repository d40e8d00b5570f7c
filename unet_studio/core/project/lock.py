"""One window or command at a time writes to a project."""

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from unet_studio.errors import ProjectError, ProjectInUseError, ProjectReadOnlyError

LOCK = "in-use.sqlite"


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Be the only window or command that writes to the project at `place`.

    Held as a write lock on a small SQLite file beside it, which the system releases when the process ends. Raises
    `ProjectInUseError` naming who holds it, and `ProjectReadOnlyError` where nothing can be written there.
    """
    with ExitStack() as held:
        try:
            connection = held.enter_context(closing(sqlite3.connect(place / LOCK, timeout=0.0, isolation_level=None)))
            connection.execute("CREATE TABLE IF NOT EXISTS holder (who TEXT)")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM holder")
            connection.execute("INSERT INTO holder VALUES (?)", (_me(),))
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise ProjectInUseError(
                    f"This project is open in another window or command{_holder(place)}. "
                    "Close the other one to change anything here; until then it can only be looked at."
                ) from error
            raise ProjectReadOnlyError(unwritable(place, str(error))) from error
        except sqlite3.DatabaseError as error:
            raise ProjectError(
                f"'{place / LOCK}' is damaged ({error}). It holds no work: delete it and open the folder again."
            ) from error
        yield


def unwritable(place: Path, reason: str) -> str:
    """What is said of a project at `place` that can only be looked at."""
    return (
        f"Nothing can be written in '{place}' now ({reason}), so this project can only be looked at. "
        "Free some space on its disk, or ask for permission to write there, to change anything."
    )


def _me() -> str:
    return json.dumps({"process": os.getpid(), "computer": socket.gethostname()})


def _holder(place: Path) -> str:
    connection = sqlite3.connect(f"{(place / LOCK).resolve().as_uri()}?mode=ro", uri=True, timeout=0.0)
    try:
        row = connection.execute("SELECT who FROM holder").fetchone()
        who = json.loads(row[0]) if row else None
    except (sqlite3.Error, ValueError):
        who = None
    finally:
        connection.close()
    return f" (process {who['process']} on {who['computer']})" if who else ""
