"""Which plane to label next, of all that nobody labelled: what the window offers and the simulated annotator takes."""

from collections.abc import Collection, Iterator, MutableMapping, Sequence
from dataclasses import replace

import numpy as np

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import Proposal, find_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import MOST_COMPARED, PlaneLook, look_at, mean_uncertainty, next_plane, spread
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import UNHEARD, Progress, check_cancelled

Looks = MutableMapping[str, tuple[PlaneLook, ...]]
"""How the planes of slides look, by slide; it stays true as long as the slides do."""

_MOST_TILES = 64
"""Of a proposal so many tiles of 256 × 256 pixels, evenly spread, say how uncertain it is."""


def next_plane_to_label(
    project: Project,
    slides: Sequence[str],
    *,
    done: Collection[PlaneId],
    looks: Looks | None = None,
    progress: Progress = UNHEARD,
) -> PlaneId | None:
    """The plane of these slides that teaches most, as `core.scoring.next_plane` has it; None where all are `done`.

    Every slide is looked at once, which takes a while, and found in `looks` the next time. Of more than 1000 slides so
    many are looked at, evenly spread, beside those that are done; slides that can't be read are passed over. Raises
    `Cancelled` where the user asks to stop.
    """
    looks = {} if looks is None else looks
    labelled = {plane.slide for plane in done}
    chosen = {*labelled, *spread([slide for slide in slides if slide not in labelled])}
    wanted = [slide for slide in slides if slide in chosen]
    found: list[PlaneLook] = []
    for number, slide in enumerate(wanted):
        check_cancelled(progress, "The search was stopped.")
        progress.report(number / len(wanted), slide)
        seen = {look.plane for look in looks.get(slide, ())}
        if slide not in looks or any(plane.slide == slide and plane not in seen for plane in done):
            looks[slide] = tuple(_look_at_slide(project, slide, len(wanted), done))
        found += [replace(look, uncertainty=_uncertainty(project, look)) for look in looks[slide]]
    return next_plane(found, done)


def _look_at_slide(project: Project, slide: str, slides: int, done: Collection[PlaneId]) -> Iterator[PlaneLook]:
    """The looks of a slide's planes; of a long stack of those that are done and of some more, evenly spread."""
    try:
        with open_slide(project.folder / slide) as reader:
            planes = [PlaneId(slide, number) for number in range(reader.info.planes)]
            some = {*spread(planes, max(1, MOST_COMPARED // slides))}
            yield from [look_at(reader, plane) for plane in planes if plane in some or plane in done]
    except StudioError:
        return


def _uncertainty(project: Project, look: PlaneLook) -> float:
    """The mean uncertainty of the active model's proposal; that of the look where there is none."""
    try:
        stamp = slide_stamp(project.folder / look.plane.slide)
        proposal = find_proposal(project.place, project.active_model, look.plane, stamp=stamp)
        return look.uncertainty if proposal is None else _mean_uncertainty(proposal)
    except (OSError, StudioError):  # the slide just went, or the cache is damaged, which is as good as none
        return look.uncertainty


def _mean_uncertainty(proposal: Proposal) -> float:
    plane = Box.of_shape(proposal.shape)
    boxes = [tile_box(cell).intersect(plane) for cell in spread(list(cells_over(plane)), _MOST_TILES)]
    parts = [mean_uncertainty(proposal.read(box)) for box in boxes]
    return float(np.average(parts, weights=[box.height * box.width for box in boxes]))
