"""The mask of a plane as its project has it: labels over the proposal under them, cleaned up."""

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.kept import find_under
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import slide_file
from unet_studio.errors import IncompleteMaskError


def view_plane(project: Project, plane: PlaneId, shape: tuple[int, int]) -> MaskView:
    """How the mask of a plane of `shape` (h, w) comes about: labels over the kept proposal, else the active model's.

    Raises `IncompleteMaskError` where the proposal that the plane was corrected on is missing, so that its mask isn't
    whole, and `SlideError` where the slide is gone.
    """
    kept = project.kept_proposal(plane)
    under = find_under(project.folder, project.place, plane, kept, model=project.active_model)
    view = view_over(project, plane, shape, under.proposal, under.problem)
    if not view.is_whole:
        raise IncompleteMaskError(under.problem)
    return view


def view_over(
    project: Project, plane: PlaneId, shape: tuple[int, int], proposal: Proposal | None, problem: str = ""
) -> MaskView:
    """The labels of a plane of `shape` (h, w) over a proposal, cleaned up as the project says.

    `problem` says why it is not the proposal that should be there. Raises `PathError` where the project names no slide
    of its folder.
    """
    slide = SlidePlane(slide_file(project.folder, plane.slide), plane.plane)
    return MaskView(project.labels(plane, shape), proposal, project.threshold, project.steps(), slide, problem)
