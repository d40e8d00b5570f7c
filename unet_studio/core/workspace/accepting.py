"""Reviewing and accepting in an open folder: what proposals say becomes labels, each time as one edit."""

from collections.abc import Iterable

from unet_studio.core.editing.accepting import AcceptedPlane, review_plane
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.workspace.change import Change
from unet_studio.core.workspace.workspace import Workspace


def review(workspace: Workspace, plane: PlaneId, labels: LabelPlane) -> Change | None:
    """Confirm a plane as a whole: what isn't labelled takes the cleaned-up proposal. None if it was already."""
    mask, state = workspace.mask(plane, labels), workspace.state(plane)
    edit = review_plane(mask, plane, f"review of {plane.slide}", state=state)
    if edit is None:
        return None
    return workspace.perform(edit, labels.shape, made_on={plane: mask.proposal})


def acceptable_planes(workspace: Workspace) -> tuple[PlaneId, ...]:
    """The proposed planes that nobody labelled yet, in the order of the slides."""
    order = {slide: number for number, slide in enumerate(workspace.slides)}
    planes = [plane for plane in workspace.proposed if plane not in workspace.states and plane.slide in order]
    return tuple(sorted(planes, key=lambda plane: (order[plane.slide], plane.plane)))


def accept(workspace: Workspace, accepted: Iterable[AcceptedPlane]) -> Change | None:
    """Take over what `accept_planes` found, in one edit, but for planes that a person labelled meanwhile."""
    accepted = tuple(accepted)
    found = [(a.change, a.shape) for a in accepted if a.change is not None and a.plane not in workspace.states]
    if not found:
        return None
    slides = {change.plane.slide for change, _ in found}
    of = slides.pop() if len(slides) == 1 else f"{len(slides)} slides"
    edit = Edit(f"accept the proposals of {of}", tuple(change for change, _ in found))
    return workspace.perform(edit, *(shape for _, shape in found), made_on={a.plane: a.made_on for a in accepted})
