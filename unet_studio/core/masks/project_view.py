"""The mask of a plane as its project has it: labels over the active model's proposal, cleaned up."""

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import find_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.errors import SlideError


def view_plane(project: Project, plane: PlaneId, shape: tuple[int, int]) -> MaskView:
    """How the mask of a plane of `shape` (h, w) comes about, without a proposal for an earlier version of its slide."""
    try:
        stamp = slide_stamp(project.folder / plane.slide)
    except OSError as error:
        raise SlideError(f"'{plane.slide}' is no longer there ({error.strerror}). Put the slide back.") from error
    proposal = find_proposal(project.place, project.active_model, plane, stamp=stamp)
    slide = SlidePlane(project.folder / plane.slide, plane.plane)
    return MaskView(project.labels(plane, shape), proposal, project.threshold, project.steps(), slide)
