"""Accepting proposals: unlabelled pixels take the class of the mask, over any area, with bounded memory."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.regions import Region
from unet_studio.core.labels.edits import Edit, Patch, PlaneChange, make_patches
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import Cancelled, IncompleteMaskError, SlideError, StudioError

_BLOCK = 2048
"""Side of what is worked on at once, in pixels: the more, the better for clean-up steps that look at whole objects."""

Cancel = Callable[[], bool]
"""Asked between two blocks or planes whether to stop."""


@dataclass(frozen=True, slots=True)
class AcceptedPlane:
    """What accepting the proposal of a plane of `shape` (h, w) changes, or why it can't be accepted.

    `made_on` is that proposal.
    """

    plane: PlaneId
    shape: tuple[int, int] = (0, 0)
    change: PlaneChange | None = None
    problem: str = ""
    made_on: Proposal | None = None


def review_plane(
    view: MaskView, plane: PlaneId, sentence: str, *, state: PlaneState, cancelled: Cancel = lambda: False
) -> Edit | None:
    """The edit that confirms a plane as a whole: its mask becomes its labels. None if it was reviewed already.

    A plane up to 2048 × 2048 is worked on as a whole, a larger one in blocks with the surroundings that the clean-up
    needs, so that objects and holes longer than `clean_up.LONGEST_OBJECT` may come out as they do on a part of the
    plane. Raises `SlideError` where only a part is proposed so far, `IncompleteMaskError` where the proposal under the
    labels is missing, and `Cancelled` once `cancelled` says so.
    """
    change = _change_plane(view, plane, state=state, state_after=PlaneState.REVIEWED, cancelled=cancelled)
    if not change.patches and state is PlaneState.REVIEWED:
        return None
    return Edit(sentence, (change,))


def accept_plane(
    view: MaskView, plane: PlaneId, sentence: str, *, state: PlaneState, cancelled: Cancel = lambda: False
) -> Edit | None:
    """The edit that gives unlabelled pixels the class of the cleaned-up proposal, in blocks as `review_plane` does.

    None where there is no proposal, or everything is labelled. Raises as `review_plane` does.
    """
    if view.proposal is None:
        return None
    change = _change_plane(view, plane, state=state, state_after=state.after_edit, cancelled=cancelled)
    return Edit(sentence, (change,)) if change.patches else None


def accept_region(
    view: MaskView,
    plane: PlaneId,
    region: Region,
    sentence: str,
    *,
    state: PlaneState,
    cancelled: Cancel = lambda: False,
) -> Edit | None:
    """The edit that gives the unlabelled pixels of a region the class of the cleaned-up proposal, in blocks as
    `review_plane` does.

    None where there is no proposal, or everything inside is labelled. Raises as `review_plane` does.
    """
    if view.proposal is None:
        return None
    _check_whole(view, plane)

    def values_of(box: Box) -> NDArray[np.uint8]:
        inside = region.inside[box.within(region.box)]
        return np.where(inside, view.read(box), view.labels.read(box))

    change = change_plane(
        view.labels, plane, region.box, values_of, state_before=state, state_after=state.after_edit, cancelled=cancelled
    )
    return Edit(sentence, (change,)) if change.patches else None


def accept_planes(
    view_of: Callable[[PlaneId], MaskView], planes: Iterable[PlaneId], *, cancelled: Cancel = lambda: False
) -> Iterator[AcceptedPlane]:
    """What accepting the proposals of planes that nobody labelled changes on each, plane by plane.

    `view_of` finds how the mask of a proposed plane comes about, or raises `StudioError`. Stops early once `cancelled`
    says so.
    """
    for plane in planes:
        if cancelled():
            return
        try:
            view = view_of(plane)
            change = _change_plane(
                view, plane, state=PlaneState.PROPOSED, state_after=PlaneState.CORRECTED, cancelled=cancelled
            )
        except Cancelled:
            return
        except (StudioError, sqlite3.OperationalError) as error:
            yield AcceptedPlane(plane, problem=str(error))
        else:
            yield AcceptedPlane(plane, view.labels.shape, change if change.patches else None, made_on=view.proposal)


def change_plane(
    labels: LabelPlane,
    plane: PlaneId,
    box: Box,
    values_of: Callable[[Box], NDArray[np.uint8]],
    *,
    state_before: PlaneState,
    state_after: PlaneState,
    cancelled: Cancel = lambda: False,
) -> PlaneChange:
    """The change that gives the labels inside `box`, which lies on the plane, the values (h, w) that a function gives.

    `values_of` is asked block by block, so that memory stays bounded on a plane of any size. Raises `Cancelled` once
    `cancelled` says so.
    """
    patches: list[Patch] = []
    for block in (tile_box(cell, _BLOCK).intersect(box) for cell in cells_over(box, _BLOCK)):
        if cancelled():
            raise Cancelled("This was stopped before it was finished; nothing changed.")
        patches += make_patches(block, labels.read(block), values_of(block))
    return PlaneChange(plane, tuple(patches), state_before, state_after)


def _change_plane(
    view: MaskView, plane: PlaneId, *, state: PlaneState, state_after: PlaneState, cancelled: Cancel
) -> PlaneChange:
    _check_whole(view, plane)
    whole = Box.of_shape(view.labels.shape)
    return change_plane(
        view.labels, plane, whole, view.read, state_before=state, state_after=state_after, cancelled=cancelled
    )


def _check_whole(view: MaskView, plane: PlaneId) -> None:
    """Raise StudioError where the mask is background because nothing is proposed yet, or the proposal is missing."""
    if view.proposal is not None and view.proposal.partial:
        raise SlideError(f"Only a part of '{plane.slide}' is proposed so far. Accept it once all of it is.")
    if not view.is_whole:
        raise IncompleteMaskError(view.problem)
