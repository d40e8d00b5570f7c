"""Proposing: the planes of a job get a model's proposals, slide by slide. Needs Keras."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import Cancelled, SlideError, StudioError
from unet_studio.protocol.values import (
    Event,
    PartProposed,
    PlaneProposed,
    Progress,
    Proposed,
    ProposeJob,
    SlideFailed,
    check_cancelled,
)
from unet_studio.unet.proposing import Proposer

_Outcome = Literal["proposed", "skipped"]
_STOPPED = "Proposing was stopped; the slides finished before keep their proposals."


def propose(job: ProposeJob, proposer: Proposer, progress: Progress) -> Proposed:
    """Propose masks slide by slide; a slide that can't be read is reported and the others go on.

    Raises `ModelError` where the model knows other classes than the project, and `Cancelled`.
    """
    with Project.open(Path(job.folder), place=Path(job.place)) as project:
        if project.has_classes:
            proposer.card.check_fits(project.classes())
    counts: dict[str, int] = {"proposed": 0, "skipped": 0, "failed": 0}
    for index, (slide, number) in enumerate(job.planes):
        share = _SlideProgress(progress, index, len(job.planes), slide)
        try:
            for outcome in _propose_slide(proposer, job, PlaneId(slide, number), share):
                counts[outcome] += 1
        except Cancelled:
            raise
        except StudioError as error:
            counts["failed"] += 1
            progress.event(SlideFailed(slide, str(error)))
    progress.report(1.0, "")
    return Proposed(proposer.card.id, **counts)


class _SlideProgress:
    """Reports the progress of one slide among several; raises `Cancelled` where the user asked to stop."""

    def __init__(self, progress: Progress, index: int, slides: int, slide: str) -> None:
        self._progress = progress
        self._index = index
        self._slides = slides
        self._slide = slide

    def report(self, done: float) -> None:
        """`done` is the share of the slide, 0…1."""
        self._progress.report((self._index + done) / self._slides, self._slide)
        check_cancelled(self._progress, _STOPPED)

    def event(self, event: Event) -> None:
        self._progress.event(event)


def _propose_slide(proposer: Proposer, job: ProposeJob, wanted: PlaneId, share: _SlideProgress) -> Iterator[_Outcome]:
    """Propose one plane, or all where its number is -1."""
    share.report(0.0)
    path = slide_file(Path(job.folder), wanted.slide)
    try:
        stamp = slide_stamp(path)
    except OSError as error:
        raise SlideError(
            f"'{path.name}' is no longer there ({error.strerror}). Put it back, or open the folder again."
        ) from None
    with open_slide(path) as reader:
        if wanted.plane >= reader.info.planes:
            raise SlideError(
                f"'{path.name}' has {reader.info.planes} planes now, and plane {wanted.plane + 1} is not among them. "
                "Put the original slide back, or open the folder again."
            )
        numbers = list(range(reader.info.planes)) if wanted.plane < 0 else [wanted.plane]
        numbers.sort(key=lambda number: not _is_in_view(job, PlaneId(wanted.slide, number)))  # the one in view first
        for position, number in enumerate(numbers):

            def report(done: float, position: int = position) -> None:
                share.report((position + done) / len(numbers))

            plane = PlaneId(wanted.slide, number)
            yield _propose_plane(proposer, job, reader, plane, stamp=stamp, report=report, share=share)


def _propose_plane(
    proposer: Proposer,
    job: ProposeJob,
    reader: SlideReader,
    plane: PlaneId,
    *,
    stamp: str,
    report: Callable[[float], None],
    share: _SlideProgress,
) -> _Outcome:
    model, place = proposer.card.id, Path(job.place)
    stored = find_proposal(place, model, plane, stamp=stamp)
    if not job.overwrite and stored is not None and stored.flips == job.flips:
        return "skipped"
    view = Box(job.view.y0, job.view.x0, job.view.y1, job.view.x1) if job.view and _is_in_view(job, plane) else None
    part = PartProposed(plane.slide, plane.plane, model)
    proposer.propose(reader, plane, place, stamp=stamp, progress=report, view=view, on_part=lambda: share.event(part))
    share.event(PlaneProposed(plane.slide, plane.plane, model))
    return "proposed"


def _is_in_view(job: ProposeJob, plane: PlaneId) -> bool:
    return job.view is not None and (job.view.slide, job.view.plane) == (plane.slide, plane.plane)
