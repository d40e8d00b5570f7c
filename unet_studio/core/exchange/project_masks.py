"""The masks of a project's slides as arrays, from labels, proposals and clean-up."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.project.store import Project
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideError


def slide_mask(project: Project, reader: SlideReader, slide: str, numbers: Sequence[int]) -> NDArray[np.uint8]:
    """The mask of a slide, (h, w), or (planes, h, w) for a stack, unlabelled in planes other than `numbers`."""
    info = reader.info
    if info.planes == 1 and list(numbers) == [0]:
        return plane_mask(project, reader, PlaneId(slide))
    masks = np.full((info.planes, info.height, info.width), UNLABELLED, np.uint8)
    for number in numbers:
        masks[number] = plane_mask(project, reader, PlaneId(slide, number))
    return masks


def plane_mask(project: Project, reader: SlideReader, plane: PlaneId) -> NDArray[np.uint8]:
    """The mask of one plane, (h, w); unlabelled where it has neither labels nor a proposal."""
    return mask_in_parts(project, reader, plane)(reader.info.box())


def mask_in_parts(project: Project, reader: SlideReader, plane: PlaneId) -> Callable[[Box], NDArray[np.uint8]]:
    """The mask of one plane, to be asked for box by box.

    Raises `IncompleteMaskError` where the proposal that it was corrected on is missing, and `SlideError` where
    the slide is no longer the one that was worked on.
    """
    info = reader.info
    if plane.plane >= info.planes:
        raise SlideError(
            f"'{plane.slide}' had a plane {plane.plane + 1} and has {info.planes} now. "
            "Its labels are kept; put the original slide back to export it."
        )
    view = view_plane(project, plane, info.box().shape)
    if view.proposal is not None:
        return view.read
    if not view.labels.cells:
        raise SlideError(
            f"'{plane.slide}' changed after its mask was proposed, so that the mask no longer fits. Propose it again."
        )
    return view.labels.read
