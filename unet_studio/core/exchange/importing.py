"""Importing masks that a person made elsewhere: they become labels, as edits that can be undone."""

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.mask_meaning import choose_table
from unet_studio.core.exchange.mask_parts import parts
from unet_studio.core.exchange.mask_values import ValueTable, read_classes
from unet_studio.core.exchange.pairs import Pair
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.kept import record_over
from unet_studio.core.project.store import Project
from unet_studio.core.slides.budget import MASK_REMEDY, check_bytes
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, StudioError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slide.

    Attributes:
        problem: the sentence that says why its mask was not imported; empty where it was.
        changed: whether any label did change.
        kept: pixels that were labelled already, of which the mask says something else, and which stayed.
    """

    slide: str
    problem: str = ""
    changed: bool = True
    kept: int = 0


def import_pairs(
    project: Project,
    pairs: Iterable[Pair],
    *,
    foreground: str | None = None,
    table: ValueTable | None = None,
    overwrite: bool = False,
) -> Iterator[Outcome]:
    """Import the masks of slides of the project, slide by slide, yielding what became of each.

    Pixels already labelled are kept unless `overwrite`. `foreground` and `table` are as for `read_classes`; without
    them the values of all masks mean the same (`choose_table`, which raises `MaskError` where two meanings fit).
    """
    todo = tuple(pairs)
    if table is None and foreground is None:
        table = choose_table([file for pair in todo for file in pair.files], project.classes())
    states = project.states()
    for pair in todo:
        try:
            yield _import_slide(project, pair, states, foreground=foreground, table=table, overwrite=overwrite)
        except StudioError as error:
            yield Outcome(pair.slide, str(error), changed=False)
        except sqlite3.OperationalError as error:
            yield Outcome(
                pair.slide,
                f"Its mask can't be saved in the project ({error}). Free some space, then import again.",
                changed=False,
            )


def read_planes(
    folder: Path, pair: Pair, *, classes: int, foreground: str | None = None, table: ValueTable | None = None
) -> NDArray[np.uint8]:
    """The mask of a slide as class indices, (planes, h, w), 255 where unlabelled; the rest is as for `read_classes`.

    Planes for which there is no file, where there are some for single planes, are unlabelled.

    Raises `MaskError` where the mask can't be read or isn't of the slide's size, `SlideError` where the slide can't be.
    """
    with open_slide(slide_file(folder, pair.slide)) as reader:
        info = reader.info
    wanted = (info.planes, info.height, info.width)
    if not pair.pages:
        # All planes at once: a value that is no class leaves the whole slide out.
        planes = read_classes(pair.mask, classes=classes, foreground=foreground, table=table)
        _check_size(pair, pair.mask, planes.shape, wanted)
        return planes
    check_bytes(pair.mask, math.prod(wanted), MASK_REMEDY)
    planes = np.full(wanted, UNLABELLED, np.uint8)
    for number, file in pair.pages:
        if number >= info.planes:
            raise MaskError(
                f"The mask '{file.name}' is of plane {number + 1}, but its slide '{pair.slide}' has {info.planes}. "
                "Move it out of the folder, or rename it to the plane that it is of."
            )
        page = read_classes(file, classes=classes, foreground=foreground, table=table)
        _check_size(pair, file, page.shape, (1, *wanted[1:]))
        planes[number] = page[0]
    return planes


def _check_size(pair: Pair, file: Path, size: tuple[int, ...], wanted: tuple[int, int, int]) -> None:
    if size != wanted:
        raise MaskError(
            f"The mask '{file.name}' is {_size(size)}, but its slide '{pair.slide}' is {_size(wanted)}. "
            "Export it again at the slide's own size."
        )


def _import_slide(
    project: Project,
    pair: Pair,
    states: Mapping[PlaneId, PlaneState],
    *,
    foreground: str | None,
    table: ValueTable | None,
    overwrite: bool,
) -> Outcome:
    planes = read_planes(project.folder, pair, classes=len(project.classes()), foreground=foreground, table=table)
    changed, kept = False, 0
    for number, classes in enumerate(planes):
        if all((classes[part] == UNLABELLED).all() for part in parts(classes.shape)):
            continue  # a plane of which the mask says nothing stays as it is
        plane, box = PlaneId(pair.slide, number), Box.of_shape(classes.shape)
        before = project.labels(plane, box.shape).read(box)
        for part in parts(classes.shape):
            old, new = before[part], classes[part]
            stays = (new == UNLABELLED) if overwrite else (old != UNLABELLED) | (new == UNLABELLED)
            kept += int(np.count_nonzero(stays & (new != UNLABELLED) & (new != old)))
            classes[part] = np.where(stays, old, new)
        edit = _edit_of(plane, states.get(plane, PlaneState.NEW), before, classes)
        if edit is None:
            continue
        changed = True
        if edit.change.state_after is PlaneState.REVIEWED:  # the mask says all; no model had a part in it
            project.record(project.next_edit_id(), edit, box.shape)
        else:
            record_over(project, edit, box.shape)
    return Outcome(pair.slide, changed=changed, kept=kept)


def _edit_of(plane: PlaneId, state: PlaneState, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Edit | None:
    return make_edit(
        plane, Box.of_shape(before.shape), before, after, f"import mask of {plane.slide}",
        state_before=state,
        state_after=PlaneState.CORRECTED if (after == UNLABELLED).any() else PlaneState.REVIEWED,
    )  # fmt: skip


def _size(shape: tuple[int, ...]) -> str:
    planes, height, width = shape
    return f"{width} × {height} pixels" + (f" with {planes} planes" if planes > 1 else "")
