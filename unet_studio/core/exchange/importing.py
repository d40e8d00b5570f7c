"""Importing masks that a person made elsewhere: they become labels, as edits that can be undone."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.mask_values import ValueTable, read_classes
from unet_studio.core.exchange.pairs import Pair
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.kept import record_over
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, StudioError

_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slide; `problem` is a sentence, empty where all went well."""

    slide: str
    problem: str = ""


def find_mask(masks: Path, slide: str) -> Path | None:
    """The mask of a slide in a parallel folder: the same path with any mask ending, or the ending added."""
    path = masks / PurePosixPath(slide)
    candidates = [path.with_suffix(suffix) for suffix in _SUFFIXES] + [
        path.with_name(path.name + suffix) for suffix in _SUFFIXES
    ]
    return next((file for file in candidates if file.is_file()), None)


def import_masks(
    project: Project,
    masks: Path,
    *,
    foreground: str | None = None,
    table: ValueTable | None = None,
    overwrite: bool = False,
) -> Iterator[Outcome]:
    """As `import_pairs`, with the mask of every slide that has one in `masks`.

    Raises `MaskError` at once if no slide has one.
    """
    pairs = [Pair(slide, mask) for slide in find_slides(project.folder) if (mask := find_mask(masks, slide))]
    if not pairs:
        raise MaskError(
            f"No mask in '{masks}' has the name of a slide in '{project.folder}'. A mask is found by its slide's "
            "path and stem, for example sub/a.png for sub/a.tif."
        )
    yield from import_pairs(project, pairs, foreground=foreground, table=table, overwrite=overwrite)


def import_pairs(
    project: Project,
    pairs: Iterable[Pair],
    *,
    foreground: str | None = None,
    table: ValueTable | None = None,
    overwrite: bool = False,
) -> Iterator[Outcome]:
    """Import the masks of slides of the project, slide by slide, yielding what became of each.

    Pixels already labelled are kept unless `overwrite`. `foreground` and `table` are as for `read_classes`.
    """
    for pair in pairs:
        try:
            _import_slide(project, pair, foreground=foreground, table=table, overwrite=overwrite)
        except StudioError as error:
            yield Outcome(pair.slide, str(error))
        except sqlite3.OperationalError as error:
            yield Outcome(
                pair.slide, f"Its mask can't be saved in the project ({error}). Free some space, then import again."
            )
        else:
            yield Outcome(pair.slide)


def _import_slide(
    project: Project, pair: Pair, *, foreground: str | None, table: ValueTable | None, overwrite: bool
) -> None:
    with open_slide(slide_file(project.folder, pair.slide)) as reader:
        info = reader.info
    # All planes at once: a value that is no class leaves the whole slide out, and 255 means the same on every plane.
    planes = read_classes(pair.mask, classes=len(project.classes()), foreground=foreground, table=table)
    if planes.shape != (info.planes, info.height, info.width):
        raise MaskError(
            f"The mask '{pair.mask.name}' is {_size(planes.shape)}, but its slide '{pair.slide}' is "
            f"{_size((info.planes, info.height, info.width))}. Export it again at the slide's own size."
        )
    for number, plane in enumerate(planes):
        edit = _edit_of(project, PlaneId(pair.slide, number), plane, overwrite=overwrite)
        if edit is not None:
            if edit.change.state_after is PlaneState.REVIEWED:  # the mask says all; no model had a part in it
                project.record(project.next_edit_id(), edit, (info.height, info.width))
            else:
                record_over(project, edit, (info.height, info.width))


def _edit_of(project: Project, plane: PlaneId, classes: NDArray[np.uint8], *, overwrite: bool) -> Edit | None:
    box = Box.of_shape(classes.shape)
    before = project.labels(plane, (box.height, box.width)).read(box)
    kept = (classes == UNLABELLED) if overwrite else (before != UNLABELLED) | (classes == UNLABELLED)
    after = np.where(kept, before, classes)
    return make_edit(
        plane, box, before, after, f"import mask of {plane.slide}",
        state_before=project.states().get(plane, PlaneState.NEW),
        state_after=PlaneState.CORRECTED if (after == UNLABELLED).any() else PlaneState.REVIEWED,
    )  # fmt: skip


def _size(shape: tuple[int, ...]) -> str:
    planes, height, width = shape
    return f"{width} × {height} pixels" + (f" with {planes} planes" if planes > 1 else "")
