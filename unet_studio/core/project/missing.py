"""Telling a project whose store is gone, or was emptied, from a folder that has none yet."""

import time
from pathlib import Path

from unet_studio.core.models.cards import WEIGHTS
from unet_studio.core.project.backups import find_backups
from unet_studio.core.project.damage import BACKUPS, FILE
from unet_studio.core.project.lock import LOCK
from unet_studio.errors import StoreMissingError

_BESIDE = (LOCK, BACKUPS, "masks", "kept", "proposals", "runs")
"""What the program writes beside the store once somebody works on a project, and nobody else does."""
_CREATING_SECONDS = 0.3
"""How long another process may take to fill a store that it just created."""


def is_store_there(place: Path, *, must_exist: bool) -> bool:
    """Whether there is a store at `place`; False where a project can be made there, unless it `must_exist`.

    Raises `StoreMissingError` where the store is empty, or gone though other files of the project are there.
    """
    file = place / FILE
    size = _size(file)
    if size == 0:
        if file.with_name(f"{file.name}-journal").exists():
            return False  # another process is just making it
        time.sleep(_CREATING_SECONDS)
        size = _size(file)
        if size == 0:
            raise StoreMissingError(
                f"'{FILE}' in '{place}' is empty: all that the project kept was taken out of it. {_advice(place)}"
            )
    if size is not None:
        return True
    beside = [name for name in _BESIDE if _is_there(place / name)]
    if any((place / "models").glob(f"*/{WEIGHTS}")):
        beside.append("models")
    if beside:
        there = ", ".join(beside)
        raise StoreMissingError(
            f"'{FILE}' is missing in '{place}', but other files of the project are there ({there}). {_advice(place)}"
        )
    if must_exist:
        raise StoreMissingError(
            f"'{FILE}' is missing in '{place}', and so is all else of the project. {_advice(place)}"
        )
    return False


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _is_there(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _advice(place: Path) -> str:
    backups, log = find_backups(place), f"{FILE}-wal"
    begin = "To begin anew instead, give that folder another name."
    if not backups:
        return f"There is no backup of it in '{BACKUPS}' there. Put the file back from a copy of your own. {begin}"
    # SQLite would take what is left of the log for that of any file beside it.
    first = f"move '{log}' to another folder and copy" if (place / log).exists() else "copy"
    return (
        f"Its newest backup is of {backups[0].when}: put the file back from a copy of your own, or {first} "
        f"'{BACKUPS}/{backups[0].file.name}' there to '{FILE}'. {begin}"
    )
