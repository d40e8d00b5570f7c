"""Importing masks that a person made elsewhere: they become labels, as edits that can be undone."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import Edit, PlaneId, PlaneState
from unet_studio.core.mask_files import read_mask, to_classes
from unet_studio.core.painting import make_edit
from unet_studio.core.project import Project
from unet_studio.core.reading import open_slide
from unet_studio.core.slides import find_slides
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
    project: Project, masks: Path, *, foreground: str | None = None, overwrite: bool = False
) -> Iterator[Outcome]:
    """Import the mask of every slide that has one in `masks`, slide by slide, yielding what became of it.

    Pixels already labelled are kept unless `overwrite`. `foreground` is as for `to_classes`. Raises `MaskError` at
    once if no slide has a mask.
    """
    pairs = [(slide, mask) for slide in find_slides(project.folder) if (mask := find_mask(masks, slide))]
    if not pairs:
        raise MaskError(
            f"No mask in '{masks}' has the name of a slide in '{project.folder}'. A mask is found by its slide's "
            "path and stem, for example sub/a.png for sub/a.tif."
        )
    for slide, mask in pairs:
        try:
            _import_slide(project, slide, mask, foreground=foreground, overwrite=overwrite)
        except StudioError as error:
            yield Outcome(slide, str(error))
        except sqlite3.OperationalError as error:
            yield Outcome(
                slide, f"Its mask can't be saved in the project ({error}). Free some space, then import again."
            )
        else:
            yield Outcome(slide)


def _import_slide(project: Project, slide: str, mask: Path, *, foreground: str | None, overwrite: bool) -> None:
    with open_slide(project.folder / slide) as reader:
        info = reader.info
    values = read_mask(mask)
    planes = values if values.ndim == 3 else values[None]
    if planes.shape != (info.planes, info.height, info.width):
        raise MaskError(
            f"The mask '{mask.name}' is {_size(planes.shape)}, but its slide '{slide}' is "
            f"{_size((info.planes, info.height, info.width))}. Export it again at the slide's own size."
        )
    # All planes at once: a value that is no class leaves the whole slide out, and 255 means the same on every plane.
    classes = to_classes(planes, classes=len(project.classes()), foreground=foreground)
    for number, plane in enumerate(classes):
        edit = _edit_of(project, PlaneId(slide, number), plane, overwrite=overwrite)
        if edit is not None:
            project.record(project.next_edit_id(), edit, (info.height, info.width))


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
