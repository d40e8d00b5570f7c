"""Values in the store, which may be of any type and size where a file decayed or was made by something else.

Each function returns a value of its kind, or raises `StoredDataError`, which says what it belongs to.
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeGuard

from unet_studio.core.classes import MAX_CLASSES, LabelClass
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.tiles import TILE, Box, Cell
from unet_studio.errors import StoredDataError

_LONGEST_SIDE = 1 << 30
"""No plane is as high or as wide, in pixels; Qt counts to twice as many."""
_HIGHEST_ID = 1 << 53


def is_whole(value: object, least: int, most: int = _HIGHEST_ID) -> TypeGuard[int]:
    """Whether a value is a whole number, `least` ≤ value ≤ `most`."""
    return isinstance(value, int) and least <= value <= most


def damaged_entry(what: str) -> StoredDataError:
    """The error for something in the store that makes no sense, named in words."""
    return StoredDataError(
        f"What the project keeps of {what} is damaged, so it can't be used; all else can. It is left as it is; to get "
        "it again restore a copy of the project from your backup."
    )


def plane_of(slide: object, number: object) -> PlaneId | None:
    """The plane that a row names; None where it names none, so that nobody can ever ask for it."""
    return PlaneId(slide, number) if isinstance(slide, str) and is_whole(number, 0) else None


def state_of(value: object) -> PlaneState:
    """How far a person got with a plane that has a row; where that makes no sense, it counts as corrected."""
    return PlaneState(value) if isinstance(value, str) and value in [*PlaneState] else PlaneState.CORRECTED


def shape_of(plane: PlaneId, height: object, width: object) -> tuple[int, int]:
    """(h, w) of a plane."""
    if is_whole(height, 1, _LONGEST_SIDE) and is_whole(width, 1, _LONGEST_SIDE):
        return height, width
    raise damaged_entry(f"'{plane.slide}'")


def cell_of(plane: PlaneId, shape: tuple[int, int], row: object, column: object) -> Cell:
    """The place of a label tile on a plane of `shape` (h, w)."""
    if is_whole(row, 0, (shape[0] - 1) // TILE) and is_whole(column, 0, (shape[1] - 1) // TILE):
        return row, column
    raise damaged_entry(f"'{plane.slide}'")


def box_of(edit: str, corners: Sequence[object]) -> Box:
    """The box of a patch, which lies within one tile."""
    y0, x0, y1, x1 = corners
    if (
        is_whole(y0, 0, _LONGEST_SIDE)
        and is_whole(x0, 0, _LONGEST_SIDE)
        and is_whole(y1, y0 + 1, y0 - y0 % TILE + TILE)
        and is_whole(x1, x0 + 1, x0 - x0 % TILE + TILE)
    ):
        return Box(y0, x0, y1, x1)
    raise damaged_entry(edit)


def class_of(index: object, name: object, *colour: object) -> LabelClass:
    """A class of the project."""
    if is_whole(index, 0, MAX_CLASSES - 1) and isinstance(name, str) and all(is_whole(part, 0, 255) for part in colour):
        red, green, blue = (part for part in colour if isinstance(part, int))
        return LabelClass(index, name, (red, green, blue))
    raise damaged_entry("its classes")


def edit_id_of(value: object) -> int:
    """The id of an edit."""
    if is_whole(value, 0):
        return value
    raise damaged_entry("the history of edits")


def text_of(what: str, value: object) -> str:
    """A text of `what`, named in words."""
    if isinstance(value, str):
        return value
    raise damaged_entry(what)


def bytes_of(what: str, value: object) -> bytes:
    """Packed labels of `what`, named in words."""
    if isinstance(value, bytes):
        return value
    raise damaged_entry(what)


def time_of(value: object) -> datetime | None:
    """The time when an edit was made; None where that makes no sense."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=UTC)


def threshold_of(value: object) -> float:
    """A threshold of the mask recipe, 0…1; raises ValueError for anything else."""
    threshold = float(value) if isinstance(value, int | float | str) else math.nan
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold is 0 to 1, not {value!r}")
    return threshold


def names_of(text: str) -> frozenset[str]:
    """Slides in a setting, a JSON list; raises ValueError for anything else."""
    try:
        names = json.loads(text)
    except RecursionError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("it is no list of slides")
    return frozenset(names)
