"""Preparing a training: the labelled planes of a snapshot are opened, measured, and divided by what they are for.

It takes minutes where slides are large or many, so it reports its progress for each and can be cancelled.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.errors import StudioError
from unet_studio.protocol.values import Preparing, Progress, SlideFailed, check_cancelled
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.snapshot import Snapshot

_REPLAYED = 12
"""Slides that nobody labelled of which a training is reminded, at the most."""
_STOPPED = "The training was stopped before it began; nothing has changed."


@dataclass(frozen=True, slots=True)
class OpenedPlane:
    """A labelled plane with its labels and its open slide."""

    plane: LabelledPlane
    labels: LabelPlane
    reader: SlideReader


def check_stopped(progress: Progress) -> None:
    """Raise `Cancelled` where the user asked to stop before anything was trained."""
    check_cancelled(progress, _STOPPED)


@contextmanager
def open_slides(snapshot: Snapshot, folder: Path, progress: Progress) -> Iterator[list[OpenedPlane]]:
    """The labelled planes whose slides can be opened and are still as large; the others are reported.

    Raises `StudioError` where there are none.
    """
    with ExitStack() as stack:
        opened = open_labelled(snapshot, folder, progress, stack, each=partial(check_stopped, progress))
        _check_any(opened)
        yield opened


def open_labelled(
    snapshot: Snapshot, folder: Path, progress: Progress, stack: ExitStack, *, each: Callable[[], None]
) -> list[OpenedPlane]:
    """The labelled planes whose slides can be opened and are still as large, until `stack` ends; others are reported.

    `each` is called before a slide is opened, and may raise to stop.
    """
    readers: dict[str, SlideReader] = {}
    opened = []
    for plane, labels in snapshot.planes:
        each()
        slide = plane.plane.slide
        try:
            if slide not in readers:
                readers[slide] = stack.enter_context(open_slide(slide_file(folder, slide)))
            _check_size(plane, readers[slide])
            opened.append(OpenedPlane(plane, labels, readers[slide]))
        except StudioError as error:
            progress.event(SlideFailed(slide, str(error)))
    return opened


def prepare_all(opened: Sequence[OpenedPlane], normalisation: Normalisation, progress: Progress) -> list[LabelledSlide]:
    """The planes ready to be cut into patches; those that can't be read are reported. `StudioError` where none can."""
    slides = []
    for number, one in enumerate(opened, start=1):
        check_stopped(progress)
        progress.event(Preparing(one.plane.plane.slide, number, len(opened)))
        try:
            slides.append(prepare(one, normalisation))
        except StudioError as error:  # a damaged file that could be opened, or one with other channels
            progress.event(SlideFailed(one.plane.plane.slide, str(error)))
    _check_any(slides)
    return slides


def open_unlabelled(
    snapshot: Snapshot, folder: Path, normalisation: Normalisation, seed: int, stack: ExitStack
) -> list[LabelledSlide]:
    """Some slides that nobody labelled and that aren't kept apart, a plane of each, open until `stack` ends.

    Slides that can't be read, or have other channels, are passed over: nobody asked for them.
    """
    taken = {plane.plane.slide for plane, _ in snapshot.planes} | snapshot.hold_out | snapshot.audit
    names = [slide for slide in find_slides(folder) if slide not in taken]
    rng = np.random.default_rng(seed)
    found = []
    for index in rng.permutation(len(names))[:_REPLAYED]:
        try:
            reader = stack.enter_context(open_slide(slide_file(folder, names[index])))
            plane = PlaneId(names[index], int(rng.integers(reader.info.planes)))
            measured = normalisation.measure(reader, plane.plane)
        except StudioError:
            continue
        labels = LabelPlane((reader.info.height, reader.info.width))
        found.append(LabelledSlide(plane, reader, labels, normalisation, measured, []))
    return found


def divide(
    slides: Sequence[LabelledSlide], hold_out: frozenset[str]
) -> tuple[list[LabelledSlide], list[LabelledSlide]]:
    """The slides to learn from and those of the hold-out."""
    training = [slide for slide in slides if slide.plane.slide not in hold_out]
    if not training:
        raise StudioError(
            "Every labelled slide is on the hold-out, so there is nothing to train on. Correct another slide."
        )
    return training, [slide for slide in slides if slide.plane.slide in hold_out]


def set_aside(slides: Sequence[LabelledSlide], recipe: Recipe) -> tuple[list[LabelledSlide], list[LabelledSlide]]:
    """The slides to train on and those to choose a round on: the share that the recipe names, drawn by its seed.

    All planes of a slide stay together. Of two or more slides at least one is set aside and one trained on; where the
    recipe names no share, or there is one slide only, none is set aside.
    """
    names = sorted({slide.plane.slide for slide in slides})
    wanted = recipe.schedule.validation * len(names)
    count = min(max(1, round(wanted)), len(names) - 1) if wanted else 0
    chosen = {names[i] for i in np.random.default_rng(recipe.seed).permutation(len(names))[:count]}
    training = [slide for slide in slides if slide.plane.slide not in chosen]
    return training, [slide for slide in slides if slide.plane.slide in chosen]


def prepare(one: OpenedPlane, normalisation: Normalisation) -> LabelledSlide:
    """A plane ready to be read as a model sees it; raises `StudioError` where it can't be, as of other channels."""
    measured = normalisation.measure(one.reader, one.plane.plane.plane)
    return LabelledSlide(one.plane.plane, one.reader, one.labels, normalisation, measured, sorted(one.plane.cells))


def _check_any(slides: Sequence[object]) -> None:
    if not slides:
        raise StudioError(
            "None of the labelled slides can be read, so there is nothing to train on. "
            "Put the slides back, or label others."
        )


def _check_size(plane: LabelledPlane, reader: SlideReader) -> None:
    info = reader.info
    if (info.height, info.width) != tuple(plane.shape) or plane.plane.plane >= info.planes:
        raise StudioError(f"'{plane.plane.slide}' has changed since it was labelled; it is left out of this training.")
