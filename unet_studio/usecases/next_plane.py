"""Which plane to label next, of all that nobody labelled: what the window offers and the simulated annotator takes."""

from collections.abc import Collection, Iterator, MutableMapping, Sequence
from dataclasses import replace

import numpy as np

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import Proposal, find_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import (
    MOST_COMPARED,
    PlaneDescriptor,
    describe_plane,
    evenly_spaced,
    mean_uncertainty,
    next_plane,
)
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, check_cancelled

Descriptors = MutableMapping[str, tuple[PlaneDescriptor, ...]]
"""The descriptors of planes, by slide; a cache that is valid as long as the slides don't change."""

_MOST_TILES = 64
"""The uncertainty of a proposal is averaged over at most this many tiles of 256 × 256 pixels, evenly spread."""


def next_plane_to_label(
    project: Project,
    slides: Sequence[str],
    *,
    done: Collection[PlaneId],
    descriptors: Descriptors | None = None,
    progress: Progress = NO_PROGRESS,
) -> PlaneId | None:
    """The plane of these slides that teaches most, as `core.scoring.next_plane` has it; None where all are `done`.

    Every slide is read once, which takes a while, and kept in `descriptors` for the next time. Of more than 1000 slides
    that many are read, evenly spread, beside those that are done; slides that can't be read are passed over. Raises
    `Cancelled` where the user asks to stop.
    """
    descriptors = {} if descriptors is None else descriptors
    labelled = {plane.slide for plane in done}
    chosen = {*labelled, *evenly_spaced([slide for slide in slides if slide not in labelled])}
    wanted = [slide for slide in slides if slide in chosen]
    found: list[PlaneDescriptor] = []
    for number, slide in enumerate(wanted):
        check_cancelled(progress, "The search was stopped.")
        progress.report(number / len(wanted), slide)
        seen = {descriptor.plane for descriptor in descriptors.get(slide, ())}
        if slide not in descriptors or any(plane.slide == slide and plane not in seen for plane in done):
            descriptors[slide] = tuple(_describe_slide(project, slide, len(wanted), done))
        found += [
            replace(descriptor, uncertainty=_uncertainty(project, descriptor)) for descriptor in descriptors[slide]
        ]
    return next_plane(found, done)


def _describe_slide(project: Project, slide: str, slides: int, done: Collection[PlaneId]) -> Iterator[PlaneDescriptor]:
    """The descriptors of a slide's planes; of a long stack those of the done ones and of some more, evenly spread."""
    try:
        with open_slide(project.folder / slide) as reader:
            planes = [PlaneId(slide, number) for number in range(reader.info.planes)]
            some = {*evenly_spaced(planes, max(1, MOST_COMPARED // slides))}
            yield from [describe_plane(reader, plane) for plane in planes if plane in some or plane in done]
    except StudioError:
        return


def _uncertainty(project: Project, descriptor: PlaneDescriptor) -> float:
    """The mean uncertainty of the active model's proposal; the one in the descriptor where there is none."""
    try:
        stamp = slide_stamp(project.folder / descriptor.plane.slide)
        proposal = find_proposal(project.place, project.active_model, descriptor.plane, stamp=stamp)
        return descriptor.uncertainty if proposal is None else _mean_uncertainty(proposal)
    except (OSError, StudioError):  # the slide was just removed, or the cache is damaged and counts as none
        return descriptor.uncertainty


def _mean_uncertainty(proposal: Proposal) -> float:
    plane = Box.of_shape(proposal.shape)
    boxes = [tile_box(cell).intersect(plane) for cell in evenly_spaced(list(cells_over(plane)), _MOST_TILES)]
    parts = [mean_uncertainty(proposal.read(box)) for box in boxes]
    return float(np.average(parts, weights=[box.height * box.width for box in boxes]))
