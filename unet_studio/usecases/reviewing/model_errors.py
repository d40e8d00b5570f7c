"""The active model's errors on the reviewed planes, object by object, and pictures of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.figures.display import auto_display, read_small, to_rgb
from unet_studio.core.figures.mask_colours import outline
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.project_view import view_over
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.object_errors import ObjectError, find_object_errors
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled

_BLOCK = 4096
"""Larger planes are judged in blocks of this side, and an object on the border of two in two parts."""
_AROUND = 1.6
"""The side of a picture, times that of the object in it."""
_LEAST_SIDE = 48
OF_LABELS, OF_MODEL = (255, 255, 255), (230, 159, 0)
"""Red, green, blue of the outlines in a picture."""


@dataclass(frozen=True, slots=True)
class PlaneError:
    """One error on a plane; its box is in pixels of the plane."""

    plane: PlaneId
    error: ObjectError


def find_model_errors(project: Project, *, progress: Progress = NO_PROGRESS) -> tuple[PlaneError, ...]:
    """Where the active model's proposals, cleaned up, are wrong on the reviewed planes; the largest errors first.

    A plane that can't be read is reported and left out. Raises `Cancelled` where the user asks to stop.
    """
    planes = sorted(plane for plane, state in project.states().items() if state is PlaneState.REVIEWED)
    found: list[PlaneError] = []
    for number, plane in enumerate(planes):
        progress.report(number / len(planes), plane.slide)
        try:
            view = model_view(project, plane)
            if view is None:
                continue
            for block in _blocks(view):
                check_cancelled(progress, "The search for errors was stopped.")
                found += [PlaneError(plane, error) for error in _errors_in(view, block)]
        except StudioError as error:
            check_cancelled(progress, "The search for errors was stopped.")
            progress.event(SlideFailed(plane.slide, str(error)))
    return tuple(sorted(found, key=lambda one: -one.error.size))


def model_view(project: Project, plane: PlaneId) -> MaskView | None:
    """The labels of a plane and what the active model says of it now; None where it has no proposal."""
    proposal = find_proposal(project.place, project.active_model, plane)
    return view_over(project, plane, proposal.shape, proposal) if proposal is not None else None


def draw_error(project: Project, one: PlaneError, side: int) -> NDArray[np.uint8]:
    """A picture (side, side, 3) RGB of an error on a slide, with the outlines of labels and model, and some around it.

    Raises `StudioError` where slide or proposal can't be read, or the proposal is gone.
    """
    view = model_view(project, one.plane)
    if view is None:
        raise StudioError(f"The proposal for '{one.plane.slide}' is gone. Propose it again.")
    box = _crop_box(one.error.box)
    shrink = 1
    while box.height // shrink > 2 * side:
        shrink *= 2
    with open_slide(slide_file(project.folder, one.plane.slide)) as reader:
        number = one.plane.plane
        small = Box(box.y0 // shrink, box.x0 // shrink, box.y1 // shrink, box.x1 // shrink)
        inside = small.intersect(reader.info.box(shrink))
        display = auto_display(read_small(reader, number))
        rgb = to_rgb(reader.read(number, inside, shrink=shrink), display)
    picture = np.zeros((*small.shape, 3), np.uint8)
    picture[inside.within(small)] = rgb
    picture = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    for mask, colour in (
        (view.cleaned(inside, shrink=shrink), OF_MODEL),
        (view.labels.read(inside, shrink=shrink), OF_LABELS),
    ):
        whole = np.zeros(small.shape, np.uint8)
        whole[inside.within(small)] = mask
        edges = outline(np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8))
        picture[edges] = colour
    return picture


def _errors_in(view: MaskView, block: Box) -> Iterator[ObjectError]:
    for error in find_object_errors(view.labels.read(block), view.cleaned(block)):
        box = error.box
        moved = Box(box.y0 + block.y0, box.x0 + block.x0, box.y1 + block.y0, box.x1 + block.x0)
        yield replace(error, box=moved)


def _blocks(view: MaskView) -> Iterator[Box]:
    plane = Box.of_shape(view.labels.shape)
    for cell in cells_over(plane, _BLOCK):
        yield tile_box(cell, _BLOCK).intersect(plane)


def _crop_box(box: Box) -> Box:
    """A square around a box, with some of what is around it."""
    side = max(_LEAST_SIDE, round(_AROUND * max(box.height, box.width)))
    top, left = (box.y0 + box.y1 - side) // 2, (box.x0 + box.x1 - side) // 2
    return Box(top, left, top + side, left + side)
