"""What the doctor packs for somebody who shall find out what went wrong: facts and logs, no pixels."""

import json
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from unet_studio.core.files import write_atomically
from unet_studio.core.models.cards import CARD
from unet_studio.core.project.backups import open_to_read
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.core.slides.finding import search_folder
from unet_studio.doctor import Report
from unet_studio.errors import StudioError
from unet_studio.log import log_files

_OF_A_MODEL = (CARD, "history.csv")


def write_doctor_bundle(report: Report, out: Path, *, folder: Path | None = None, place: Path | None = None) -> None:
    """Write an archive of the report and the window's logs; with `folder`, also what is known of its project.

    The project's facts are how many slides there are of each kind, whether the store is whole, and cards and curves of
    its models. Nothing of it is changed, and whatever can't be read is said in its place. Raises StudioError where the
    archive can't be written.
    """

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            archive.writestr("doctor.json", json.dumps(asdict(report), indent=1))
            for log in log_files():
                archive.writestr(f"log/{log.name}", _read(log))
            if folder is not None:
                where = place or folder / PLACE_NAME
                archive.writestr("project.json", json.dumps(_project_facts(folder, where), indent=1))
                for name in _OF_A_MODEL:
                    for found in sorted((where / "models").glob(f"*/{name}")):
                        archive.writestr(f"models/{found.parent.name}/{name}", _read(found))

    write_atomically(out, write)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        return f"can't be read: {error.strerror}".encode()


def _project_facts(folder: Path, place: Path) -> dict[str, Any]:
    return {"slides": _count_slides(folder), "store": _examine_store(place / FILE)}


def _count_slides(folder: Path) -> dict[str, int] | str:
    """How many slides have each ending, and how many files are left out."""
    try:
        found = search_folder(folder)
    except StudioError as error:
        return str(error)
    return {**Counter(Path(name).suffix.lower() for name in found.slides), "left out": len(found.left_out)}


def _examine_store(store: Path) -> dict[str, Any] | str:
    """Its size in bytes, version, what SQLite finds wrong with it ('ok' if nothing), and the rows of each table."""
    try:
        with closing(open_to_read(store)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {
                "bytes": store.stat().st_size,
                "version": db.execute("PRAGMA user_version").fetchone()[0],
                "check": [line for (line,) in db.execute("PRAGMA integrity_check(20)")],
                "rows": {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables},
            }
    except (sqlite3.Error, OSError) as error:
        return f"can't be read: {error}"
