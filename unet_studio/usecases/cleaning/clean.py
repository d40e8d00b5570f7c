"""Cleaning up: a recipe for the proposals of a folder, and what it changes of its masks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.masks.proposals import find_proposal, proposed_planes
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed


@dataclass(frozen=True, slots=True)
class MaskArea:
    """Pixels of any class but background in the masks of a slide's planes, without and with the clean-up recipe."""

    slide: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The recipe that is stored now, and the area of each mask without and with it."""

    steps: tuple[Step, ...]
    areas: tuple[MaskArea, ...]


def clean(project: Project, steps: Iterable[Step], progress: Progress = NO_PROGRESS) -> Cleaned:
    """Store a clean-up recipe and measure what it changes; the proposals themselves stay as they are.

    A slide whose mask isn't whole is reported, and the others go on.
    """
    chosen = tuple(steps)
    project.set_steps(chosen)
    return Cleaned(chosen, tuple(_measure(project, progress)))


def _measure(project: Project, progress: Progress) -> Iterator[MaskArea]:
    """The area of each slide with a proposal, in order; one that changed since is left out."""
    shapes = {labelled.plane: labelled.shape for labelled in project.labelled_planes()}
    numbers: dict[str, list[int]] = defaultdict(list)
    for plane in sorted(proposed_planes(project.place, project.active_model).union(project.kept_proposals())):
        numbers[plane.slide].append(plane.plane)
    for slide in find_slides(project.folder):
        planes = [PlaneId(slide, number) for number in numbers.get(slide, ())]
        try:
            views = [_view(project, plane, shapes.get(plane)) for plane in planes]
        except StudioError as error:
            progress.event(SlideFailed(slide, str(error)))
            continue
        current = [view for view in views if view is not None]
        if current:
            before = sum(_area(replace(view, steps=())) for view in current)
            yield MaskArea(slide, before, sum(_area(view) for view in current))


def _view(project: Project, plane: PlaneId, shape: tuple[int, int] | None) -> MaskView | None:
    stored = find_proposal(project.place, project.active_model, plane) if shape is None else None
    shape = stored.shape if stored is not None else shape
    view = view_plane(project, plane, shape) if shape is not None else None
    return view if view is not None and view.proposal is not None else None


def _area(view: MaskView) -> int:
    mask = view.read(Box.of_shape(view.labels.shape))
    return int(np.count_nonzero((mask != BACKGROUND) & (mask != UNLABELLED)))
