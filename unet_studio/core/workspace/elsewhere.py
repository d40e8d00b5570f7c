"""Saving a project to another place, where its own can't be written: what is stored there and what waits to be."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from unet_studio.core.project.journal import Write
from unet_studio.core.project.store import Project
from unet_studio.errors import ProjectError

_FILE = "project.sqlite"
_WITH_THE_STORE = ("models", "masks", "kept")
"""Copied along with the store; proposals are not, since they can be made again."""


def save_elsewhere(folder: Path, place: Path, target: Path, waiting: Iterable[Write]) -> None:
    """Make a copy of the project at `place`, of the slides in `folder`, at `target`, with all that `waiting` changes.

    Raises `ProjectError`, and leaves nothing at `target`, where that fails or something is there already.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        if target.exists() and any(target.iterdir()):
            raise ProjectError(f"'{target}' is not empty. Choose another folder.")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _copy(place, part)
        with Project.open(folder, place=part) as project:
            for write in waiting:
                write.run(project)
        if target.exists():
            target.rmdir()  # or some systems refuse to rename
        part.rename(target)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ProjectError(f"The project can't be saved in '{target}' ({reason}). Choose another place.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy(place: Path, target: Path) -> None:
    source_file = f"{(place / _FILE).as_uri()}?mode=ro"
    with closing(sqlite3.connect(source_file, uri=True)) as source, closing(sqlite3.connect(target / _FILE)) as copy:
        source.backup(copy)
    for name in _WITH_THE_STORE:
        if (place / name).is_dir():
            shutil.copytree(place / name, target / name)
