"""Which plane to label next, of all that nobody labelled: what the window offers and the simulated annotator takes."""

from collections import Counter
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from dataclasses import replace
from hashlib import sha256

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import (
    MOST_COMPARED,
    Order,
    PlaneDescriptor,
    describe_plane,
    evenly_spaced,
    next_plane,
)
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, check_cancelled
from unet_studio.usecases.reviewing.plane_figures import FigureCache, measure_planes

Descriptors = MutableMapping[str, tuple[PlaneDescriptor, ...]]
"""The descriptors of planes, by slide; a cache that is valid as long as the slides don't change."""


def next_plane_in_order(
    project: Project,
    slides: Sequence[str],
    *,
    order: Order,
    done: Collection[PlaneId],
    seed: int = 0,
    descriptors: Descriptors | None = None,
    progress: Progress = NO_PROGRESS,
) -> PlaneId | None:
    """The plane of these slides that comes next in an order; None where all are `done`.

    Planes of which nothing is known that `order` goes by, such as how much they changed, come after the others, in the
    order of `slides`. `seed` is that of the random order. Slides that can't be read are passed over. Raises `Cancelled`
    where the user asks to stop.
    """
    if order is Order.TEACHES_MOST:
        return next_plane_to_label(project, slides, done=done, descriptors=descriptors, progress=progress)
    if order is Order.CHANGED and (changed := _most_changed(project, slides, done, progress)) is not None:
        return changed
    if order is not Order.RANDOM:
        return next((plane for slide in slides for plane in _planes(project, slide) if plane not in done), None)
    labelled = Counter(plane.slide for plane in done)
    for slide in sorted(slides, key=lambda slide: (labelled[slide], _drawn(seed, slide))):
        left = [plane for plane in _planes(project, slide) if plane not in done]
        if left:
            return min(left, key=lambda plane: _drawn(seed, f"{plane.slide}:{plane.plane}"))
    return None


def next_plane_to_label(
    project: Project,
    slides: Sequence[str],
    *,
    done: Collection[PlaneId],
    descriptors: Descriptors | None = None,
    progress: Progress = NO_PROGRESS,
) -> PlaneId | None:
    """The plane of these slides that teaches most, as `core.scoring.next_plane` has it; None where all are `done`.

    Slides of the audit sample teach nothing, so they come last.

    Every slide is read once, which takes a while, and kept in `descriptors` for the next time. Of more than 1000 slides
    that many are read, evenly spread, beside those that are done; slides that can't be read are passed over. Raises
    `Cancelled` where the user asks to stop.
    """
    descriptors = {} if descriptors is None else descriptors
    audit = project.audit()
    taught, kept_apart = [s for s in slides if s not in audit], [s for s in slides if s in audit]
    of_taught = [plane for plane in done if plane.slide not in audit]
    cache = FigureCache(project.place)
    try:
        found = _find_next(project, taught, of_taught, descriptors, cache, progress)
        return found or _find_next(project, kept_apart, done, descriptors, cache, progress)
    finally:
        cache.write()


def _find_next(
    project: Project,
    slides: Sequence[str],
    done: Collection[PlaneId],
    descriptors: Descriptors,
    cache: FigureCache,
    progress: Progress,
) -> PlaneId | None:
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
            replace(descriptor, uncertainty=_uncertainty(project, descriptor, cache))
            for descriptor in descriptors[slide]
        ]
    return next_plane(found, done)


def _describe_slide(project: Project, slide: str, slides: int, done: Collection[PlaneId]) -> Iterator[PlaneDescriptor]:
    """The descriptors of a slide's planes; of a long stack those of the done ones and of some more, evenly spread."""
    try:
        with open_slide(slide_file(project.folder, slide)) as reader:
            planes = [PlaneId(slide, number) for number in range(reader.info.planes)]
            some = {*evenly_spaced(planes, max(1, MOST_COMPARED // slides))}
            yield from [describe_plane(reader, plane) for plane in planes if plane in some or plane in done]
    except StudioError:
        return


def _planes(project: Project, slide: str) -> list[PlaneId]:
    """All planes of a slide; none where it can't be read."""
    try:
        with open_slide(slide_file(project.folder, slide)) as reader:
            return [PlaneId(slide, number) for number in range(reader.info.planes)]
    except StudioError:
        return []


def _most_changed(
    project: Project, slides: Sequence[str], done: Collection[PlaneId], progress: Progress
) -> PlaneId | None:
    """The plane whose proposal changed most; None where no change is known."""
    figures = measure_planes(project, slides=slides, progress=progress)
    place_of = {slide: number for number, slide in enumerate(slides)}
    changes = [
        (-figure.change, place_of[plane.slide], plane)
        for plane, figure in figures.items()
        if figure.change is not None and plane not in done
    ]
    return min(changes)[2] if changes else None


def _drawn(seed: int, name: str) -> str:
    return sha256(f"{seed}:{name}".encode()).hexdigest()


def _uncertainty(project: Project, descriptor: PlaneDescriptor, cache: FigureCache) -> float:
    """The mean uncertainty of the active model's proposal; the one in the descriptor where there is none."""
    try:
        stamp = slide_stamp(slide_file(project.folder, descriptor.plane.slide))
        proposal = find_proposal(project.place, project.active_model, descriptor.plane, stamp=stamp)
        return descriptor.uncertainty if proposal is None else cache.uncertainty(descriptor.plane, proposal)
    except (OSError, StudioError):  # the slide was just removed, or the cache is damaged and counts as none
        return descriptor.uncertainty
